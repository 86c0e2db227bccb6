//! Walks a TOML document and collects what is wrong with it on the way, so that one run reports everything.
//!
//! This file knows keys, values and spans. It must never know what any key means.

mod data;

use crate::diagnostic::{DIAGNOSTICS_MAX, Diagnostic, InvalidFile, quote};
use crate::suggest;
use std::ops::Range;
use std::path::Path;
use toml_edit::{ArrayOfTables, Document, Item, Table, TableLike, Value};

/// What was reported so far.
#[derive(Default)]
pub(crate) struct Reader {
    diagnostics: Vec<Diagnostic>,
    omitted: usize,
    warnings: Vec<Diagnostic>,
}

/// A key and its value, or an entry of an array.
#[derive(Clone)]
pub(crate) struct Node<'t> {
    /// The key; for an entry of an array, that of the array.
    pub(crate) key: &'t str,
    /// Where the key is.
    pub(crate) key_span: Option<Range<usize>>,
    /// Where the value is.
    pub(crate) span: Option<Range<usize>>,
    content: Content<'t>,
    is_entry: bool,
}

/// A table, and the words for it in messages.
pub(crate) struct Fields<'t> {
    /// Such as `[component.hello]`.
    pub(crate) place: String,
    /// Where it is.
    pub(crate) span: Option<Range<usize>>,
    table: &'t dyn TableLike,
}

#[derive(Clone, Copy)]
enum Content<'t> {
    Value(&'t Value),
    Table(&'t Table),
    Tables(&'t ArrayOfTables),
    Nothing,
}

impl Reader {
    /// Reads a text from its outermost table on. What `read` makes is given only if nothing was reported, and with it what was
    /// warned of, each as a sentence with its place.
    pub(crate) fn run<T>(
        text: &str,
        file: &Path,
        read: impl FnOnce(&mut Reader, &Fields<'_>) -> T,
    ) -> Result<(T, Vec<String>), Box<InvalidFile>> {
        let mut reader = Reader::default();
        let made = match Document::parse(text) {
            Ok(document) => Some(read(&mut reader, &Fields { place: "the file".to_owned(), span: None, table: document.as_table() })),
            Err(error) => {
                let message = error.message().lines().collect::<Vec<_>>().join("; ");
                reader.report(Diagnostic::new(format!("not TOML: {message}"), error.span()));
                None
            }
        };
        let Reader { mut diagnostics, omitted, warnings } = reader;
        match made {
            Some(made) if diagnostics.is_empty() => Ok((made, warnings.iter().map(|warning| warning.in_one_line(file, text)).collect())),
            _ => {
                diagnostics.sort_by_key(|diagnostic| diagnostic.span.as_ref().map_or(0, |span| span.start));
                Err(Box::new(InvalidFile { file: file.to_owned(), text: text.to_owned(), diagnostics, omitted }))
            }
        }
    }

    /// Keeps a diagnostic, or counts it if there are enough.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < DIAGNOSTICS_MAX {
            self.diagnostics.push(diagnostic);
        } else {
            self.omitted += 1;
        }
    }

    /// Keeps something to be told though nothing is wrong. What is more than the most diagnostics goes unsaid.
    pub(crate) fn warn(&mut self, warning: Diagnostic) {
        if self.warnings.len() < DIAGNOSTICS_MAX {
            self.warnings.push(warning);
        }
    }

    /// A suggestion for a mistyped word. It costs time, so none is sought for what will only be counted.
    pub(crate) fn did_you_mean<'c>(&self, word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
        if self.diagnostics.len() < DIAGNOSTICS_MAX { suggest::did_you_mean(word, candidates) } else { None }
    }

    /// The text of a string.
    pub(crate) fn string<'t>(&mut self, node: &Node<'t>) -> Option<&'t str> {
        let text = node.as_str();
        if text.is_none() {
            self.wrong_kind(node, "a string");
        }
        text
    }

    /// The value of a boolean.
    pub(crate) fn boolean(&mut self, node: &Node<'_>) -> Option<bool> {
        let value = node.value().and_then(Value::as_bool);
        if value.is_none() {
            self.wrong_kind(node, "true or false");
        }
        value
    }

    /// A whole number within a range.
    pub(crate) fn integer(&mut self, node: &Node<'_>, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let Some(value) = node.as_integer() else {
            self.wrong_kind(node, "a whole number");
            return None;
        };
        if range.contains(&value) {
            return Some(value);
        }
        let message = format!("{} must be between {} and {}", node.words(), range.start(), range.end());
        self.report(Diagnostic::new(message, node.span.clone()));
        None
    }

    /// The entries of an array; none if it is something else.
    pub(crate) fn entries<'t>(&mut self, node: &Node<'t>) -> Vec<Node<'t>> {
        node.entries().unwrap_or_else(|| {
            self.wrong_kind(node, "an array");
            Vec::new()
        })
    }

    /// The entries of an array of strings, each with its text.
    pub(crate) fn strings<'t>(&mut self, node: &Node<'t>) -> Vec<(Node<'t>, &'t str)> {
        let entries = self.entries(node);
        entries.into_iter().filter_map(|entry| self.string(&entry).map(|text| (entry, text))).collect()
    }

    /// The keys of a table, which messages call `place`.
    pub(crate) fn fields<'t>(&mut self, node: &Node<'t>, place: impl Into<String>) -> Option<Fields<'t>> {
        let table = node.table();
        if table.is_none() {
            self.wrong_kind(node, "a table");
        }
        table.map(|table| Fields { place: place.into(), span: node.key_span.clone().or(node.span.clone()), table })
    }

    /// The value of a key that must be there.
    pub(crate) fn required<'t>(&mut self, fields: &Fields<'t>, key: &str) -> Option<Node<'t>> {
        let node = fields.get(key);
        if node.is_none() {
            self.report(Diagnostic::new(format!("{} has no `{key}`", fields.place), fields.span.clone()).label("it is required"));
        }
        node
    }

    /// Reports every key that is not among the known ones.
    pub(crate) fn check_keys(&mut self, fields: &Fields<'_>, known: &[&'static str]) {
        for node in fields.iter().filter(|node| !known.contains(&node.key)) {
            let help = self.did_you_mean(node.key, known.iter().copied());
            let message = format!("unknown key {} in {}", quote(node.key), fields.place);
            self.report(Diagnostic::new(message, node.key_span.clone()).help(help));
        }
    }

    /// Reports a value of another kind than the key takes.
    pub(crate) fn wrong_kind(&mut self, node: &Node<'_>, expected: &str) {
        let message = format!("{} must be {expected}, not {}", node.words(), node.kind());
        self.report(Diagnostic::new(message, node.span.clone().or(node.key_span.clone())));
    }
}

