//! A component of a lock.
//!
//! It knows what a component may say. It must never know what is granted.

use super::{Problem, file_of, shape};
use crate::app::{App, Build, Component, Dependency, DependencyName, DependencySource, FileEntry, INHERITABLE, Inherit, Source};
use crate::diagnostic::quote;
use crate::manifest::{DEPENDENCIES_MAX, is_digest, is_url, not_a_url};
use crate::{Template, files, id};
use std::path::PathBuf;

/// Reads a component of an app whose variables are known.
pub(super) fn read(locked: &shape::Component, app: &App) -> Result<Component, Problem> {
    // Files and logs are named after it.
    if !id::is_kebab(&locked.id) {
        return Err("this is not a component id: write words joined by `-`".to_owned());
    }
    let metadata = &locked.metadata;
    if !metadata.allowed_http_hosts.is_empty() {
        return Err("`allowed_http_hosts` is out of date; make the lock anew".to_owned());
    }
    let mut component = Component::new(locked.id.clone(), source_of(&locked.source)?);
    component.description = metadata.description.clone().filter(|text| !text.is_empty());
    component.environment = locked.env.iter().map(|(name, value)| variable(name, value)).collect::<Result<_, _>>()?;
    for (name, text) in &locked.config {
        if !id::is_lower_snake(name) {
            return Err(format!("{} is not the name of a variable", quote(name)));
        }
        component.variables.push((name.clone(), template(text, app)?));
    }
    for host in &metadata.allowed_outbound_hosts {
        template(host, app)?;
    }
    component.allowed_outbound_hosts.clone_from(&metadata.allowed_outbound_hosts);
    component.files = locked.files.iter().map(file).collect::<Result<_, _>>()?;
    component.key_value_stores = labels(&metadata.key_value_stores)?;
    component.sqlite_databases = labels(&metadata.databases)?;
    component.ai_models.clone_from(&metadata.ai_models);
    component.build = metadata.build.as_ref().map(build).transpose()?;
    component.dependencies = dependencies(locked)?;
    Ok(component)
}

/// Where a program is.
pub(super) fn source_of(content: &shape::Content) -> Result<Source, Problem> {
    match (&content.source, &content.digest) {
        (Some(url), Some(digest)) if is_url(url) => {
            let problem = || format!("{} is not a digest: it must be `sha256:` and 64 hexadecimal digits", quote(digest));
            if is_digest(digest) { Ok(Source::Url { url: url.clone(), digest: digest.to_ascii_lowercase() }) } else { Err(problem()) }
        }
        (Some(url), digest) if url.starts_with("http://") || url.starts_with("https://") => Err(match digest {
            None if is_url(url) => format!("{} has no `digest`, without which nothing is fetched", quote(url)),
            _ => {
                let (problem, help) = not_a_url(url);
                format!("{problem}; {help}")
            }
        }),
        (Some(url), _) => file_of(url).map(Source::File),
        (None, _) => Err(without_place(content)),
    }
}

/// What the lock has instead of a place.
fn without_place(content: &shape::Content) -> Problem {
    match (&content.inline, &content.digest) {
        (Some(_), _) => "not supported yet: content that is written into the lock itself".to_owned(),
        (None, Some(digest)) => format!("not supported yet: content that is known by its digest alone, {}", quote(digest)),
        (None, None) => "there is content that is nowhere".to_owned(),
    }
}

/// What a dependency may do of what its component may.
pub(super) fn inherit(locked: Option<&shape::Inherit>) -> Result<Inherit, Problem> {
    match locked {
        None => Ok(Inherit::Only(Vec::new())),
        Some(shape::Inherit::All) => Ok(Inherit::All),
        Some(shape::Inherit::Some(parts)) => match parts.iter().find(|part| !INHERITABLE.contains(&part.as_str())) {
            Some(part) => Err(format!("{} cannot be inherited", quote(part))),
            None => Ok(Inherit::Only(parts.clone())),
        },
    }
}

fn variable(name: &str, value: &str) -> Result<(String, String), Problem> {
    if !id::is_environment_name(name) || value.contains('\0') {
        return Err(format!("{} is not an environment variable", quote(name)));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn template(text: &str, app: &App) -> Result<Template, Problem> {
    let template = Template::parse(text).map_err(|error| error.to_string())?;
    if let Some(name) = template.names().find(|name| !app.variables.contains_key(*name)) {
        return Err(format!("there is no variable {}", quote(name)));
    }
    Ok(template)
}

fn file(locked: &shape::ContentPath) -> Result<FileEntry, Problem> {
    let Some(url) = &locked.content.source else { return Err(without_place(&locked.content)) };
    files::check_destination(&locked.path).map_err(|reason| format!("the path {} {reason}", quote(&locked.path)))?;
    Ok(FileEntry::Prepared { source: file_of(url)?, destination: locked.path.clone() })
}

fn labels(labels: &[String]) -> Result<Vec<String>, Problem> {
    match labels.iter().find(|label| !id::is_label(label)) {
        Some(label) => Err(format!("{} is not a label", quote(label))),
        None => Ok(labels.to_vec()),
    }
}

fn build(locked: &shape::Build) -> Result<Build, Problem> {
    let commands = match &locked.command {
        shape::Commands::One(command) => vec![command.clone()],
        shape::Commands::Many(commands) => commands.clone(),
    };
    if commands.is_empty() {
        return Err("the command that builds it is empty".to_owned());
    }
    Ok(Build { commands, workdir: locked.workdir.as_ref().map(PathBuf::from), watch: locked.watch.clone() })
}

fn dependencies(locked: &shape::Component) -> Result<Vec<Dependency>, Problem> {
    if locked.dependencies.len() > DEPENDENCIES_MAX {
        return Err(format!("there are more than {DEPENDENCIES_MAX} dependencies"));
    }
    let mut dependencies: Vec<Dependency> = Vec::new();
    for (name, locked) in &locked.dependencies {
        let quoted = quote(name);
        let name: DependencyName = name.parse().map_err(|problem| format!("the dependency {quoted} {problem}"))?;
        if let Some(other) = dependencies.iter().find(|other| other.name.overlaps(&name)) {
            return Err(format!("the dependency {quoted} conflicts with {}", quote(&other.name.to_string())));
        }
        let source = DependencySource::Program(source_of(&locked.source).map_err(|problem| format!("the dependency {quoted}: {problem}"))?);
        dependencies.push(Dependency { name, source, export: locked.export.clone(), inherit: inherit(locked.inherit.as_ref())? });
    }
    Ok(dependencies)
}
