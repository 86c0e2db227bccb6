//! Bodies of requests: read whole, within bounds of size, of time and of what all bodies together take of the memory.
//!
//! It knows bytes, and JSON as far as it is JSON. It must never know what is asked.

use crate::platform::Api;
use crate::platform::problem::{Problem, Refusal};
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body_util::{BodyExt as _, Limited};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use spell_cast::PROGRAM_BYTES_MAX;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How large a body may be, and how long it may take to come.
pub(crate) struct Bound {
    pub(crate) bytes_max: usize,
    pub(crate) time_max: Duration,
    /// What a body that is larger is told.
    pub(crate) too_large: Refusal,
}

/// What is said in JSON.
pub(crate) const JSON: Bound = Bound { bytes_max: 1 << 20, time_max: Duration::from_secs(30), too_large: Refusal::BodyTooLarge };
/// A cast: 10 MiB of input, which base64 makes a third longer, and what stands around it.
pub(crate) const CAST: Bound = Bound { bytes_max: 14 << 20, time_max: Duration::from_secs(60), too_large: Refusal::InputTooLarge };
/// A program, and the form around it.
pub(crate) const UPLOAD: Bound =
    Bound { bytes_max: PROGRAM_BYTES_MAX + (64 << 10), time_max: Duration::from_secs(5 * 60), too_large: Refusal::ProgramTooLarge };

/// How deep arrays and objects of a body may be within each other: what is answered with is as deep, and most readers stop soon behind it.
pub(crate) const JSON_DEPTH_MAX: usize = 100;
/// Memory that bodies have together.
const BODIES_KIB_MAX: u32 = 256 << 10;
/// Longest wait for some of it.
const ROOM_TIME_MAX: Duration = Duration::from_secs(5);
/// Bytes that are read and forgotten after a refusal, and how long: a client that still writes would not read the refusal.
const FORGOTTEN_BYTES_MAX: usize = 64 << 20;
const FORGOTTEN_TIME_MAX: Duration = Duration::from_secs(1);

/// The memory that bodies have together.
pub(crate) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BODIES_KIB_MAX as usize)))
    }
}

impl Room {
    pub(crate) async fn take(&self, size_bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let taken = timeout(ROOM_TIME_MAX, self.0.clone().acquire_many_owned(kib(size_bytes))).await;
        taken.ok().and_then(Result::ok).ok_or_else(|| Problem::new(Refusal::Unavailable, "too many large requests come in at once"))
    }
}

/// A body's part of the memory, until it is let go of.
pub(crate) type Place = OwnedSemaphorePermit;

/// Reads a body. What becomes of it may stay for as long as its place is kept.
pub(crate) async fn read(api: &Api, request: Request, bound: &Bound) -> Result<(Bytes, Place), Problem> {
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let too_large = || Problem::new(bound.too_large, format!("the request has more than {} bytes", bound.bytes_max));
    // Who waits for a word before it sends needs no more than that word.
    let is_waiting = request.headers().contains_key(EXPECT);
    let mut body = request.into_body();
    if declared.is_some_and(|size_bytes| size_bytes > bound.bytes_max) {
        if !is_waiting {
            forget(&mut body).await;
        }
        return Err(too_large());
    }
    let mut taken = api.room.take(declared.unwrap_or(bound.bytes_max)).await?;
    match timeout(bound.time_max, Limited::new(&mut body, bound.bytes_max).collect()).await {
        Err(_) => Err(Problem::new(Refusal::BodyTooSlow, "the body did not come in time")),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            forget(&mut body).await;
            Err(too_large())
        }
        Ok(Err(_)) => Err(Problem::new(Refusal::BadRequest, "the body ended before it was whole")),
        Ok(Ok(collected)) => {
            let bytes = collected.to_bytes();
            // What was not declared took as much as there could be.
            drop(taken.split(taken.num_permits().saturating_sub(kib(bytes.len()) as usize)));
            Ok((bytes, taken))
        }
    }
}

/// Reads a body of JSON.
pub(crate) async fn read_json<T: DeserializeOwned>(api: &Api, request: Request) -> Result<T, Problem> {
    is_json(request.headers())?;
    let (bytes, _place) = read(api, request, &JSON).await?;
    parse(&bytes)
}

/// Refuses what says that it is something else than JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let is_json = |value: &http::HeaderValue| value.to_str().is_ok_and(|value| essence(value).eq_ignore_ascii_case("application/json"));
    if headers.get_all(CONTENT_TYPE).iter().all(is_json) {
        return Ok(());
    }
    Err(Problem::new(Refusal::MediaType, "the body is JSON: send it with `Content-Type: application/json`"))
}

/// A media type without its parameters.
pub(crate) fn essence(content_type: &str) -> &str {
    content_type.split_once(';').map_or(content_type, |(essence, _)| essence).trim()
}

/// What a text of JSON says.
pub(crate) fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, Problem> {
    if depth(json) > JSON_DEPTH_MAX {
        let detail = format!("the body has arrays and objects more than {JSON_DEPTH_MAX} deep within each other");
        return Err(Problem::new(Refusal::BadRequest, detail));
    }
    serde_json::from_slice(json).map_err(|error| match error.classify() {
        Category::Data => Problem::new(Refusal::Invalid, error),
        _ => Problem::new(Refusal::BadRequest, format!("the body is no JSON: {error}")),
    })
}

/// How deep arrays and objects are within each other. What is passed on as it was written is met by others, who may go as deep as it does.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut depth_max) = (0_usize, 0);
    let (mut is_text, mut is_escaped) = (false, false);
    for byte in json {
        match byte {
            b'[' | b'{' if !is_text => depth += 1,
            b']' | b'}' if !is_text => depth = depth.saturating_sub(1),
            b'"' if !is_escaped => is_text = !is_text,
            _ => {}
        }
        depth_max = depth_max.max(depth);
        is_escaped = is_text && *byte == b'\\' && !is_escaped;
    }
    depth_max
}

async fn forget(body: &mut Body) {
    let reading = async {
        let mut read_bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read_bytes += frame.data_ref().map_or(0, Bytes::len);
            if read_bytes > FORGOTTEN_BYTES_MAX {
                break;
            }
        }
    };
    // Whatever comes later finds a closed connection.
    let _ = timeout(FORGOTTEN_TIME_MAX, reading).await;
}

fn kib(size_bytes: usize) -> u32 {
    u32::try_from(size_bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_of_json_is_that_of_its_arrays_and_objects_and_not_of_its_texts() {
        for (json, expected) in
            [("1", 0), ("[]", 1), (r#"{"a":[1,{"b":[]}],"c":{}}"#, 4), (r#"["[[[","\"[[","\\",[]]"#, 2), ("]]]][", 1), ("[[[[", 4)]
        {
            assert_eq!(depth(json.as_bytes()), expected, "{json}");
        }
    }
}
