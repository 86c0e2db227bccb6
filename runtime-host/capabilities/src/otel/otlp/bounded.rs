//! JSON that ends at a bound: what would be longer is given up as soon as it is, not when it is whole.
//!
//! This module knows bytes. It must never know what they say.

use serde::Serialize;
use std::io;

/// It would have been longer than it may.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is too large")]
pub(in crate::otel) struct TooLarge;

struct Bounded {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(bytes.len()) > self.bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A value as JSON of at most so many bytes.
pub(in crate::otel) fn encode<T: Serialize>(value: &T, bytes_max: usize) -> Result<String, TooLarge> {
    let mut writer = Bounded { bytes: Vec::new(), bytes_max };
    serde_json::to_writer(&mut writer, value).map_err(|_| TooLarge)?;
    String::from_utf8(writer.bytes).map_err(|_| TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_whole_and_what_does_not_is_nothing() {
        assert_eq!(encode(&["ab"], 6).as_deref(), Ok("[\"ab\"]"));
        assert_eq!(encode(&["ab"], 5), Err(TooLarge));
    }
}
