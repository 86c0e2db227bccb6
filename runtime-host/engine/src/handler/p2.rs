//! `wasi:http/incoming-handler@0.2`: one call, which hands over its response and may write the body afterwards.

use crate::Failure;
use crate::handler::Answer;
use crate::meter::{Guest, MeteredStore};
use bytes::Bytes;
use http::Request;
use tokio::sync::oneshot;
use wasmtime_wasi::WasiView;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::{Error, WasiHttpView};

/// Runs one request.
pub(crate) async fn run<C, B>(
    pre: &ProxyPre<Guest<C>>,
    mut store: MeteredStore<C>,
    request: Request<B>,
    answer: oneshot::Sender<Answer>,
) -> wasmtime::Result<()>
where
    C: WasiView + WasiHttpView + Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Error>,
{
    let store = &mut store.store;
    let proxy = pre.instantiate_async(&mut *store).await?;
    let mut http = store.data_mut().http();
    let scheme = if request.uri().scheme() == Some(&http::uri::Scheme::HTTPS) { Scheme::Https } else { Scheme::Http };
    let request = http.new_incoming_request(scheme, request)?;
    let response = http.new_response_outparam_from_callback(move |result| {
        let _ = answer.send(result.map_err(|code| Failure::GuestError(format!("{code:?}"))));
    })?;
    proxy.wasi_http_incoming_handler().call_handle(&mut *store, request, response).await
}
