//! The lock of an app: the JSON that other tools make of a manifest, with everything found and prepared.
//!
//! It knows the lock's shape and what must fit together in it. It must never fetch anything: what a lock points to is named, not
//! opened, but for the manifest that it was made from.

mod component;
mod shape;
mod trigger;

use crate::app::{App, Variable};
use crate::diagnostic::{ManifestError, quote};
use crate::{id, load};
use serde_json::{Map, Value};
use shape::Lock;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use url::Url;

/// The most bytes of a lock that are read.
pub const LOCK_BYTES_MAX: u64 = 8 << 20;

/// Why a lock could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It could not be read, or it is too long.
    #[error(transparent)]
    Unreadable(ManifestError),
    /// It is not JSON, or does not have the shape of a lock.
    #[error("{}:{line}:{column}: {message}", .file.display())]
    Shape {
        /// The lock.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// It is of another version.
    #[error("invalid lock version: {version}; versions 0 and 1 are read")]
    Version {
        /// As written.
        version: u64,
    },
    /// It says that something must be understood, and nobody here does.
    #[error("the lock says that {name} must be understood, which this version of Spell does not")]
    MustUnderstand {
        /// As written, in backticks.
        name: String,
    },
    /// The app needs features that the host does not have.
    #[error(
        "This application requires the following features that are not available in this version of the 'http' trigger: {}",
        .features.join(", ")
    )]
    Features {
        /// Their names, each once, in order.
        features: Vec<String>,
    },
    /// Something in it cannot be.
    #[error("{place}: {problem}")]
    Invalid {
        /// Such as "component `hello`".
        place: String,
        /// What is wrong, as a sentence without a full stop.
        problem: String,
    },
    /// The manifest that it was made from can be read, but it is wrong, so the limits in it cannot be known.
    #[error("the lock was made from a manifest that is wrong: {0}")]
    Origin(ManifestError),
}

/// What is wrong with a part of a lock, where the caller knows which part.
type Problem = String;

/// Reads the lock at a path. `features` are those that the host has, by the names that locks have for them. Limits are taken from
/// the manifest that the lock was made from, if that is still there.
pub fn load_lock(path: &Path, features: &[&str]) -> Result<App, LockError> {
    let text = load::read_text_up_to(path, LOCK_BYTES_MAX).map_err(LockError::Unreadable)?;
    let (mut app, origin) = read(&text, path, &load::directory_of(path), features)?;
    let Some(origin) = origin.filter(|origin| origin.is_file()) else { return Ok(app) };
    let Ok(text) = load::read_text(&origin) else { return Ok(app) };
    let written = load::parse(&text, &origin, &load::directory_of(&origin)).map_err(LockError::Origin)?;
    for component in &mut app.components {
        if let Some(written) = written.component(&component.id) {
            component.limits.clone_from(&written.limits);
            component.env_passthrough.clone_from(&written.env_passthrough);
        }
    }
    Ok(app)
}

/// The same for the lock at a `file:` URL, which is how whoever made it tells where it is.
pub fn load_lock_at(url: &str, features: &[&str]) -> Result<App, LockError> {
    let path = file_of(url).map_err(|problem| LockError::Invalid { place: "the lock".to_owned(), problem })?;
    load_lock(&path, features)
}

/// Reads a lock from its text. No file is touched, so nothing has limits: `file` is a name for messages, `directory` is the app's
/// root if the lock does not say where it comes from.
pub fn parse_lock(text: &str, file: impl AsRef<Path>, directory: &Path, features: &[&str]) -> Result<App, LockError> {
    read(text, file.as_ref(), directory, features).map(|(app, _)| app)
}

