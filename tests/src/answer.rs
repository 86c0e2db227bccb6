//! An HTTP/1.1 answer, read strictly: what arrived, and whether it arrived whole.
//!
//! This file knows framing. It must never know sockets.

use serde_json::Value;

/// What a server sent until it closed the connection.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status; 0 when the connection ended before one came.
    pub status: u16,
    /// Names in lower case, with their values, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// The body, as far as it came.
    pub body: Vec<u8>,
    /// Whether the body ended as its framing had promised.
    pub is_whole: bool,
}

impl Answer {
    /// Reads the bytes of one connection. The answer to HEAD has no body.
    pub fn parse(bytes: &[u8], is_head: bool) -> Self {
        let Some(end) = position(bytes, b"\r\n\r\n") else {
            return Self { status: 0, headers: Vec::new(), body: Vec::new(), is_whole: false };
        };
        let (head, rest) = (String::from_utf8_lossy(&bytes[..end]), &bytes[end + 4..]);
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Self { status, headers, body: rest.to_vec(), is_whole: true };
        if is_head {
            answer.is_whole = rest.is_empty();
        } else if answer.header("transfer-encoding") == Some("chunked") {
            (answer.body, answer.is_whole) = unchunk(rest);
        } else if let Some(length) = answer.header("content-length") {
            answer.is_whole = length.parse() == Ok(rest.len());
        }
        answer
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; fails the test when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in the answer {}: {:?}", self.status, self.text()))
    }

    /// Whether the whole of a successful answer came.
    pub fn is_success(&self) -> bool {
        self.status == 200 && self.is_whole
    }
}

/// The data of a chunked body, and whether its last chunk came.
fn unchunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = position(rest, b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..end]);
        let Ok(size) = usize::from_str_radix(size.trim(), 16) else { return (body, false) };
        rest = &rest[end + 2..];
        if size == 0 {
            return (body, rest.ends_with(b"\r\n"));
        }
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        let Some(next) = rest.get(size + 2..) else { return (body, false) };
        rest = next;
    }
    (body, false)
}

fn position(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_whole_only_as_its_framing_promises() {
        for (text, status, body, is_whole) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, "ok", true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", 200, "ok", false),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, "ok", true),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", 200, "ok", false),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nok", 200, "ok", false),
            ("HTTP/1.1 200 OK\r\n", 0, "", false),
        ] {
            let answer = Answer::parse(text.as_bytes(), false);
            assert_eq!((answer.status, answer.text().as_str(), answer.is_whole), (status, body, is_whole), "{text:?}");
        }
    }
}
