//! Reads the tables that tests go through: a verdict, a tab, and what it is about. A line that begins with `#` is a comment.
//!
//! It knows lines and escapes. It must never know what a verdict means.

use std::collections::HashSet;

/// Checks every row against what the code says, and tells of all wrong rows at once. Of a table, at least so many rows must be
/// there, and none twice.
#[track_caller]
pub(crate) fn check(table: &str, rows_min: usize, verdict_on: impl Fn(&str) -> String) {
    let lines = table.lines().zip(1..).filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    let mut seen = HashSet::new();
    let mut wrong = Vec::new();
    for (line, number) in lines {
        let Some((expected, subject)) = line.split_once('\t') else {
            wrong.push(format!("line {number}: no tab in {line:?}"));
            continue;
        };
        if !seen.insert(subject) {
            wrong.push(format!("line {number}: {subject:?} is there twice"));
        }
        let verdict = verdict_on(subject);
        if verdict != expected {
            wrong.push(format!("line {number}: {subject:?} is {verdict}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong rows:\n{}", wrong.len(), wrong.join("\n"));
    assert!(seen.len() >= rows_min, "{} rows are fewer than {rows_min}", seen.len());
}

/// The text with `\n`, `\t`, `\\`, `\u{…}` and the like read as in a Rust string.
pub(crate) fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut chars = after.chars();
        let escaped = match chars.next() {
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('0') => '\0',
            Some('\\') => '\\',
            Some('u') => {
                let (code, behind) = after.strip_prefix("u{").and_then(|code| code.split_once('}')).expect(text);
                chars = behind.chars();
                u32::from_str_radix(code, 16).ok().and_then(char::from_u32).expect(text)
            }
            _ => panic!("unknown escape in {text}"),
        };
        plain.push(escaped);
        rest = chars.as_str();
    }
    plain + rest
}
