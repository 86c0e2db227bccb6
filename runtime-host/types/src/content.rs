//! What goes into a cast, and what comes out.

use bytes::Bytes;

/// Bytes, and what they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// The bytes.
    pub bytes: Bytes,
    /// A media type; `None` where nobody knows.
    pub content_type: Option<String>,
}
