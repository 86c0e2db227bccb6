//! `spell doctor`: says what is wrong with an app, and mends what can be mended.
//!
//! This file knows how findings are shown and fixes are made. It must never know what is a finding.

mod facts;

use crate::args::Doctor;
use crate::output::print;
use crate::{build, up};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use spell_manifest::doctor::{self, Change, Finding, Fix};
use std::collections::BTreeSet;
use std::fs;
use std::io::{IsTerminal, Write, stdin};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Fixes of one run: more than any app needs, so that two that undo each other come to an end.
const FIXES_MAX: usize = 100;

/// Examines an app, and mends it where that is wanted. Whether nothing is wrong (any more) is the exit code.
pub(crate) fn run(arguments: &Doctor) -> Result<ExitCode> {
    let manifest = up::manifest(&arguments.from);
    let mut patient = Patient { manifest, refused: BTreeSet::new(), made: Vec::new() };
    let mut findings = patient.examine()?;
    let asks = !arguments.fix && !arguments.json && stdin().is_terminal();
    if asks || arguments.fix {
        findings = patient.mend(findings, asks)?;
    }
    if arguments.json {
        let document = json!({
            "manifest": patient.manifest,
            "fixed": patient.made,
            "findings": findings.iter().map(shown_as_json).collect::<Vec<_>>(),
        });
        print(&format!("{document:#}\n"))?;
    } else {
        let shown: String = findings.iter().map(|finding| shown(finding, &patient.manifest)).collect();
        print(&if findings.is_empty() { "nothing is wrong\n".to_owned() } else { shown })?;
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Patient {
    manifest: PathBuf,
    /// Fixes that were not wanted, or that changed nothing.
    refused: BTreeSet<String>,
    /// Fixes that were made.
    made: Vec<String>,
}

impl Patient {
    fn examine(&self) -> Result<Vec<Finding>> {
        let text = fs::read_to_string(&self.manifest).with_context(|| format!("cannot read {}", self.manifest.display()))?;
        Ok(match spell_manifest::load(&self.manifest) {
            Ok(app) => doctor::examine(&text, &app, &facts::of(&app)),
            Err(error) => doctor::mistakes(&error),
        })
    }

    /// Makes one fix after the other, and looks again after each: one may have mended more, or brought something to light.
    fn mend(&mut self, mut findings: Vec<Finding>, asks: bool) -> Result<Vec<Finding>> {
        for _ in 0..FIXES_MAX {
            let is_open = |finding: &&Finding| finding.fix.is_some() && !self.refused.contains(&finding.message);
            let Some(finding) = findings.iter().find(is_open).cloned() else { break };
            let Some(fix) = &finding.fix else { break };
            // Whatever comes of it, it is not tried again.
            self.refused.insert(finding.message.clone());
            if asks && !is_wanted(&finding, fix, &self.manifest)? {
                continue;
            }
            match self.make(&fix.change) {
                Ok(()) => {
                    eprintln!("fixed: {} ({})", finding.message, fix.does);
                    self.made.push(finding.message);
                }
                Err(error) => eprintln!("not fixed: {}: {error:#}", finding.message),
            }
            findings = self.examine()?;
        }
        Ok(findings)
    }

    fn make(&self, change: &Change) -> Result<()> {
        match change {
            Change::Manifest(text) => write(&self.manifest, text),
            Change::Build(id) => build::build(&spell_manifest::load(&self.manifest)?, std::slice::from_ref(id)),
            Change::RustTarget(target) => {
                let status = Command::new("rustup").args(["target", "add", target]).status().context("cannot run rustup")?;
                if status.success() { Ok(()) } else { bail!("rustup ended with {status}") }
            }
        }
    }
}

/// Puts a text in the place of a file, whole or not at all.
fn write(path: &Path, text: &str) -> Result<()> {
    let path = path.canonicalize()?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(directory).with_context(|| format!("cannot write in {}", directory.display()))?;
    new.write_all(text.as_bytes())?;
    new.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
    new.persist(&path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

fn is_wanted(finding: &Finding, fix: &Fix, manifest: &Path) -> Result<bool> {
    eprint!("{}{}? [y/N] ", shown(finding, manifest), fix.does);
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn shown(finding: &Finding, manifest: &Path) -> String {
    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let fix = finding.fix.as_ref().map(|fix| format!("  fix: {}\n", fix.does));
    let advice = finding.advice.as_ref().map(|advice| format!("  help: {advice}\n"));
    format!("{}{line}: {}\n{}{}", manifest.display(), finding.message, fix.unwrap_or_default(), advice.unwrap_or_default())
}

fn shown_as_json(finding: &Finding) -> Value {
    json!({
        "message": finding.message,
        "line": finding.line,
        "advice": finding.advice,
        "fix": finding.fix.as_ref().map(|fix| &fix.does),
    })
}
