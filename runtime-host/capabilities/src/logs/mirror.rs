//! The copy of a log on the terminal: whole lines, each behind the component's name, harmless to a terminal.
//!
//! This module knows lines and control characters. It must never know files.

/// The longest line that is held back until its end arrives; a longer one is shown in pieces.
const LINE_BYTES_MAX: usize = 4 << 10;

/// Turns printed bytes into lines for a terminal.
#[derive(Debug)]
pub(super) struct Mirror {
    prefix: String,
    /// The beginning of a line whose end has not been printed yet.
    line: Vec<u8>,
}

impl Mirror {
    pub(super) fn new(name: &str) -> Mirror {
        Mirror { prefix: format!("[{}] ", escape(name.as_bytes())), line: Vec::new() }
    }

    /// The lines that these bytes complete, ready for the terminal.
    pub(super) fn lines(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut shown = String::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for part in piece.chunks(LINE_BYTES_MAX) {
                self.line.extend_from_slice(part);
                if self.line.ends_with(b"\n") || self.line.len() >= LINE_BYTES_MAX {
                    let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
                    let line = line.strip_suffix(b"\r").unwrap_or(line);
                    shown.push_str(&self.prefix);
                    shown.push_str(&escape(line));
                    shown.push('\n');
                    self.line.clear();
                }
            }
        }
        shown.into_bytes()
    }
}

/// Control characters could move the cursor, recolour or rewrite what others printed.
fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for character in String::from_utf8_lossy(bytes).chars() {
        if character.is_control() && character != '\t' {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shown_whole_behind_the_name() {
        let mut mirror = Mirror::new("hello");
        assert_eq!(mirror.lines(b"a b\nc"), b"[hello] a b\n");
        assert_eq!(mirror.lines(b"d\r\n\n"), b"[hello] cd\n[hello] \n");
    }

    #[test]
    fn control_characters_are_shown_as_text() {
        let mut mirror = Mirror::new("he\nllo");
        assert_eq!(mirror.lines(b"\x1b[2Jx\ty\rz\n"), b"[he\\nllo] \\u{1b}[2Jx\ty\\rz\n");
    }

    #[test]
    fn a_line_without_end_is_shown_in_pieces() {
        let mut mirror = Mirror::new("m");
        let shown = mirror.lines(&vec![b'x'; 3 * LINE_BYTES_MAX + 1]);
        assert_eq!(shown.iter().filter(|byte| **byte == b'\n').count(), 3);
        assert_eq!(mirror.line.len(), 1);
    }
}
