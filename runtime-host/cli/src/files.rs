//! Puts a component's files where it can see them: copies, so that nothing of the app can be changed through them.

use anyhow::{Context, Result};
use spell_manifest::{App, Component};
use std::fs;
use std::path::{Path, PathBuf};

/// Copies the files of a component to a directory of its own, replacing what an earlier start left there. `None` if it has none.
pub(crate) fn copy(app: &App, component: &Component, assets: &Path) -> Result<Option<PathBuf>> {
    let target = assets.join(&component.id);
    if target.exists() {
        fs::remove_dir_all(&target).with_context(|| format!("cannot remove {}", target.display()))?;
    }
    let files = app.files(component)?;
    if files.is_empty() {
        return Ok(None);
    }
    for file in &files {
        let destination = target.join(file.destination.trim_start_matches('/'));
        if let Some(parent) = destination.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        fs::copy(&file.source, &destination)
            .with_context(|| format!("cannot copy {} to {}", file.source.display(), destination.display()))?;
    }
    Ok(Some(target))
}
