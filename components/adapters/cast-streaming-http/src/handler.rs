//! The handler: hands the request on, and the answer back. Knows `wasi:http` of WASI 0.3; must never know what a failure means.

use crate::problem::{self, HOW_TO, Problem};
use bindings::spell::runtime::cast_streaming::{self, Answer, Content, Failure};
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Fields, HeaderError, Method, Request, Response};
use wasip3::{wit_future, wit_stream};
use wit_bindgen::{FutureReader, spawn};

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package spell:adapters;

            world cast-streaming-http {
                import spell:runtime/cast-streaming@0.1.0;
            }
        ",
        path: "../../../wit/spell-runtime",
        world: "spell:adapters/cast-streaming-http",
        generate_all,
    });
}

struct Handler;

wasip3::http::service::export!(Handler);

impl Guest for Handler {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        if !matches!(request.get_method(), Method::Post) {
            return refuse(Problem { status: 405, code: "method-not-allowed", detail: HOW_TO });
        }
        let content_type = request.get_headers().get("content-type").into_iter().next();
        let content_type = content_type.and_then(|value| String::from_utf8(value).ok());
        // Nothing is wrong with it on this side; the future's default says so when its writer is dropped.
        let (_, read) = wit_future::new(|| Ok(()));
        let (bytes, whole) = Request::consume_body(request, read);
        match cast_streaming::cast(Content { bytes, content_type }).await {
            Ok(answer) => respond(answer, whole),
            Err(failure) => refuse(Problem::of_failure(&failure.code, &failure.message)),
        }
    }
}

/// A response that has begun, and ends as the answer does: whole, or broken off.
fn respond(answer: Answer, request_whole: FutureReader<Result<Option<Fields>, ErrorCode>>) -> Result<Response, ErrorCode> {
    // Nobody has seen its bytes yet.
    let content_type = answer.content.content_type.as_deref().unwrap_or("application/octet-stream");
    let Ok(headers) = head(content_type, None) else {
        return refuse(Problem::of_failure("bad-answer", "the spell's content type is none that HTTP can carry"));
    };
    let (ended, trailers) = wit_future::new(|| Err(ErrorCode::InternalError(None)));
    let (response, _) = Response::new(headers, Some(answer.content.bytes), trailers);
    spawn(async move {
        let outcome = match answer.end.await {
            // A spell does not see whether its input broke off, so what it made of it is not whole either.
            Ok(()) => request_whole.await.map(|_| None),
            Err(Failure { code, message }) => Err(ErrorCode::InternalError(Some(format!("{code}: {message}")))),
        };
        // Whoever has gone away needs no more.
        let _ = ended.write(outcome).await;
    });
    Ok(response)
}

fn refuse(problem: Problem<'_>) -> Result<Response, ErrorCode> {
    let body = problem.to_json().into_bytes();
    let allow = (problem.status == 405).then_some("POST");
    let headers = head(problem::CONTENT_TYPE, allow).map_err(|_| ErrorCode::InternalError(None))?;
    let _ = headers.append("content-length", body.len().to_string().as_bytes());
    let (mut writer, reader) = wit_stream::new();
    // No trailers: the future's default answers when its writer is dropped.
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _) = Response::new(headers, Some(reader), trailers);
    let _ = response.set_status_code(problem.status);
    spawn(async move {
        writer.write_all(body).await;
    });
    Ok(response)
}

fn head(content_type: &str, allow: Option<&str>) -> Result<Fields, HeaderError> {
    let headers = Fields::new();
    headers.append("content-type", content_type.as_bytes())?;
    allow.iter().try_for_each(|methods| headers.append("allow", methods.as_bytes()))?;
    Ok(headers)
}
