//! The packets of MQTT 3.1.1 that publishing needs.
//!
//! This module knows bytes. It must never know why anything is published.

use super::Quality;
use crate::outbound::AnswerBound;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Most bytes behind the head of a packet, as the protocol has it.
const BODY_BYTES_MAX: usize = 268_435_455;
const CLEAN_SESSION: u8 = 0x02;
const HAS_PASSWORD: u8 = 0x40;
const HAS_USER: u8 = 0x80;

/// Who connects.
pub(super) struct Connect<'a> {
    /// Empty to have the broker choose a name.
    pub(super) client: &'a str,
    pub(super) credentials: Option<&'a (String, String)>,
    pub(super) keep_alive_secs: u16,
}

/// What a broker says, with the number of the message it is about, or the code of its greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ack {
    Connected(u8),
    Published(u16),
    Received(u16),
    Completed(u16),
}

/// A connection that nothing is remembered of; `None` if a text is too long.
pub(super) fn connect(connect: &Connect<'_>) -> Option<Vec<u8>> {
    let flags = CLEAN_SESSION | connect.credentials.map_or(0, |_| HAS_USER | HAS_PASSWORD);
    let mut body = b"\0\x04MQTT\x04".to_vec();
    body.push(flags);
    body.extend(connect.keep_alive_secs.to_be_bytes());
    push_text(&mut body, connect.client)?;
    if let Some((user, password)) = connect.credentials {
        push_text(&mut body, user)?;
        push_text(&mut body, password)?;
    }
    packet(0x10, &body)
}

/// A message; `None` if the topic is none, or it is too long.
pub(super) fn publish(topic: &str, payload: &[u8], quality: Quality, number: u16) -> Option<Vec<u8>> {
    if topic.is_empty() || topic.contains(['+', '#', '\0']) {
        return None;
    }
    let mut body = Vec::with_capacity(topic.len() + payload.len() + 4);
    push_text(&mut body, topic)?;
    let flags = match quality {
        Quality::AtMostOnce => 0,
        Quality::AtLeastOnce => 0x02,
        Quality::ExactlyOnce => 0x04,
    };
    if quality != Quality::AtMostOnce {
        body.extend(number.to_be_bytes());
    }
    body.extend_from_slice(payload);
    packet(0x30 | flags, &body)
}

/// The third of the four steps of a message that arrives exactly once.
pub(super) fn release(number: u16) -> [u8; 4] {
    let [high, low] = number.to_be_bytes();
    [0x62, 2, high, low]
}

/// Reads what a broker says; each of it has two bytes.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin), bound: &AnswerBound) -> io::Result<Ack> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes).await?;
    bound.has(1).map_err(io::Error::other)?;
    let [kind, 2, high, low] = bytes else { return Err(malformed()) };
    let number = u16::from_be_bytes([high, low]);
    Ok(match kind {
        0x20 => Ack::Connected(low),
        0x40 => Ack::Published(number),
        0x50 => Ack::Received(number),
        0x70 => Ack::Completed(number),
        _ => return Err(malformed()),
    })
}

pub(super) fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the server does not speak the protocol of MQTT")
}

fn push_text(body: &mut Vec<u8>, text: &str) -> Option<()> {
    body.extend(u16::try_from(text.len()).ok()?.to_be_bytes());
    body.extend_from_slice(text.as_bytes());
    Some(())
}

/// A head, the length in groups of seven bits, and what follows.
fn packet(head: u8, body: &[u8]) -> Option<Vec<u8>> {
    if body.len() > BODY_BYTES_MAX {
        return None;
    }
    let mut packet = vec![head];
    let mut left = body.len();
    loop {
        let group = (left & 0x7f) as u8;
        left >>= 7;
        packet.push(if left > 0 { group | 0x80 } else { group });
        if left == 0 {
            break;
        }
    }
    packet.extend_from_slice(body);
    Some(packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_as_the_protocol_has_them() {
        let credentials = ("u".to_owned(), "pw".to_owned());
        let full = Connect { client: "c", credentials: Some(&credentials), keep_alive_secs: 258 };
        assert_eq!(connect(&full).unwrap(), b"\x10\x14\0\x04MQTT\x04\xc2\x01\x02\0\x01c\0\x01u\0\x02pw");
        let bare = Connect { client: "", credentials: None, keep_alive_secs: 0 };
        assert_eq!(connect(&bare).unwrap(), b"\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0");
        assert_eq!(publish("a/b", b"x", Quality::AtMostOnce, 7).unwrap(), b"\x30\x06\0\x03a/bx");
        assert_eq!(publish("a/b", b"x", Quality::AtLeastOnce, 7).unwrap(), b"\x32\x08\0\x03a/b\0\x07x");
        assert_eq!(publish("a/b", b"", Quality::ExactlyOnce, 258).unwrap(), b"\x34\x07\0\x03a/b\x01\x02");
        assert_eq!(release(258), [0x62, 2, 1, 2]);
        for (bytes, head) in [(124, &b"\x30\x7f"[..]), (125, b"\x30\x80\x01"), (16_380, b"\x30\xff\x7f"), (16_381, b"\x30\x80\x80\x01")] {
            assert!(publish("t", &vec![0; bytes], Quality::AtMostOnce, 1).unwrap().starts_with(head), "{bytes}");
        }
        for topic in ["", "a/+", "#", "a\0", &"t".repeat(65_536)] {
            assert_eq!(publish(topic, b"", Quality::AtMostOnce, 1), None);
        }
        assert!(connect(&Connect { client: &"c".repeat(65_536), credentials: None, keep_alive_secs: 0 }).is_none());
    }

    #[tokio::test]
    async fn what_a_broker_says_is_an_acknowledgement_or_an_error() {
        let bound = AnswerBound::new(1000);
        for (bytes, expected) in [
            (&b"\x20\x02\x00\x05"[..], Some(Ack::Connected(5))),
            (b"\x40\x02\x01\x02", Some(Ack::Published(258))),
            (b"\x50\x02\x00\x01", Some(Ack::Received(1))),
            (b"\x70\x02\x00\x01", Some(Ack::Completed(1))),
            (b"\x30\x02\x00\x01", None),
            (b"\x40\x03\x00\x01", None),
            (b"\x40\xff\xff\xff", None),
            (b"\x40\x02", None),
            (b"HTTP/1.1", None),
            (b"", None),
        ] {
            let mut from = bytes;
            assert_eq!(read(&mut from, &bound).await.ok(), expected, "{bytes:?}");
        }
    }
}
