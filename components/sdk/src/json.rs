//! JSON in and out. Must never know what it says.

use crate::{Content, Failure, FromContent, IntoAnswer};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value that comes or goes as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Json<T>(
    /// The value.
    pub T,
);

impl<T: DeserializeOwned> FromContent for Json<T> {
    fn from_content(content: Content) -> Result<Self, Failure> {
        // It says the line and the column itself.
        let wrong = |error| Failure::invalid_input(format_args!("the input is not the JSON that is expected: {error}"));
        serde_json::from_slice(&content.bytes).map(Self).map_err(wrong)
    }
}

impl<T: Serialize> IntoAnswer for Json<T> {
    fn into_answer(self) -> Result<Content, Failure> {
        let bytes = serde_json::to_vec(&self.0);
        let bytes = bytes.map_err(|error| Failure::new("bad-answer", format_args!("the answer cannot be JSON: {error}")))?;
        Ok(Content::new(bytes).with_type("application/json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_not_the_json_that_is_expected_is_refused_with_the_place() {
        for (text, said) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("[1,\n2,]", "trailing comma at line 2 column 3"),
            ("[1,\n \"a\"]", "invalid type: string \"a\", expected u8 at line 2 column 4"),
            ("[1] 2", "trailing characters at line 1 column 5"),
            ("[300]", "invalid value: integer `300`, expected u8 at line 1 column 4"),
        ] {
            let expected = Failure::invalid_input(format!("the input is not the JSON that is expected: {said}"));
            assert_eq!(Json::<Vec<u8>>::from_content(Content::from(text)), Err(expected), "{text}");
        }
        assert_eq!(Json::from_content(Content::new(" [1, 2]\n")), Ok(Json(vec![1_u8, 2])));
    }

    #[test]
    fn an_answer_says_that_it_is_json_or_why_it_cannot_be() {
        assert_eq!(Json("ä").into_answer(), Ok(Content::new("\"ä\"").with_type("application/json")));
        let failure = Json(BTreeMap::from([([1], 2)])).into_answer().unwrap_err();
        assert_eq!((failure.code.as_str(), failure.message.as_str()), ("bad-answer", "the answer cannot be JSON: key must be a string"));
    }
}
