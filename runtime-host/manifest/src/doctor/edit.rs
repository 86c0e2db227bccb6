//! Changes of a manifest's text that leave the rest of it as it was.
//!
//! This file knows TOML. It must never know why something is changed.

use std::ops::Range;
use toml_edit::{Document, DocumentMut, Item, TableLike};

/// The text with something else in one place.
pub(super) fn replace(text: &str, span: Range<usize>, new: &str) -> Option<String> {
    Some(format!("{}{new}{}", text.get(..span.start)?, text.get(span.end..)?))
}

/// The line that a place is in, counted from 1.
pub(super) fn line(text: &str, span: &Range<usize>) -> Option<usize> {
    text.get(..span.start).map(|before| before.matches('\n').count() + 1)
}

/// What a manifest says in a place, and where that stands.
pub(super) fn find<T>(text: &str, path: &[&str], read: impl FnOnce(&Item) -> Option<T>) -> Option<T> {
    let document = Document::parse(text).ok()?;
    let mut item = document.as_item();
    for key in path {
        item = item.as_table_like()?.get(key)?;
    }
    read(item)
}

/// The line that a key stands in.
pub(super) fn line_of_key(text: &str, path: &[&str]) -> Option<usize> {
    let (key, table) = path.split_last()?;
    let span = find(text, table, |item| item.as_table_like()?.get_key_value(key).and_then(|(key, item)| key.span().or(item.span())))?;
    line(text, &span)
}

/// The text with one more key in a table that is there.
pub(super) fn add(text: &str, table: &[&str], key: &str, value: toml_edit::Value) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let mut item = document.as_item_mut();
    for key in table {
        item = item.as_table_like_mut()?.get_mut(key)?;
    }
    let table: &mut dyn TableLike = item.as_table_like_mut()?;
    table.insert(key, Item::Value(value));
    Some(document.to_string())
}
