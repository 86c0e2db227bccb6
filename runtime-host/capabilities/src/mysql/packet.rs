//! The packets of MySQL: framed, numbered, and measured before there is room made for them.
//!
//! This module knows bytes. It must never know what a statement is.

use super::MysqlError;
use crate::outbound::{AnswerBound, Duplex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes of a packet that are continued in the next one.
const FRAME_BYTES_MAX: usize = 0xff_ffff;
/// The error of a wrong user or password.
const ACCESS_DENIED: [u16; 3] = [1044, 1045, 1698];

/// An open connection.
pub(super) struct Wire {
    pub(super) stream: Box<dyn Duplex>,
    pub(super) sequence: u8,
    /// Whether the server leaves out the packets that mark an end.
    pub(super) omits_ends: bool,
    pub(super) bound: AnswerBound,
}

impl Wire {
    /// Sends a packet that begins something new.
    pub(super) async fn command(&mut self, payload: &[u8]) -> Result<(), MysqlError> {
        self.sequence = 0;
        self.send(payload).await
    }

    pub(super) async fn send(&mut self, payload: &[u8]) -> Result<(), MysqlError> {
        send(&mut self.stream, &mut self.sequence, payload).await
    }

    pub(super) async fn read(&mut self) -> Result<Vec<u8>, MysqlError> {
        read(&mut self.stream, &mut self.sequence, &self.bound).await
    }

    /// A packet that may be an error of the server.
    pub(super) async fn read_answer(&mut self) -> Result<Vec<u8>, MysqlError> {
        let packet = self.read().await?;
        not_an_error(packet)
    }
}

/// A packet, or the error that it is.
pub(super) fn not_an_error(packet: Vec<u8>) -> Result<Vec<u8>, MysqlError> {
    if packet.first() == Some(&0xff) { Err(read_error(&packet)?) } else { Ok(packet) }
}

pub(super) async fn send(to: &mut (impl AsyncWrite + Unpin), sequence: &mut u8, payload: &[u8]) -> Result<(), MysqlError> {
    let mut frames = payload.chunks(FRAME_BYTES_MAX);
    loop {
        // A full frame is followed by another, be it an empty one.
        let frame = frames.next().unwrap_or_default();
        let length = u32::try_from(frame.len()).map_err(|_| MysqlError::Malformed)?.to_le_bytes();
        to.write_all(&[length[0], length[1], length[2], *sequence]).await?;
        to.write_all(frame).await?;
        *sequence = sequence.wrapping_add(1);
        if frame.len() < FRAME_BYTES_MAX {
            return Ok(to.flush().await?);
        }
    }
}

pub(super) async fn read(from: &mut (impl AsyncRead + Unpin), sequence: &mut u8, bound: &AnswerBound) -> Result<Vec<u8>, MysqlError> {
    let mut packet = Vec::new();
    loop {
        let mut head = [0; 4];
        from.read_exact(&mut head).await?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
        bound.has(length as u64)?;
        *sequence = head[3].wrapping_add(1);
        let start = packet.len();
        packet.resize(start + length, 0);
        let room = packet.get_mut(start..).ok_or(MysqlError::Malformed)?;
        from.read_exact(room).await?;
        if length < FRAME_BYTES_MAX {
            return Ok(packet);
        }
    }
}

fn read_error(packet: &[u8]) -> Result<MysqlError, MysqlError> {
    let mut reader = Reader::new(packet);
    reader.u8()?;
    let code = reader.u16()?;
    // What it says may repeat who asked.
    if ACCESS_DENIED.contains(&code) {
        return Ok(MysqlError::Login);
    }
    let text = String::from_utf8_lossy(reader.0);
    let text = text.strip_prefix('#').and_then(|rest| rest.get(5..)).unwrap_or(&text);
    Ok(MysqlError::Query(format!("ERROR {code}: {text}")))
}

/// Reads the parts of a packet.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(packet: &'a [u8]) -> Reader<'a> {
        Reader(packet)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], MysqlError> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(MysqlError::Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn array<const COUNT: usize>(&mut self) -> Result<&'a [u8; COUNT], MysqlError> {
        self.bytes(COUNT)?.try_into().map_err(|_| MysqlError::Malformed)
    }

    pub(super) fn peek(&self) -> Result<u8, MysqlError> {
        self.0.first().copied().ok_or(MysqlError::Malformed)
    }

    pub(super) fn u8(&mut self) -> Result<u8, MysqlError> {
        let [byte] = self.array()?;
        Ok(*byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, MysqlError> {
        Ok(u16::from_le_bytes(*self.array()?))
    }

    /// A number of one to nine bytes.
    pub(super) fn length(&mut self) -> Result<u64, MysqlError> {
        let bytes: &[u8] = match self.u8()? {
            small @ 0..=0xfa => return Ok(u64::from(small)),
            0xfc => self.bytes(2)?,
            0xfd => self.bytes(3)?,
            0xfe => self.bytes(8)?,
            _ => return Err(MysqlError::Malformed),
        };
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Bytes behind their number.
    pub(super) fn counted(&mut self) -> Result<&'a [u8], MysqlError> {
        let count = usize::try_from(self.length()?).map_err(|_| MysqlError::Malformed)?;
        self.bytes(count)
    }

    /// Bytes up to a zero, or to the end.
    pub(super) fn terminated(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == 0);
        let text = self.0.get(..end.unwrap_or(self.0.len())).unwrap_or_default();
        self.0 = self.0.get(text.len() + 1..).unwrap_or_default();
        text
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Writes bytes behind their number.
pub(super) fn push_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len() as u64;
    match length {
        0..=0xfa => out.push(length as u8),
        0xfb..=0xffff => {
            out.push(0xfc);
            out.extend(&length.to_le_bytes()[..2]);
        }
        0x1_0000..=0xff_ffff => {
            out.push(0xfd);
            out.extend(&length.to_le_bytes()[..3]);
        }
        _ => {
            out.push(0xfe);
            out.extend(length.to_le_bytes());
        }
    }
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_bytes_come_back() {
        for count in [0, 1, 250, 251, 65_535, 65_536, 20_000_000] {
            let mut out = Vec::new();
            push_counted(&mut out, &vec![7; count]);
            out.push(9);
            let mut reader = Reader::new(&out);
            assert_eq!((reader.counted().unwrap().len(), reader.rest()), (count, &[9][..]));
        }
        for broken in [&[][..], &[0xfb], &[0xff], &[0xfc, 1], &[5, 1], &[0xfe, 255, 255, 255, 255, 255, 255, 255, 255]] {
            assert!(Reader::new(broken).counted().is_err(), "{broken:?}");
        }
        let mut reader = Reader::new(b"ab\0c");
        assert_eq!((reader.terminated(), reader.terminated(), reader.terminated()), (&b"ab"[..], &b"c"[..], &b""[..]));
    }
}
