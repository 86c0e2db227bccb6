//! The smallest WASI 0.2 handler, for benches: a fixed body, its length announced, no work.
//!
//! Knows nothing of the request; must never grow a feature, or the numbers stop being comparable.

#[cfg(target_family = "wasm")]
mod handler {
    use wasip2::exports::http::incoming_handler::Guest;
    use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

    const BODY: &[u8] = b"Hello, world!";

    struct Hello;

    impl Guest for Hello {
        fn handle(_request: IncomingRequest, outparam: ResponseOutparam) {
            let headers = Fields::new();
            let _ = headers.append("content-length", b"13");
            let response = OutgoingResponse::new(headers);
            let body = response.body();
            ResponseOutparam::set(outparam, Ok(response));
            let Ok(body) = body else { return };
            if let Ok(stream) = body.write() {
                let _ = stream.blocking_write_and_flush(BODY);
            }
            let _ = OutgoingBody::finish(body, None);
        }
    }

    wasip2::http::proxy::export!(Hello);
}
