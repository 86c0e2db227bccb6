//! Bytes, and what they are. Must never know what they mean.

/// Bytes, and what they are.
///
/// ```
/// use spell_sdk::Content;
///
/// let picture = Content::new(vec![0x89, b'P', b'N', b'G']).with_type("image/png");
/// assert_eq!(picture.content_type.as_deref(), Some("image/png"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// A media type, such as `application/json`; `None` where nobody knows.
    pub content_type: Option<String>,
}

impl Content {
    /// Bytes of which nothing else is known.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), content_type: None }
    }

    /// The same bytes, as what they are.
    #[must_use]
    pub fn with_type(self, content_type: impl Into<String>) -> Self {
        Self { content_type: Some(content_type.into()), ..self }
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::new(text).with_type("text/plain; charset=utf-8")
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}