impl<'t> Fields<'t> {
    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<Node<'t>> {
        self.table.get_key_value(key).map(|(key, item)| {
            let content = Content::of(item);
            let key_span = key.span();
            Node { key: key.get(), span: item.span().or(key_span.clone()), key_span, content, is_entry: false }
        })
    }

    /// All keys, in the order of the file.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Node<'t>> {
        self.table.iter().filter_map(|(key, _)| self.get(key))
    }
}

impl<'t> Node<'t> {
    /// The text, if it is a string.
    pub(crate) fn as_str(&self) -> Option<&'t str> {
        self.value().and_then(Value::as_str)
    }

    /// The number, if it is a whole number.
    pub(crate) fn as_integer(&self) -> Option<i64> {
        self.value().and_then(Value::as_integer)
    }

    /// The number, if it has a fraction.
    pub(crate) fn as_fraction(&self) -> Option<f64> {
        self.value().and_then(Value::as_float)
    }

    /// Whether it is a table, in whatever notation.
    pub(crate) fn is_table(&self) -> bool {
        self.table().is_some()
    }

    /// Whether it is an array, in whatever notation.
    pub(crate) fn is_array(&self) -> bool {
        self.entries().is_some()
    }

    /// Whether it is a table or an array without anything in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.table().is_some_and(TableLike::is_empty) || self.entries().is_some_and(|entries| entries.is_empty())
    }

    fn value(&self) -> Option<&'t Value> {
        match self.content {
            Content::Value(value) => Some(value),
            _ => None,
        }
    }

    fn table(&self) -> Option<&'t dyn TableLike> {
        match self.content {
            Content::Value(Value::InlineTable(table)) => Some(table),
            Content::Table(table) => Some(table),
            _ => None,
        }
    }

    fn entries(&self) -> Option<Vec<Node<'t>>> {
        let entry = |content, span| Node { key: self.key, key_span: None, span, content, is_entry: true };
        match self.content {
            Content::Value(Value::Array(array)) => Some(array.iter().map(|value| entry(Content::Value(value), value.span())).collect()),
            Content::Tables(tables) => Some(tables.iter().map(|table| entry(Content::Table(table), table.span())).collect()),
            _ => None,
        }
    }

    fn words(&self) -> String {
        let key = quote(self.key);
        if self.is_entry { format!("each entry of {key}") } else { key }
    }

    fn kind(&self) -> &'static str {
        match self.content {
            Content::Value(Value::String(_)) => "a string",
            Content::Value(Value::Integer(_)) => "a whole number",
            Content::Value(Value::Float(_)) => "a number with a fraction",
            Content::Value(Value::Boolean(_)) => "true or false",
            Content::Value(Value::Datetime(_)) => "a date",
            Content::Value(Value::Array(_)) => "an array",
            Content::Value(Value::InlineTable(_)) | Content::Table(_) => "a table",
            Content::Tables(_) => "an array of tables",
            Content::Nothing => "nothing",
        }
    }
}

impl<'t> Content<'t> {
    fn of(item: &'t Item) -> Self {
        match item {
            Item::Value(value) => Content::Value(value),
            Item::Table(table) => Content::Table(table),
            Item::ArrayOfTables(tables) => Content::Tables(tables),
            Item::None => Content::Nothing,
        }
    }
}
