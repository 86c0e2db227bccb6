//! The answer to a request: a checksum, or 404 for a kernel that there is none of.

use crate::kernels;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Kernels;

impl Guest for Kernels {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let checksum = path.rsplit('/').next().and_then(kernels::run);
        let response = OutgoingResponse::new(Fields::new());
        if checksum.is_none() {
            let _ = response.set_status_code(404);
        }
        let body = response.body();
        ResponseOutparam::set(outparam, Ok(response));
        let Ok(body) = body else { return };
        if let (Ok(stream), Some(checksum)) = (body.write(), checksum) {
            let _ = stream.blocking_write_and_flush(checksum.to_string().as_bytes());
        }
        let _ = OutgoingBody::finish(body, None);
    }
}

wasip2::http::proxy::export!(Kernels);
