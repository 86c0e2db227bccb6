//! Puts a component's files where it can see them: copies, so that what it reads stays as it was when it was loaded; or, where the command
//! line says so, the app's own directories.
//!
//! It knows what is copied and what is mounted. It must never know who reads it.

use anyhow::{Context, Result, bail};
use spell_capabilities::Mount;
use spell_manifest::{App, Component, FileEntry};
use std::fs;
use std::path::Path;

/// Copies the files of a component to a directory of its own, replacing what an earlier start left there.
pub(crate) fn copy(app: &App, component: &Component, assets: &Path) -> Result<Vec<Mount>> {
    let target = assets.join(&component.id);
    if target.exists() {
        fs::remove_dir_all(&target).with_context(|| format!("cannot remove {}", target.display()))?;
    }
    let files = app.files(component)?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    for file in &files {
        let destination = target.join(file.destination.trim_start_matches('/'));
        if let Some(parent) = destination.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        fs::copy(&file.source, &destination)
            .with_context(|| format!("cannot copy {} to {}", file.source.display(), destination.display()))?;
    }
    Ok(vec![Mount { directory: target, at: "/".to_owned() }])
}

/// The directories of the app that a component sees as they are.
pub(crate) fn mount(app: &App, component: &Component) -> Result<Vec<Mount>> {
    if !component.exclude_files.is_empty() {
        bail!("--direct-mounts: `exclude_files` leaves out nothing of a directory that is mounted; remove one of them");
    }
    let root = app.root.canonicalize().with_context(|| format!("cannot find {}", app.root.display()))?;
    let mut mounts = Vec::new();
    for entry in &component.files {
        let (directory, destination) = match entry {
            FileEntry::Pattern(pattern) => {
                bail!("--direct-mounts: \"{pattern}\" is no directory with a place: write {{ source = \"…\", destination = \"/…\" }}")
            }
            FileEntry::Mount { source, destination } => (app.root.join(source), destination),
            FileEntry::Prepared { source, destination } => (source.clone(), destination),
        };
        let directory = directory.canonicalize().with_context(|| format!("--direct-mounts: cannot find {}", directory.display()))?;
        if !directory.is_dir() {
            bail!("--direct-mounts: {} is a file, and only directories can be mounted", directory.display());
        }
        if matches!(entry, FileEntry::Mount { .. }) && !directory.starts_with(&root) {
            bail!("--direct-mounts: {} lies outside of the app", directory.display());
        }
        mounts.push(Mount { directory, at: format!("/{}", destination.trim_start_matches('/')) });
    }
    Ok(mounts)
}
