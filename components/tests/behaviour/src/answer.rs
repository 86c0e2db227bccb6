//! An answer told raw. Knows which parts it has; must never judge whether they make sense.

use crate::query::{Field, Query};

/// An answer with whatever was asked for, be it allowed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of every answer")]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<Field>,
    pub bytes: u64,
    pub trailers: Vec<Field>,
}

impl Answer {
    pub(crate) fn of(query: &Query) -> Self {
        let mut headers = query.fields("headers");
        headers.extend(query.bytes("length").map(|length| ("content-length".to_owned(), length)));
        Self { status: query.number("status", 200), headers, bytes: query.number("bytes", 0), trailers: query.fields("trailers") }
    }
}
