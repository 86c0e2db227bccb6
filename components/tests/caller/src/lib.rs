//! A handler of WASI 0.3 that tries what it can get at: `/own/<kind>/<name>` by itself, `/dependency/<kind>/<name>` through the component
//! that it depends on. A value is 200, an error 403.
//!
//! Knows paths; must never know what a dependency may do.

#[cfg(target_family = "wasm")]
#[path = "../../library/src/attempt.rs"]
mod attempt;
#[cfg(target_family = "wasm")]
mod bindings {
    wit_bindgen::generate!({ path: ["../../../wit", "../library/wit"], world: "spell:tests/caller@1.0.0", generate_all });
}

#[cfg(target_family = "wasm")]
mod handler {
    use crate::attempt::attempt;
    use crate::bindings::spell::tests::reach;
    use spin_sdk::wasip3::exports::http::handler::Guest;
    use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Request, Response};
    use spin_sdk::wasip3::wit_bindgen::spawn;
    use spin_sdk::wasip3::{wit_future, wit_stream};

    struct Caller;

    impl Guest for Caller {
        async fn handle(request: Request) -> Result<Response, ErrorCode> {
            let path = request.get_path_with_query().unwrap_or_default();
            let mut words = path.trim_start_matches('/').splitn(3, '/');
            let (who, kind, name) = (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let outcome = match who {
                Some("own") => attempt(kind, name),
                Some("dependency") => reach::attempt(kind, name),
                _ => Err("nobody".to_owned()),
            };
            let (status, body) = outcome.map_or_else(|error| (403, error), |value| (200, value));
            Ok(respond(status, body.into_bytes()))
        }
    }

    spin_sdk::wasip3::http::service::export!(Caller with_types_in spin_sdk::wasip3);

    fn respond(status: u16, body: Vec<u8>) -> Response {
        let (mut writer, reader) = wit_stream::new();
        // No trailers: the future's default answers when its writer is dropped.
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(Fields::new(), Some(reader), trailers);
        let _ = response.set_status_code(status);
        spawn(async move {
            writer.write_all(body).await;
        });
        response
    }
}
