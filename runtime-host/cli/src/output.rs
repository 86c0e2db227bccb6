//! Data for standard output.

use std::io::{ErrorKind, Result, Write, stdout};

/// Writes to standard output. A reader that has seen enough and gone away is no error.
pub(crate) fn print(text: &str) -> Result<()> {
    print_bytes(text.as_bytes())
}

/// The same for what is no text.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut out = stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes a line to standard output; `false` when nobody reads it any more.
pub(crate) fn write_line(line: &str) -> Result<bool> {
    let mut out = stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

/// JSON whose control characters are all escaped: it lets some of them stand that command terminals.
pub(crate) fn harmless(json: &str) -> String {
    let escaped = |character: char| match character {
        '\n' => character.to_string(),
        _ if character.is_control() => format!("\\u{:04x}", u32::from(character)),
        _ => character.to_string(),
    };
    json.chars().map(escaped).collect()
}

/// What a stranger wrote, without what could command the terminal or begin a line of its own.
pub(crate) fn plain(text: &str) -> String {
    let plain = |character: char| if character.is_control() { character.escape_default().to_string() } else { character.to_string() };
    text.chars().map(plain).collect()
}
