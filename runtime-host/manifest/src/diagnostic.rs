//! What is wrong with a file, and where.
//!
//! This file knows places in a text. It must never know what the text means.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The most diagnostics that are kept of one file; the rest is counted.
pub const DIAGNOSTICS_MAX: usize = 32;

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It could not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It is longer than any sensible file of its kind.
    #[error("{} is larger than {bytes_max} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        bytes_max: u64,
    },
    /// It is not UTF-8 text.
    #[error("{} is not UTF-8 text", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// It says something that it may not say.
    #[error(transparent)]
    Invalid(#[from] Box<InvalidFile>),
}

impl ManifestError {
    /// What is wrong with the text; empty if the text was never seen.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            ManifestError::Invalid(invalid) => &invalid.diagnostics,
            _ => &[],
        }
    }
}

/// A file and everything that is wrong with it. Displayed, it is plain text with line numbers and carets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidFile {
    /// The file's name.
    pub file: PathBuf,
    /// Its whole text, into which the spans point.
    pub text: String,
    /// What is wrong, in the order of the text: at least one and at most [`DIAGNOSTICS_MAX`].
    pub diagnostics: Vec<Diagnostic>,
    /// How many more there were.
    pub omitted: usize,
}

/// One thing that is wrong. Words from the file are quoted safely in it: shortened, and without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// Where: bytes of the text, on character boundaries.
    pub span: Option<Range<usize>>,
    /// What to say about that place; may be empty.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic without a label and without help.
    pub(crate) fn new(message: impl Into<String>, span: Option<Range<usize>>) -> Self {
        Self { message: message.into(), span, label: String::new(), help: None }
    }

    /// With words for its place.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With advice.
    pub(crate) fn help(mut self, help: impl Into<Option<String>>) -> Self {
        self.help = help.into();
        self
    }

    /// The file, the line, the message and the advice, in one line of plain text.
    pub(crate) fn in_one_line(&self, file: &Path, text: &str) -> String {
        let before = self.span.as_ref().and_then(|span| text.get(..span.start));
        let line = before.map(|before| format!(":{}", before.matches('\n').count() + 1)).unwrap_or_default();
        let help = self.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{}{line}: {}{help}", file.display(), self.message)
    }
}

/// A word from the file in backticks, fit to be printed.
pub(crate) fn quote(word: &str) -> String {
    format!("`{}`", printable(word))
}

/// A word from the file, fit to be printed: at most 64 characters of it, control characters escaped.
pub(crate) fn printable(word: &str) -> String {
    printable_up_to(word, 64)
}

/// A text that may hold words from a file, fit to be printed.
pub(crate) fn printable_up_to(text: &str, characters_max: usize) -> String {
    let mut printable = String::new();
    for (position, c) in masked(text).chars().enumerate() {
        match c {
            _ if position == characters_max => {
                printable.push('…');
                break;
            }
            c if c.is_control() => printable.extend(c.escape_debug()),
            c => printable.push(c),
        }
    }
    printable
}

/// The same text, as long, with stars in place of what stands before the hosts of URLs: it may be a password.
pub(crate) fn masked(text: &str) -> String {
    let mut pieces = text.split("://");
    let mut masked = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let authority = piece.split(|c: char| c.is_whitespace() || "/?#\"'`".contains(c)).next().unwrap_or_default();
        let secret = authority.rfind('@').unwrap_or_default();
        let (secret, rest) = piece.split_at(secret);
        masked.push_str("://");
        masked.extend(secret.chars().map(|_| '*'));
        masked.push_str(rest);
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_password_is_masked_and_nothing_else() {
        for (text, expected) in [
            ("https://user:wörd@example.com/a", "https://*********@example.com/a"),
            ("a = [\"redis://:p@h\", \"http://h/x@1\"]", "a = [\"redis://**@h\", \"http://h/x@1\"]"),
            ("https://a@b@c?d@e", "https://***@c?d@e"),
            ("https://example.com", "https://example.com"),
            ("a@b://", "a@b://"),
            ("", ""),
        ] {
            assert_eq!(masked(text), expected);
        }
        assert_eq!(quote("https://user:word@h"), "`https://*********@h`");
    }
}
