//! Programs that are not there, and what is missing to build them.
//!
//! This file knows build commands as text. It must never run one.

use super::{Change, Facts, Finding, edit};
use crate::App;
use std::collections::BTreeSet;

/// The target that Rust no longer has, and what took its place.
const OLD_TARGET: &str = "wasm32-wasi";
const NEW_TARGET: &str = "wasm32-wasip2";

/// Commands and paths that name a target which Rust has no more. All of them are mended at once: what is built and what is served must
/// be the same.
pub(super) fn old_target(text: &str, app: &App) -> Option<Finding> {
    let commands = app.components.iter().filter_map(|component| component.build.as_ref().map(|build| (component, build)));
    let (component, _) =
        commands.clone().find(|(_, build)| build.commands.iter().any(|command| words(command).any(|word| word == OLD_TARGET)))?;
    let line = edit::line_of_key(text, &["component", &component.id, "build"]);
    let message = format!("component \"{}\": its build command names the target `{OLD_TARGET}`, which Rust no longer has", component.id);
    let renewed = renew(text);
    let change = (renewed != text).then_some(Change::Manifest(renewed));
    Some(Finding::new(message, line).fix(format!("write `{NEW_TARGET}`, also in the path of the program"), change))
}

/// Targets that commands name and Rust lacks.
pub(super) fn missing_targets(app: &App, facts: &Facts) -> Vec<Finding> {
    let Some(installed) = &facts.rust_targets else { return Vec::new() };
    let commands = app.components.iter().filter_map(|component| component.build.as_ref()).flat_map(|build| &build.commands);
    let named: BTreeSet<&str> = commands.flat_map(|command| words(command)).filter(|word| is_target(word)).collect();
    let missing = named.into_iter().filter(|target| *target != OLD_TARGET && !installed.contains(*target));
    missing
        .map(|target| {
            let finding = Finding::new(format!("a build command needs the Rust target `{target}`, which is not installed"), None);
            finding.fix(format!("run `rustup target add {target}`"), Some(Change::RustTarget(target.to_owned())))
        })
        .collect()
}

/// Components without a program.
pub(super) fn missing_programs(app: &App, facts: &Facts) -> Vec<Finding> {
    let missing = app.components.iter().filter(|component| facts.missing.contains(&component.id));
    missing
        .map(|component| {
            let finding = Finding::new(format!("component \"{}\": its program {} is not there", component.id, component.source), None);
            match &component.build {
                Some(build) => {
                    finding.fix(format!("build it with `{}`", build.commands.join(" && ")), Some(Change::Build(component.id.clone())))
                }
                None => finding.advice("build it, and say how in `build.command`"),
            }
        })
        .collect()
}

/// The arguments of a command, as far as they matter here.
fn words(command: &str) -> impl Iterator<Item = &str> {
    command.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).filter(|word| !word.is_empty())
}

fn is_target(word: &str) -> bool {
    ["wasm32-", "wasm32v1-"].iter().any(|prefix| word.starts_with(prefix)) && !word.contains('.')
}

/// The text with the new target in place of the old one.
fn renew(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut renewed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(OLD_TARGET) {
        let is_whole = !before.ends_with(is_part) && !behind.starts_with(is_part);
        renewed.push_str(before);
        renewed.push_str(if is_whole { NEW_TARGET } else { OLD_TARGET });
        rest = behind;
    }
    renewed + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(build: &str) -> (String, App) {
        let text = format!(
            "spin_manifest_version = 2\napplication = {{ name = \"x\" }}\n[component.a]\nsource = \"target/wasm32-wasi/a.wasm\"\nbuild = {build}\n"
        );
        let app = crate::parse(&text, "spin.toml", "app".as_ref()).expect("app");
        (text, app)
    }

    #[test]
    fn targets_that_commands_name_must_be_installed() {
        let installed = ["wasm32-wasip1", "x86_64-unknown-linux-gnu"].map(str::to_owned);
        for (commands, missing) in [
            (r#"{ command = "cargo build --target wasm32-wasip2 --release" }"#, vec!["wasm32-wasip2"]),
            (
                r#"{ command = ["cargo build --target=wasm32-unknown-unknown", "wasm-tools new target/wasm32-unknown-unknown/a.wasm"] }"#,
                vec!["wasm32-unknown-unknown"],
            ),
            (r#"{ command = "cargo build --target wasm32-wasip1" }"#, vec![]),
            (r#"{ command = "cargo build --target wasm32-wasi" }"#, vec![]),
            (r#"{ command = "npm run build" }"#, vec![]),
        ] {
            let (_, app) = app(commands);
            let facts = Facts { rust_targets: Some(installed.clone().into()), ..Facts::default() };
            let found: Vec<_> = missing_targets(&app, &facts).into_iter().filter_map(|finding| finding.fix.map(|fix| fix.change)).collect();
            let expected: Vec<_> = missing.iter().map(|target| Change::RustTarget((*target).to_owned())).collect();
            assert_eq!(found, expected, "{commands}");
            assert_eq!(missing_targets(&app, &Facts::default()), [], "without rustup there is no telling");
        }
    }

    #[test]
    fn the_old_target_is_renewed_where_it_is_a_word_of_its_own() {
        let (text, app) = app(r#"{ command = "cargo build --target wasm32-wasi # not wasm32-wasip1" }"#);
        let finding = old_target(&text, &app).expect("a finding");
        assert_eq!(finding.line, Some(5));
        let Some(Change::Manifest(renewed)) = finding.fix.map(|fix| fix.change) else { panic!("no fix") };
        assert_eq!(renewed.matches("wasm32-wasip2").count(), 2, "{renewed}");
        assert!(renewed.contains("wasm32-wasip1") && renewed.contains("source = \"target/wasm32-wasip2/a.wasm\""), "{renewed}");
    }
}
