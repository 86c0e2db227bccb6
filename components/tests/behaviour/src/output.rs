//! What the guests put out: bodies, lines and hexadecimal. Knows lengths; must never know where it goes.

use std::io::Write;

/// Bytes of one chunk of a streamed body.
pub const CHUNK_BYTES: usize = 16 * 1024;
/// The byte that fills streamed bodies and log lines.
pub const FILL: u8 = b'x';

/// Bytes in hexadecimal, lower case.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The pieces of a body of [`FILL`], each at most [`CHUNK_BYTES`] long.
pub fn chunks(bytes: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = rest.min(CHUNK_BYTES as u64);
        rest -= length;
        (length > 0).then(|| vec![FILL; usize::try_from(length).unwrap_or(CHUNK_BYTES)])
    })
}

/// Writes `bytes` bytes in lines of `line` bytes each, line ends included; a stream that refuses ends it.
pub fn write_lines(out: &mut impl Write, bytes: u64, line: u64) {
    let mut rest = bytes;
    while rest > 0 {
        let length = rest.min(line.max(1));
        rest -= length;
        let mut text = vec![FILL; usize::try_from(length - 1).unwrap_or_default()];
        text.push(b'\n');
        if out.write_all(&text).is_err() {
            return;
        }
    }
}

/// Writes a text so many times, exactly as it is; a stream that refuses ends it.
pub fn print(out: &mut impl Write, text: &[u8], times: u64) {
    for _ in 0..times {
        // Without a line end, the standard library would keep it for ever.
        if out.write_all(text).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{chunks, print, write_lines};

    #[test]
    fn chunks_add_up_to_the_length_asked_for() {
        for (bytes, pieces) in [(0, 0), (1, 1), (16_384, 1), (16_385, 2), (100_000, 7)] {
            let lengths: Vec<_> = chunks(bytes).map(|chunk| chunk.len() as u64).collect();
            assert_eq!((lengths.iter().sum::<u64>(), lengths.len()), (bytes, pieces));
        }
    }

    #[test]
    fn lines_have_their_length_and_the_last_one_what_is_left() {
        for (bytes, line, expected) in [(0, 4, ""), (4, 4, "xxx\n"), (6, 4, "xxx\nx\n"), (2, 0, "\n\n")] {
            let mut out = Vec::new();
            write_lines(&mut out, bytes, line);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "for {bytes} bytes in lines of {line}");
        }
    }

    #[test]
    fn a_text_is_printed_as_it_is() {
        let mut out = Vec::new();
        print(&mut out, b"\x1b\xff", 2);
        assert_eq!(out, b"\x1b\xff\x1b\xff");
    }
}
