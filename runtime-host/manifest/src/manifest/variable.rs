//! `[variables]`: what an app can be given, and the templates that refer to it.

use super::{Scope, optional_string};
use crate::app::Variable;
use crate::diagnostic::{Diagnostic, printable, quote};
use crate::reader::{Node, Reader};
use crate::{Template, id};
use std::collections::BTreeMap;
use std::ops::Range;

/// Reads all variables. One that is wrong is in the map nevertheless: it is declared.
pub(super) fn read_all(reader: &mut Reader, node: &Node<'_>) -> BTreeMap<String, Variable> {
    let Some(fields) = reader.fields(node, "[variables]") else { return BTreeMap::new() };
    fields
        .iter()
        .map(|node| {
            check_name(reader, node.key, node.key_span.clone());
            (node.key.to_owned(), read(reader, &node))
        })
        .collect()
}

/// Reports a name that no variable can have.
pub(super) fn check_name(reader: &mut Reader, name: &str, span: Option<Range<usize>>) {
    if !id::is_lower_snake(name) {
        let help = "words joined by `_`, each of lower-case letters and digits, beginning with a letter";
        reader.report(Diagnostic::new(format!("{} is not the name of a variable", quote(name)), span).help(help.to_owned()));
    }
}

/// Reads a template and reports what is wrong with it, undeclared variables included.
pub(super) fn template(reader: &mut Reader, text: &str, span: Option<Range<usize>>, scope: &Scope<'_>) -> Option<Template> {
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err(error) => {
            reader.report(Diagnostic::new(error.to_string(), span));
            return None;
        }
    };
    for name in template.names().filter(|name| !scope.variables.contains(*name)) {
        let help =
            reader.did_you_mean(name, scope.variables.iter().map(String::as_str)).unwrap_or_else(|| "declare it in [variables]".to_owned());
        reader.report(Diagnostic::new(format!("there is no variable {}", quote(name)), span.clone()).help(help));
    }
    Some(template)
}

fn read(reader: &mut Reader, node: &Node<'_>) -> Variable {
    let mut variable = Variable { default: None, secret: false, description: None };
    let name = quote(node.key);
    let Some(fields) = reader.fields(node, format!("[variables.{}]", printable(node.key))) else { return variable };
    reader.check_keys(&fields, &["default", "required", "secret", "description"]);
    variable.default = optional_string(reader, &fields, "default");
    variable.description = optional_string(reader, &fields, "description");
    variable.secret = fields.get("secret").and_then(|node| reader.boolean(&node)).unwrap_or(false);
    let required = fields.get("required").and_then(|node| reader.boolean(&node)).unwrap_or(false);
    if required == fields.get("default").is_some() {
        let message = format!("variable {name} must be `required` OR have a `default`");
        let label = if required { "it is both" } else { "it is neither" };
        reader.report(Diagnostic::new(message, node.key_span.clone()).label(label));
    }
    variable
}
