//! The protocol of Redis, version 2: commands out, replies in. A reply is counted while it is read, so that its parts never take more
//! memory than an answer may, whatever a server claims of their number and length.
//!
//! This module knows bytes. It must never know what a command does.

use crate::outbound::AnswerBound;
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// Longest line of a reply, in bytes: a status, an error, a number.
const LINE_BYTES_MAX: u64 = 64 << 10;
/// What a part of a reply takes of memory, besides its bytes.
const PART_BYTES: u64 = 64;

/// A part of a reply that has no further parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Nil,
    Status(String),
    Integer(i64),
    Bytes(Vec<u8>),
}

/// A whole reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// The parts, those of lists within lists in one row.
    Parts(Vec<Part>),
    /// The first error that the server told.
    Error(String),
}

/// A command as it is sent.
pub(super) fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Reads one reply to its end.
pub(super) async fn read(from: &mut (impl AsyncBufRead + Unpin), bound: &AnswerBound) -> io::Result<Reply> {
    let (mut parts, mut error) = (Vec::new(), None);
    // How many are still to come; lists within lists only add to it.
    let mut left = 1_u64;
    while left > 0 {
        left -= 1;
        bound.charge(PART_BYTES).map_err(io::Error::other)?;
        let line = line(from).await?;
        let (kind, rest) = line.split_first().ok_or_else(malformed)?;
        match kind {
            b'+' => parts.push(Part::Status(text(rest))),
            b'-' => _ = error.get_or_insert_with(|| text(rest)),
            b':' => parts.push(Part::Integer(number(rest)?)),
            b'$' => parts.push(bulk(from, number(rest)?, bound).await?),
            b'*' => match number(rest)? {
                -1 => parts.push(Part::Nil),
                count => left = left.saturating_add(u64::try_from(count).map_err(|_| malformed())?),
            },
            _ => return Err(malformed()),
        }
    }
    Ok(error.map_or(Reply::Parts(parts), Reply::Error))
}

/// A line without its end.
async fn line(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    from.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if !line.ends_with(b"\r\n") {
        return Err(malformed());
    }
    line.truncate(line.len() - 2);
    Ok(line)
}

async fn bulk(from: &mut (impl AsyncBufRead + Unpin), length: i64, bound: &AnswerBound) -> io::Result<Part> {
    if length == -1 {
        return Ok(Part::Nil);
    }
    let length = usize::try_from(length).map_err(|_| malformed())?;
    // What was read ahead is paid for already, so that this may let pass a little more; reading stops in time all the same.
    if length > READ_AHEAD_BYTES {
        bound.has((length - READ_AHEAD_BYTES) as u64).map_err(io::Error::other)?;
    }
    let mut bytes = Vec::new();
    (&mut *from).take(length as u64).read_to_end(&mut bytes).await?;
    let mut end = [0; 2];
    from.read_exact(&mut end).await?;
    if bytes.len() == length && end == *b"\r\n" { Ok(Part::Bytes(bytes)) } else { Err(malformed()) }
}

/// What is read from the network at once.
pub(super) const READ_AHEAD_BYTES: usize = 8 << 10;

fn number(text: &[u8]) -> io::Result<i64> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(malformed)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the server does not speak the protocol of Redis")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::AnswerBound;

    async fn read_all(mut bytes: &[u8]) -> io::Result<(Reply, usize)> {
        let reply = read(&mut bytes, &AnswerBound::new(1 << 20)).await?;
        Ok((reply, bytes.len()))
    }

    #[test]
    fn a_command_is_a_list_of_its_words() {
        assert_eq!(command(&[b"SET", b"a\r\nb", b""]), b"*3\r\n$3\r\nSET\r\n$4\r\na\r\nb\r\n$0\r\n\r\n");
    }

    #[tokio::test]
    async fn replies_are_read_to_their_end_and_no_further() {
        use Part::*;
        let bytes = |text: &str| Bytes(text.as_bytes().to_vec());
        for (text, expected) in [
            ("+OK\r\n", Reply::Parts(vec![Status("OK".to_owned())])),
            ("-ERR no\r\n", Reply::Error("ERR no".to_owned())),
            (":-12\r\n", Reply::Parts(vec![Integer(-12)])),
            ("$-1\r\n", Reply::Parts(vec![Nil])),
            ("*-1\r\n", Reply::Parts(vec![Nil])),
            ("$0\r\n\r\n", Reply::Parts(vec![bytes("")])),
            ("$4\r\na\r\nb\r\n", Reply::Parts(vec![bytes("a\r\nb")])),
            ("*0\r\n", Reply::Parts(vec![])),
            ("*3\r\n:1\r\n*2\r\n$1\r\na\r\n*1\r\n$-1\r\n+x\r\n", Reply::Parts(vec![Integer(1), bytes("a"), Nil, Status("x".to_owned())])),
            ("*2\r\n-ERR one\r\n:2\r\n", Reply::Error("ERR one".to_owned())),
        ] {
            assert_eq!(read_all(format!("{text}rest").as_bytes()).await.unwrap(), (expected, 4), "{text:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_reply_is_an_error() {
        for text in [
            "",
            "\r\n",
            "+OK",
            "+OK\n",
            "?\r\n",
            ":x\r\n",
            ":\r\n",
            "$x\r\n",
            "$-2\r\n",
            "$3\r\nab",
            "$1\r\nabc\r\n",
            "*-2\r\n",
            "*1\r\n",
            "*99999999999999999999\r\n",
            "HTTP/1.1 400 Bad Request\r\n",
        ] {
            assert!(read_all(text.as_bytes()).await.is_err(), "{text:?}");
        }
        assert!(read_all(format!("+{}\r\n", "x".repeat(1 << 17)).as_bytes()).await.is_err());
    }

    #[tokio::test]
    async fn many_small_parts_and_one_large_one_meet_the_bound() {
        for text in ["*1\r\n".repeat(100_000), format!("*1000000\r\n{}", ":0\r\n".repeat(1_000_000)), "$2000000\r\n".to_owned()] {
            let error = read_all(text.as_bytes()).await.unwrap_err();
            assert!(error.to_string().contains("query_bytes"), "{error}");
        }
        assert!(read_all(b"*9223372036854775807\r\n*9223372036854775807\r\n").await.is_err(), "claims alone take no memory");
    }
}
