//! `wasi:http/handler@0.3`: an asynchronous call, which returns its response and may write the body afterwards.

use crate::Failure;
use crate::handler::Answer;
use crate::meter::{Guest, MeteredStore};
use bytes::Bytes;
use http::Request;
use tokio::sync::oneshot;
use wasmtime_wasi::WasiView;
use wasmtime_wasi_http::p3;
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{Error, WasiHttpView};

/// Runs one request.
pub(crate) async fn run<C, B>(
    pre: &ServicePre<Guest<C>>,
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
    let service = pre.instantiate_async(&mut *store).await?;
    let (request, request_done) = p3::Request::from_http(store.data_mut().http().hooks, request);
    store
        .run_concurrent(async |accessor| -> wasmtime::Result<()> {
            match service.handle(accessor, request).await? {
                Ok(response) => {
                    let response = accessor.with(|mut store| response.into_http(&mut store, request_done))?;
                    let _ = answer.send(Ok(response));
                }
                Err(code) => {
                    let _ = answer.send(Err(Failure::GuestError(format!("{code:?}"))));
                }
            }
            // The guest may still be writing its body.
            std::future::poll_fn(|context| accessor.poll_no_interesting_tasks(context)).await;
            Ok(())
        })
        .await?
}
