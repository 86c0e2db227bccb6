//! Answers that glue gives by itself. Their texts are put into memory only when they are needed.

use super::quoted;
use std::fmt::{Result, Write};

/// The name of the function, the code and the message.
const FAILURES: [(&str, &str, &str); 12] = [
    ("zero_in_input", "invalid-input", "the input has a zero byte, where the program would take it to end"),
    ("not_utf_8", "invalid-input", "the input is not UTF-8, and the program takes text alone"),
    ("no_answer", "no-answer", "the program gave the address 0: it has no answer"),
    ("answer_outside", "bad-answer", "the program gave an address or a length outside of its memory"),
    ("endless_answer", "bad-answer", "the program gave a text without an end"),
    ("no_string", "bad-answer", "the program gave something that is no string"),
    ("bad_allocator", "bad-answer", "the program's allocator gave a place for the input that is not in its memory"),
    ("aborted", "aborted", "the program aborted"),
    ("exited", "exited", "the program ended with exit code "),
    ("ended_early", "exited", "the program ended itself before it had an answer, with exit code "),
    ("plugin", "failed", "the plugin gave the code "),
    ("variables_full", "failed", "Variable store is full"),
];

/// Writes the functions `$fail_…` that a text calls.
pub(super) fn write(text: &mut String, calls: &str) -> Result {
    for (name, code, message) in FAILURES.iter().filter(|(name, _, _)| calls.contains(&format!("$fail_{name})"))) {
        failure(text, name, code, message)?;
    }
    Ok(())
}

fn failure(text: &mut String, name: &str, code: &str, message: &str) -> Result {
    let said = format!("{code}{message}");
    let (whole, first) = (said.len(), code.len());
    writeln!(text, "(data ${name} {})", quoted(&said))?;
    writeln!(text, "(func $fail_{name} (result i32) (local $at i32) (local.set $at (call $take (i32.const {whole})))")?;
    writeln!(text, "(memory.init $ours ${name} (local.get $at) (i32.const 0) (i32.const {whole}))")?;
    let message = format!("(i32.add (local.get $at) (i32.const {first})) (i32.const {})", whole - first);
    writeln!(text, "(call $failure (local.get $at) (i32.const {first}) {message}))")
}