/// The app, and the manifest that it was made from.
fn read(text: &str, file: &Path, directory: &Path, features: &[&str]) -> Result<(App, Option<PathBuf>), LockError> {
    let lock: Lock = serde_json::from_str(text).map_err(|error| LockError::Shape {
        file: file.to_owned(),
        line: error.line(),
        column: error.column(),
        message: crate::diagnostic::printable_up_to(&error.to_string(), 200),
    })?;
    if lock.spin_lock_version > 1 {
        return Err(LockError::Version { version: lock.spin_lock_version });
    }
    if let Some(name) =
        lock.must_understand.iter().find(|name| !matches!(name.as_str(), "host_requirements" | "component_host_requirements"))
    {
        return Err(LockError::MustUnderstand { name: quote(name) });
    }
    refuse_missing_features(&lock, features)?;
    let at = |place: &str| {
        let place = place.to_owned();
        move |problem| LockError::Invalid { place, problem }
    };
    let origin = lock.metadata.get("origin").and_then(Value::as_str).and_then(|url| file_of(url).ok());
    let root = origin.as_deref().map_or_else(|| directory.to_owned(), load::directory_of);
    let mut app = App::new(root, String::new());
    read_metadata(&lock.metadata, &mut app).map_err(at("metadata"))?;
    for (name, variable) in &lock.variables {
        if !id::is_lower_snake(name) {
            return Err(at("variables")(format!("{} is not the name of a variable", quote(name))));
        }
        let shape::Variable { description, default, secret } = variable.clone();
        app.variables.insert(name.clone(), Variable { default, secret, description });
    }
    let mut ids = BTreeSet::new();
    for locked in &lock.components {
        let place = format!("component {}", quote(&locked.id));
        if !ids.insert(locked.id.as_str()) {
            return Err(at(&place)("there are two with this id".to_owned()));
        }
        let component = component::read(locked, &app).map_err(at(&place))?;
        app.components.push(component);
    }
    let mut trigger_ids = BTreeSet::new();
    for locked in &lock.triggers {
        let place = format!("trigger {}", quote(&locked.id));
        if !trigger_ids.insert(locked.id.as_str()) {
            return Err(at(&place)("there are two with this id".to_owned()));
        }
        trigger::read(locked, &ids, &mut app).map_err(at(&place))?;
    }
    for locked in &lock.components {
        trigger::surround(locked, &mut app).map_err(at(&format!("component {}", quote(&locked.id))))?;
    }
    Ok((app, origin))
}

fn refuse_missing_features(lock: &Lock, features: &[&str]) -> Result<(), LockError> {
    let served = lock.triggers.iter().filter(|trigger| trigger::is_http(trigger));
    let served: BTreeSet<&str> = served.filter_map(|trigger| trigger.trigger_config.get("component")?.as_str()).collect();
    let components = lock.components.iter().filter(|component| served.contains(component.id.as_str()));
    let requirements = components.flat_map(|component| &component.host_requirements).chain(&lock.host_requirements);
    let missing = requirements.filter(|(name, needed)| needed.as_str() != Some("optional") && !features.contains(&name.as_str()));
    let missing: BTreeSet<String> = missing.map(|(name, _)| crate::diagnostic::printable(name)).collect();
    if missing.is_empty() { Ok(()) } else { Err(LockError::Features { features: missing.into_iter().collect() }) }
}

fn read_metadata(metadata: &Map<String, Value>, app: &mut App) -> Result<(), Problem> {
    let text = |key: &str| metadata.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    app.name = text("name").filter(|name| !name.trim().is_empty()).ok_or("there is no `name`")?;
    app.version = text("version");
    app.description = text("description");
    // In a lock all authors are one text.
    app.authors = text("authors").into_iter().collect();
    app.profile = text("profile");
    if let Some(Value::Object(types)) = metadata.get("triggers") {
        for (kind, settings) in types.iter().filter(|(kind, _)| !crate::manifest::is_http(kind)) {
            let settings = settings.as_object().ok_or("the settings of a trigger type are not an object")?;
            app.trigger_settings.insert(kind.clone(), settings.clone());
        }
    }
    Ok(())
}

/// The path that a `file:` URL means.
fn file_of(url: &str) -> Result<PathBuf, Problem> {
    let parsed = Url::parse(url).ok().filter(|url| url.scheme() == "file");
    parsed.and_then(|url| url.to_file_path().ok()).ok_or_else(|| format!("{} is not the URL of a file here", quote(url)))
}
