//! `dependencies` of a component and of a trigger: what they are composed with.
//!
//! It knows the forms that a dependency is written in. It must never know how anything is composed.

use super::source::{check_requirement, read_package, read_path, read_url};
use super::{Scope, optional_string};
use crate::app::{Dependency, DependencyName, DependencySource, INHERITABLE, Inherit, Middleware, Source};
use crate::diagnostic::{Diagnostic, quote};
use crate::reader::{Fields, Node, Reader};
use std::ops::Range;

/// The most dependencies that a component can have, and the most middleware of a trigger.
pub const DEPENDENCIES_MAX: usize = 100;

/// A dependency, and where its name is.
pub(super) type Placed = (Dependency, Option<Range<usize>>);

/// Reads the table `dependencies`. `whole` is what the component says about inheriting for all of them, if it says anything.
pub(super) fn read_all(reader: &mut Reader, fields: &Fields<'_>, whole: Option<bool>, scope: &mut Scope<'_>) -> Vec<Placed> {
    let Some(node) = fields.get("dependencies") else { return Vec::new() };
    let Some(table) = reader.fields(&node, "`dependencies`") else { return Vec::new() };
    let mut dependencies: Vec<Placed> = Vec::new();
    for (position, node) in table.iter().enumerate() {
        if position == DEPENDENCIES_MAX {
            reader.report(Diagnostic::new(format!("there are more than {DEPENDENCIES_MAX} dependencies"), node.key_span));
            break;
        }
        if let Some(dependency) = read(reader, &node, whole, scope) {
            refuse_overlap(reader, &dependency, node.key_span.clone(), dependencies.iter().map(|(other, _)| other));
            dependencies.push((dependency, node.key_span));
        }
    }
    dependencies
}

/// Reports a dependency that could satisfy the same import as another.
pub(super) fn refuse_overlap<'d>(
    reader: &mut Reader,
    dependency: &Dependency,
    span: Option<Range<usize>>,
    others: impl IntoIterator<Item = &'d Dependency>,
) {
    if let Some(other) = others.into_iter().find(|other| other.name.overlaps(&dependency.name)) {
        let (this, other) = (quote(&dependency.name.to_string()), quote(&other.name.to_string()));
        let message = format!("the dependency {this} conflicts with {other}: both could satisfy the same import");
        reader.report(Diagnostic::new(message, span).help("make their versions or their interfaces differ".to_owned()));
    }
}

/// Reads the middleware of a trigger, outermost first.
pub(super) fn read_middleware(reader: &mut Reader, fields: &Fields<'_>, scope: &mut Scope<'_>) -> Vec<Middleware> {
    let Some(table) = fields.get("dependencies").and_then(|node| reader.fields(&node, "`dependencies`")) else { return Vec::new() };
    reader.check_keys(&table, &["middleware"]);
    let mut middleware = Vec::new();
    for (position, entry) in table.get("middleware").map(|node| reader.entries(&node)).unwrap_or_default().iter().enumerate() {
        if position == DEPENDENCIES_MAX {
            reader.report(Diagnostic::new(format!("there are more than {DEPENDENCIES_MAX} entries in `middleware`"), entry.span.clone()));
            break;
        }
        let Some(fields) = reader.fields(entry, "the entry of `middleware`") else { continue };
        let (source, inherit) = (read_source(reader, &fields, None, &[], scope), read_inherit(reader, &fields, None));
        middleware.extend(source.map(|source| Middleware { source, inherit }));
    }
    middleware
}

