//! Diagnostics as plain text: the message, file, line and column, the line itself, and carets under the place.
//!
//! This file knows text. It must never know colours or terminals: whoever has them renders the diagnostics anew.

use crate::diagnostic::{Diagnostic, InvalidFile, masked};
use std::fmt;
use std::ops::Range;

/// The most characters of a line that are shown.
const LINE_CHARS_MAX: usize = 140;
/// How many of them come before the place, in a line that is cut.
const CHARS_BEFORE_MAX: usize = 60;

impl fmt::Display for InvalidFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, diagnostic) in self.diagnostics.iter().enumerate() {
            if position > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "error: {}", diagnostic.message)?;
            match &diagnostic.span {
                Some(span) => self.write_place(f, diagnostic, span)?,
                None => write!(f, "\n --> {}", self.file.display())?,
            }
            if let Some(help) = &diagnostic.help {
                write!(f, "\n  = help: {help}")?;
            }
        }
        if self.omitted > 0 {
            write!(f, "\n\nerror: {} more like these", self.omitted)?;
        }
        Ok(())
    }
}

impl InvalidFile {
    fn write_place(&self, f: &mut fmt::Formatter<'_>, diagnostic: &Diagnostic, span: &Range<usize>) -> fmt::Result {
        let place = Place::find(&self.text, span);
        let number = place.line_number.to_string();
        let margin = " ".repeat(number.len());
        write!(f, "\n{margin}--> {}:{number}:{}", self.file.display(), place.column_number)?;
        write!(f, "\n{margin} |\n{number} | {}", place.line)?;
        write!(f, "\n{margin} | {}{}", " ".repeat(place.indent), "^".repeat(place.carets))?;
        if !diagnostic.label.is_empty() {
            write!(f, " {}", diagnostic.label)?;
        }
        Ok(())
    }
}

/// A span, ready to be shown.
struct Place {
    line_number: usize,
    column_number: usize,
    /// The line, shortened around the place, every character one column wide.
    line: String,
    indent: usize,
    carets: usize,
}

impl Place {
    /// Of a span over several lines, the first is shown.
    fn find(text: &str, span: &Range<usize>) -> Place {
        let start = floor_boundary(text, span.start);
        let (before, behind) = text.split_at(start);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = start + behind.find('\n').unwrap_or(behind.len());
        let end = floor_boundary(text, span.end).clamp(start, line_end);
        let count = |range: Range<usize>| text.get(range).unwrap_or_default().chars().count();
        let (column, width) = (count(line_start..start), count(start..end).max(1));
        let line = masked(text.get(line_start..line_end).unwrap_or_default().trim_end());

        let cut = line.chars().count() > LINE_CHARS_MAX;
        let skipped = if cut { column.saturating_sub(CHARS_BEFORE_MAX) } else { 0 };
        let line: String = line.chars().skip(skipped).take(LINE_CHARS_MAX).map(visible).collect();
        let indent = column - skipped;
        Place {
            line_number: before.matches('\n').count() + 1,
            column_number: column + 1,
            carets: width.min(LINE_CHARS_MAX.saturating_sub(indent)).max(1),
            line,
            indent,
        }
    }
}

fn floor_boundary(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|index| text.is_char_boundary(*index)).unwrap_or_default()
}

/// A file may come from anybody: what could command the terminal is not printed.
fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str, span: Range<usize>) -> String {
        let diagnostics = vec![Diagnostic::new("bad", Some(span)).label("here")];
        InvalidFile { file: "x.toml".into(), text: text.to_owned(), diagnostics, omitted: 0 }.to_string()
    }

    #[test]
    fn the_carets_are_under_the_place() {
        for (text, span, expected) in [
            ("ab = 1", 0..2, "error: bad\n --> x.toml:1:1\n  |\n1 | ab = 1\n  | ^^ here"),
            ("x\r\n\tab\r\n", 4..6, "error: bad\n --> x.toml:2:2\n  |\n2 |  ab\n  |  ^^ here"),
            ("ä = ö", 5..7, "error: bad\n --> x.toml:1:5\n  |\n1 | ä = ö\n  |     ^ here"),
            ("a\nb", 0..3, "error: bad\n --> x.toml:1:1\n  |\n1 | a\n  | ^ here"),
            ("", 0..0, "error: bad\n --> x.toml:1:1\n  |\n1 | \n  | ^ here"),
            ("a", 7..9, "error: bad\n --> x.toml:1:2\n  |\n1 | a\n  |  ^ here"),
        ] {
            assert_eq!(render(text, span), expected);
        }
    }

    #[test]
    fn a_long_line_is_cut_around_the_place_and_cannot_command_the_terminal() {
        let shown = render(&format!("{}\u{1b}[2J{}", "a".repeat(10_000), "b".repeat(10_000)), 10_000..20_000);
        assert!(shown.len() < 600, "{}", shown.len());
        assert!(shown.contains(":1:10001") && !shown.contains('\u{1b}'), "{shown}");
    }
}
