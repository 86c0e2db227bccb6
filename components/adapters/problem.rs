//! Failures as HTTP tells them: `application/problem+json` of RFC 9457. Knows statuses and JSON's strings; must never know where a failure
//! comes from. Shared by the adapters that put HTTP in front of spells.

use alloc::string::String;
use core::fmt::Write as _;

pub(crate) const CONTENT_TYPE: &str = "application/problem+json";
/// For those who do not `POST`.
pub(crate) const HOW_TO: &str = "This is a spell: send what it is cast with as the body of a POST request.";

/// A failure, as the body of a response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Problem<'p> {
    pub(crate) status: u16,
    pub(crate) code: &'p str,
    pub(crate) detail: &'p str,
}

impl<'p> Problem<'p> {
    /// What a spell says of why it has no answer.
    pub(crate) fn of_failure(code: &'p str, detail: &'p str) -> Self {
        let status = match code {
            "invalid-input" => 400,
            "too-large" => 413,
            "no-answer" | "bad-answer" => 502,
            // `failed`, `aborted`, `exited`, and words of the spell's own: it got what it needs, and says no.
            _ => 422,
        };
        Self { status, code, detail }
    }

    pub(crate) fn to_json(self) -> String {
        let mut json = String::with_capacity(128 + self.code.len() + self.detail.len());
        let _ = write!(json, r#"{{"type":"about:blank","title":"{}","status":{},"detail":"#, title(self.status), self.status);
        push_string(&mut json, self.detail);
        json.push_str(r#","code":"#);
        push_string(&mut json, self.code);
        json.push_str("}\n");
        json
    }
}

/// The name that HTTP has for a status, as `about:blank` asks for.
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        502 => "Bad Gateway",
        _ => "Unprocessable Content",
    }
}

fn push_string(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str(r#"\""#),
            '\\' => json.push_str(r"\\"),
            '\n' => json.push_str(r"\n"),
            '\r' => json.push_str(r"\r"),
            '\t' => json.push_str(r"\t"),
            '\0'..='\x1f' => {
                let _ = write!(json, "\\u{:04x}", u32::from(character));
            }
            other => json.push(other),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_status_and_unknown_ones_are_the_spells_own() {
        for (code, status, title) in [
            ("invalid-input", 400, "Bad Request"),
            ("too-large", 413, "Content Too Large"),
            ("failed", 422, "Unprocessable Content"),
            ("aborted", 422, "Unprocessable Content"),
            ("exited", 422, "Unprocessable Content"),
            ("out-of-stock", 422, "Unprocessable Content"),
            ("", 422, "Unprocessable Content"),
            ("no-answer", 502, "Bad Gateway"),
            ("bad-answer", 502, "Bad Gateway"),
        ] {
            let problem = Problem::of_failure(code, "no");
            let expected =
                format!("{{\"type\":\"about:blank\",\"title\":\"{title}\",\"status\":{status},\"detail\":\"no\",\"code\":\"{code}\"}}\n");
            assert_eq!(problem.to_json(), expected);
        }
    }

    #[test]
    fn what_a_spell_says_stays_within_its_string() {
        for (text, json) in [
            ("plain", r#""plain""#),
            (r#"","status":200,"x":""#, r#""\",\"status\":200,\"x\":\"""#),
            (r"a\b", r#""a\\b""#),
            ("a\nb\rc\td", r#""a\nb\rc\td""#),
            ("\0\u{1f}\u{7f}", "\"\\u0000\\u001f\u{7f}\""),
            ("größer \u{1f600} \u{2028}", "\"größer \u{1f600} \u{2028}\""),
        ] {
            let mut written = String::new();
            push_string(&mut written, text);
            assert_eq!(written, json);
        }
    }
}
