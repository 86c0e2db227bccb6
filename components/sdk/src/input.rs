//! What a spell can take. Must never know what it does with it.

use crate::{Content, Failure};

/// What a spell can be cast with: [`Content`], `Vec<u8>`, `String`, and [`Json`](crate::Json) of what `serde` can read.
#[diagnostic::on_unimplemented(
    message = "a spell cannot be cast with `{Self}`",
    label = "take `String`, `Vec<u8>`, `Content`, or `Json<T>`",
    note = "`Json<T>` takes every `T` that implements `serde::Deserialize`"
)]
pub trait FromContent: Sized {
    /// What the bytes are.
    ///
    /// # Errors
    /// If they are something else: `invalid-input`, with the place.
    fn from_content(content: Content) -> Result<Self, Failure>;
}

impl FromContent for Content {
    fn from_content(content: Content) -> Result<Self, Failure> {
        Ok(content)
    }
}

impl FromContent for Vec<u8> {
    fn from_content(content: Content) -> Result<Self, Failure> {
        Ok(content.bytes)
    }
}

impl FromContent for String {
    fn from_content(content: Content) -> Result<Self, Failure> {
        String::from_utf8(content.bytes).map_err(|error| {
            let place = error.utf8_error().valid_up_to();
            Failure::invalid_input(format_args!("the input is no text: what stands at byte {place} is not UTF-8"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_content_arrive_as_they_are() {
        let content = Content::new([0, 0xff]).with_type("a/b");
        assert_eq!(Content::from_content(content.clone()), Ok(content.clone()));
        assert_eq!(Vec::from_content(content), Ok(vec![0, 0xff]));
    }

    #[test]
    fn a_text_that_is_none_is_refused_with_the_place() {
        for (bytes, expected) in [(&b""[..], Ok("")), ("größer".as_bytes(), Ok("größer")), (b"ab\xffc", Err(2)), (b"\xc3", Err(0))] {
            let expected = expected
                .map(str::to_owned)
                .map_err(|place: usize| Failure::invalid_input(format!("the input is no text: what stands at byte {place} is not UTF-8")));
            assert_eq!(String::from_content(Content::new(bytes)), expected);
        }
    }
}
