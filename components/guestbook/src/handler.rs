//! The `wasi:http/incoming-handler` export. Knows which answer each outcome gets; must never know keys or streams.

use serde::Serialize;
use wasip2::clocks::wall_clock;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};
use wasip2::random::random::get_random_u64;

use crate::action::Action;
use crate::entry::NewEntry;
use crate::http::{self, Answer, BODY_BYTES_MAX};
use crate::store::{Book, Failure};

struct Guestbook;

impl Guest for Guestbook {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let answer = answer(&request).unwrap_or_else(|failure| {
            let status = if matches!(failure, Failure::Full) { 507 } else { 500 };
            refusal(status, &failure.to_string())
        });
        http::send(outparam, &answer);
    }
}

wasip2::http::proxy::export!(Guestbook);

fn answer(request: &IncomingRequest) -> Result<Answer, Failure> {
    let (method, path) = http::method_and_header(request, "spin-path-info");
    match Action::of(&method, &path) {
        Action::List => Ok(json(200, &Book::open()?.list()?)),
        Action::Add => add(request),
        Action::Remove { id } if Book::open()?.remove(id)? => Ok(Answer { status: 204, headers: vec![], body: vec![] }),
        Action::Remove { .. } => Ok(refusal(404, "there is no such entry")),
        Action::NotFound => Ok(refusal(404, "there is nothing here")),
        Action::MethodNotAllowed { allow } => {
            let mut answer = refusal(405, &format!("the methods here are {allow}"));
            answer.headers.push(("allow", allow.to_owned()));
            Ok(answer)
        }
    }
}

fn add(request: &IncomingRequest) -> Result<Answer, Failure> {
    let Some(body) = http::read_body(request) else {
        return Ok(refusal(413, &format!("the body is incomplete or longer than {BODY_BYTES_MAX} bytes")));
    };
    let entry = match NewEntry::parse(&body) {
        Ok(entry) => entry.with_id(now_ms(), get_random_u64()),
        Err(reason) => return Ok(refusal(400, &reason)),
    };
    Book::open()?.add(&entry)?;
    Ok(json(201, &entry))
}

fn now_ms() -> u64 {
    let now = wall_clock::now();
    now.seconds.saturating_mul(1000).saturating_add(u64::from(now.nanoseconds) / 1_000_000)
}

fn refusal(status: u16, reason: &str) -> Answer {
    json(status, &serde_json::json!({ "error": reason }))
}

fn json(status: u16, value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value).unwrap_or_default();
    Answer { status, headers: vec![("content-type", "application/json".to_owned())], body }
}
