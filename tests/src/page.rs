//! Pages of the documentation as their readers take them: files, lines for a shell, and what commands print.
//!
//! It knows how pages are written, and where the compilers are that they call. It must never know what a program answers.

use crate::{binary, workspace};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What stands on the page for what differs from one machine to the next.
pub const ANYTHING: char = '…';
/// What begins a line on the page that is typed.
const PROMPT: &str = "$ ";

/// A part of the page that shows how something is done.
#[derive(Debug, Default)]
pub struct Example {
    /// What stands above it.
    pub heading: String,
    /// What it shows, in order.
    pub blocks: Vec<Block>,
}

/// A block of a page.
#[derive(Debug)]
pub enum Block {
    /// A source, and the file that its first line names.
    File(String, String),
    /// Lines for a shell; the last may serve an app.
    Shell(String),
    /// Commands, and what each prints.
    Console(Vec<(String, String)>),
}

/// The parts of the page that have anything to run.
pub fn examples(page: &str) -> Vec<Example> {
    let mut examples = vec![Example::default()];
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line.starts_with('#') {
            examples.push(Example { heading: line.trim_matches(['#', ' ']).to_owned(), blocks: Vec::new() });
        } else if let Some(language) = line.strip_prefix("```") {
            let content: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let blocks = examples.last_mut().map(|example| &mut example.blocks).expect("an example");
            blocks.extend(block(language, &content));
        }
    }
    examples.retain(|example| !example.blocks.is_empty());
    examples
}

fn block(language: &str, content: &[&str]) -> Option<Block> {
    match language {
        "text" => None,
        "sh" => Some(Block::Shell(content.join("\n"))),
        "console" => {
            let mut commands: Vec<(String, String)> = Vec::new();
            for line in content {
                if let Some(command) = line.strip_prefix(PROMPT) {
                    commands.push((command.to_owned(), String::new()));
                } else {
                    let (_, output) = commands.last_mut().expect("a command before what it prints");
                    output.push_str(&format!("{line}\n"));
                }
            }
            Some(Block::Console(commands))
        }
        _ => {
            let comment = content.first().copied().unwrap_or_default();
            let name = comment.trim_matches(['/', '*', '#', ' ']);
            assert!(!name.is_empty() && !name.contains(' ') && name.contains('.'), "no file is named before this: {comment}");
            Some(Block::File(name.to_owned(), format!("{}\n", content.join("\n"))))
        }
    }
}

/// Commands by the names that the page has for them, each of which calls what `make components` installs. None asks the network.
#[derive(Debug)]
pub struct Tools(PathBuf);

impl Tools {
    /// Puts them into a directory.
    pub fn new(directory: &Path) -> Self {
        let tools = directory.join("tools");
        fs::create_dir(&tools).expect("directory");
        let (root, target) = (workspace(), workspace().join("components/target"));
        let (venv, npm) = (root.join(".tools/venv/bin"), root.join(".tools/npm/node_modules"));
        let (venv, npm, target) = (venv.display(), npm.display(), target.display());
        let cargo_lock = root.join("components/Cargo.lock");
        for (name, script) in [
            ("spell", format!("exec '{}' \"$@\"", binary().display())),
            ("npx", format!("ln -sfn '{npm}' node_modules; name=$1; shift; exec 'node_modules/.bin/'$name \"$@\"")),
            ("componentize-py", format!("PYTHONDONTWRITEBYTECODE=1 exec '{venv}/componentize-py' \"$@\"")),
            (
                "zig",
                format!("ZIG_GLOBAL_CACHE_DIR='{target}/zig' ZIG_LOCAL_CACHE_DIR='{target}/zig' exec '{venv}/python' -m ziglang \"$@\""),
            ),
            (
                "go",
                format!("GOCACHE='{target}/go' GOPATH='{target}/go/path' GOENV=off GOTOOLCHAIN=local GOPROXY=off exec '{venv}/go' \"$@\""),
            ),
            // The packages that the guests are locked to are there already; so is what other examples have compiled.
            (
                "cargo",
                format!(
                    "[ -e Cargo.lock ] || cp '{}' Cargo.lock; mkdir -p '{target}/abis-page'; ln -sfn '{target}/abis-page' target; \
                     exec '{}' --offline \"$@\"",
                    cargo_lock.display(),
                    env!("CARGO")
                ),
            ),
        ] {
            let path = tools.join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("write");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions");
        }
        fs::write(tools.join(".curlrc"), "silent\nshow-error\n").expect("write");
        Self(tools)
    }

    /// Has a shell run lines of the page; what they print and complain about, and whether they ended well.
    pub fn run(&self, lines: &str, directory: &Path) -> (String, bool) {
        let path = std::env::var("PATH").expect("PATH");
        let passed = ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "TMPDIR"];
        let output = Command::new("/bin/sh")
            .args(["-euc", &format!("exec 2>&1\n{lines}")])
            .current_dir(directory)
            .env_clear()
            .envs(passed.into_iter().filter_map(|name| std::env::var(name).ok().map(|value| (name, value))))
            .env("PATH", format!("{}:{path}", self.0.display()))
            .env("CURL_HOME", &self.0)
            .stdin(Stdio::null())
            .output()
            .expect("a shell");
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
    }
}

/// Whether a text is the expected one, which leaves out some of it.
pub fn is_like(text: &str, expected: &str) -> bool {
    let mut parts = expected.trim().split(ANYTHING);
    let Some(mut rest) = text.trim().strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}
