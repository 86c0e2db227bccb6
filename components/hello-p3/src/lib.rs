//! The smallest WASI 0.3 handler, for benches: a fixed body, its length announced, no work.
//!
//! Knows nothing of the request; must never grow a feature, or the numbers stop being comparable.

#[cfg(target_family = "wasm")]
mod handler {
    use wasip3::exports::http::handler::Guest;
    use wasip3::http::types::{ErrorCode, Fields, Request, Response};
    use wasip3::{wit_bindgen, wit_future, wit_stream};

    const BODY: &[u8] = b"Hello, world!";

    struct Hello;

    impl Guest for Hello {
        async fn handle(_request: Request) -> Result<Response, ErrorCode> {
            let headers = Fields::new();
            let _ = headers.append("content-length", b"13");
            let (mut body, reader) = wit_stream::new();
            // No trailers: the future's default answers when its writer is dropped.
            let (_, trailers) = wit_future::new(|| Ok(None));
            let (response, _sent) = Response::new(headers, Some(reader), trailers);
            wit_bindgen::spawn(async move {
                body.write_all(BODY.to_vec()).await;
            });
            Ok(response)
        }
    }

    wasip3::http::service::export!(Hello);
}
