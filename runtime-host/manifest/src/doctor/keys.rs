//! Mistakes that keep a manifest from being read. A mistyped key is one that can be mended.
//!
//! This file knows diagnostics. It must never know which keys there are.

use super::{Change, Finding, edit};
use crate::diagnostic::{Diagnostic, ManifestError};

/// What keeps a manifest from being read.
pub fn mistakes(error: &ManifestError) -> Vec<Finding> {
    let ManifestError::Invalid(invalid) = error else { return vec![Finding::new(error.to_string(), None)] };
    invalid.diagnostics.iter().map(|diagnostic| mistake(&invalid.text, diagnostic)).collect()
}

fn mistake(text: &str, diagnostic: &Diagnostic) -> Finding {
    let line = diagnostic.span.as_ref().and_then(|span| edit::line(text, span));
    let finding = Finding::new(diagnostic.message.clone(), line);
    let meant = diagnostic.help.as_deref().and_then(|help| help.strip_prefix("did you mean `")?.strip_suffix("`?"));
    match (meant, &diagnostic.span, &diagnostic.help) {
        (Some(meant), Some(span), _) if diagnostic.message.starts_with("unknown key") => {
            finding.fix(format!("rename it to `{meant}`"), edit::replace(text, span.clone(), meant).map(Change::Manifest))
        }
        (_, _, Some(help)) => finding.advice(help.clone()),
        _ if diagnostic.message.starts_with("unknown key") => finding.advice("remove it: nobody reads it"),
        _ => finding,
    }
}