fn read(reader: &mut Reader, node: &Node<'_>, whole: Option<bool>, scope: &mut Scope<'_>) -> Option<Dependency> {
    let quoted = quote(node.key);
    let name: DependencyName = match node.key.parse() {
        Ok(name) => name,
        Err(problem) => {
            reader.report(Diagnostic::new(format!("the dependency {quoted} {problem}"), node.key_span.clone()));
            return None;
        }
    };
    let own_package = match &name {
        DependencyName::Plain(_) => None,
        DependencyName::Package(name) => Some(name.package.as_str()),
    };
    if let Some(version) = node.as_str() {
        check_requirement(reader, node, version);
        let Some(package) = own_package else {
            refuse_nameless(reader, node);
            return None;
        };
        let source = Source::Registry { registry: None, package: package.to_owned(), version: version.to_owned() };
        let inherit = if whole == Some(true) { Inherit::All } else { Inherit::Only(Vec::new()) };
        return Some(Dependency { name, source: DependencySource::Program(source), export: None, inherit });
    }
    if !node.is_table() {
        reader.wrong_kind(node, "a range of versions, such as \"^1.2\", or a table");
        return None;
    }
    let fields = reader.fields(node, format!("the dependency {quoted}"))?;
    if own_package.is_none() && fields.get("version").is_some() && fields.get("package").is_none() {
        refuse_nameless(reader, node);
        return None;
    }
    let export = optional_string(reader, &fields, "export");
    if let (DependencyName::Package(package), Some(node)) = (&name, fields.get("export"))
        && package.interface.is_none()
    {
        let message = format!("the dependency {quoted} names a whole package, so no `export` can satisfy it");
        reader.report(Diagnostic::new(message, node.key_span).help("name the interface: `namespace:name/interface`".to_owned()));
    }
    let source = read_source(reader, &fields, own_package, &["export"], scope);
    let inherit = read_inherit(reader, &fields, whole);
    Some(Dependency { name, source: source?, export, inherit })
}

fn refuse_nameless(reader: &mut Reader, node: &Node<'_>) {
    let message = format!("the dependency {} must specify a package name", quote(node.key));
    let help = "write `{ package = \"namespace:name\", version = \"…\" }`";
    reader.report(Diagnostic::new(message, node.key_span.clone()).help(help.to_owned()));
}

/// Reads where the program is. The keys beside it are those of its form, `further` ones, and `inherit_configuration`.
fn read_source(
    reader: &mut Reader,
    fields: &Fields<'_>,
    own_package: Option<&str>,
    further: &[&'static str],
    scope: &mut Scope<'_>,
) -> Option<DependencySource> {
    let form = ["path", "url", "component"].into_iter().find(|key| fields.get(key).is_some());
    let form_keys: &[&'static str] = match form {
        Some("path") => &["path"],
        Some("url") => &["url", "digest"],
        Some(_) => &["component"],
        None => &["version", "registry", "package"],
    };
    reader.check_keys(fields, &[form_keys, further, &["inherit_configuration"]].concat());
    let source = match form {
        Some("component") => {
            let node = fields.get("component")?;
            let id = reader.string(&node)?.to_owned();
            scope.composed.push((id.clone(), node.span));
            return Some(DependencySource::Component(id));
        }
        Some("path") => fields.get("path").and_then(|node| read_path(reader, &node, scope.root)).map(Source::File),
        Some(_) => read_url(reader, fields),
        None => {
            let written = fields.get("package").map(|node| reader.string(&node));
            let package = match (written, own_package) {
                (Some(written), _) => written?,
                (None, Some(own)) => own,
                (None, None) => {
                    reader.required(fields, "package");
                    return None;
                }
            };
            read_package(reader, fields, package)
        }
    };
    source.map(DependencySource::Program)
}

fn read_inherit(reader: &mut Reader, fields: &Fields<'_>, whole: Option<bool>) -> Inherit {
    let nothing = Inherit::Only(Vec::new());
    let Some(node) = fields.get("inherit_configuration") else {
        return if whole == Some(true) { Inherit::All } else { nothing };
    };
    if whole.is_some() {
        let message = "`inherit_configuration` cannot stand beside the component's `dependencies_inherit_configuration`";
        reader.report(Diagnostic::new(message, node.key_span.clone()).help("keep one of them".to_owned()));
    }
    if !node.is_array() {
        return if reader.boolean(&node) == Some(true) { Inherit::All } else { nothing };
    }
    let mut parts = Vec::new();
    for (node, part) in reader.strings(&node) {
        if !INHERITABLE.contains(&part) {
            let help = reader.did_you_mean(part, INHERITABLE).unwrap_or_else(|| format!("write some of {}", INHERITABLE.join(", ")));
            reader.report(Diagnostic::new(format!("{} cannot be inherited", quote(part)), node.span.clone()).help(help));
        }
        parts.push(part.to_owned());
    }
    Inherit::Only(parts)
}
