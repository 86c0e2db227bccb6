//! `fermyon:spin/inbound-http`: how components of Spin 1 answer HTTP, with whole bodies in and out.
//!
//! This file knows the interface's types. It must never know how a store is made.

use crate::Failure;
use crate::handler::{Answer, belongs_to_connection};
use crate::meter::{Guest, MeteredStore};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::sync::oneshot;
use wasmtime::component::{ComponentExportIndex, ComponentType, InstancePre, Lift, Lower};
use wasmtime_wasi_http::Error;

/// The interface's name.
pub(super) const INTERFACE: &str = "fermyon:spin/inbound-http";
/// Its one function.
pub(super) const FUNCTION: &str = "handle-request";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
enum GuestMethod {
    #[component(name = "get")]
    Get,
    #[component(name = "post")]
    Post,
    #[component(name = "put")]
    Put,
    #[component(name = "delete")]
    Delete,
    #[component(name = "patch")]
    Patch,
    #[component(name = "head")]
    Head,
    #[component(name = "options")]
    Options,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct GuestRequest {
    method: GuestMethod,
    uri: String,
    headers: Vec<(String, String)>,
    params: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct GuestResponse {
    status: u16,
    headers: Option<Vec<(String, String)>>,
    body: Option<Vec<u8>>,
}

/// Runs one request.
pub(crate) async fn run<C, B>(
    pre: &InstancePre<Guest<C>>,
    function: ComponentExportIndex,
    mut store: MeteredStore<C>,
    request: Request<B>,
    answer: oneshot::Sender<Answer>,
) -> wasmtime::Result<()>
where
    C: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Error>,
{
    let (parts, body) = request.into_parts();
    let Some(method) = guest_method(&parts.method) else {
        let _ = answer.send(Ok(empty(StatusCode::METHOD_NOT_ALLOWED)));
        return Ok(());
    };
    // How much may come in is seen to before: a body that is too large ends in an error here.
    let body = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => {
            let error: Error = error.into();
            let _ = answer.send(Err(Failure::GuestError(error.to_string())));
            return Ok(());
        }
    };
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let request = GuestRequest {
        method,
        uri: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        headers: parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        // Spin has never filled them.
        params: Vec::new(),
        body: (!body.is_empty()).then(|| body.to_vec()),
    };
    let store = &mut store.store;
    let instance = pre.instantiate_async(&mut *store).await?;
    let function = instance.get_typed_func::<(GuestRequest,), (GuestResponse,)>(&mut *store, function)?;
    let (response,) = function.call_async(&mut *store, (request,)).await?;
    let _ = answer.send(into_http(response));
    Ok(())
}

fn guest_method(method: &Method) -> Option<GuestMethod> {
    Some(match *method {
        Method::GET => GuestMethod::Get,
        Method::POST => GuestMethod::Post,
        Method::PUT => GuestMethod::Put,
        Method::DELETE => GuestMethod::Delete,
        Method::PATCH => GuestMethod::Patch,
        Method::HEAD => GuestMethod::Head,
        Method::OPTIONS => GuestMethod::Options,
        _ => return None,
    })
}

fn into_http(response: GuestResponse) -> Answer {
    let bad = |what: String| Failure::GuestError(format!("the response cannot be sent: {what}"));
    let status = StatusCode::from_u16(response.status).map_err(|_| bad(format!("{} is no status", response.status)))?;
    let mut made = Response::new(Full::new(Bytes::from(response.body.unwrap_or_default())).map_err(|never| match never {}).boxed_unsync());
    *made.status_mut() = status;
    for (name, value) in response.headers.unwrap_or_default() {
        let wrong = || bad(format!("`{}` is no header", name.escape_debug()));
        let name = HeaderName::try_from(&name).map_err(|_| wrong())?;
        if belongs_to_connection(&name) {
            continue;
        }
        made.headers_mut().append(name.clone(), HeaderValue::try_from(value).map_err(|_| wrong())?);
    }
    Ok(made)
}

fn empty(status: StatusCode) -> Response<wasmtime_wasi_http::WasiBody> {
    let mut response = Response::new(Full::default().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}
