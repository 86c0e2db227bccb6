//! `spell doctor`: what it finds in a manifest, and what the manifest is once it has mended it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that cannot go on fails its test")]

use serde_json::Value;
use spell_tests::{Ended, guest, run};
use std::path::Path;
use tempfile::TempDir;

/// A manifest, a word of each thing that is found in it, and what it becomes; the same where nothing can be mended.
struct Case {
    name: &'static str,
    manifest: &'static str,
    findings: &'static [&'static str],
    mended: &'static str,
    /// What is still found then.
    left: usize,
}

const HEAD: &str = "# An app.\nspin_manifest_version = 2\napplication = { name = \"x\" } # its name\n\n";
const SERVED: &str = "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"a\"\n\n";

const CASES: &[Case] = &[
    Case { name: "an app that is well", manifest: "SERVED[component.a]\nsource = \"a.wasm\"\n", findings: &[], mended: "", left: 0 },
    Case {
        name: "a mistyped key",
        manifest: "SERVED[component.a]\nsuorce = \"a.wasm\" # here\n",
        findings: &["unknown key `suorce`", "has no `source`"],
        mended: "SERVED[component.a]\nsource = \"a.wasm\" # here\n",
        left: 0,
    },
    Case {
        name: "a key that is like no other",
        manifest: "SERVED[component.a]\nsource = \"a.wasm\"\nquux = 1\n",
        findings: &["unknown key `quux`"],
        mended: "",
        left: 1,
    },
    Case {
        name: "hosts without a scheme, with a path, and for everything",
        manifest: "SERVED[component.a]\nsource = \"a.wasm\"\nallowed_outbound_hosts = [\n  \"example.com\", # no scheme\n  \"https://example.org/path\",\n  \"*\",\n  'http://good.example',\n]\n",
        findings: &["example.com", "example.org/path", "allowed_outbound_hosts"],
        mended: "SERVED[component.a]\nsource = \"a.wasm\"\nallowed_outbound_hosts = [\n  \"https://example.com\", # no scheme\n  \"https://example.org\",\n  \"https://*:*\",\n  'http://good.example',\n]\n",
        left: 0,
    },
    Case {
        name: "a target that Rust no longer has",
        manifest: "SERVED[component.a]\nsource = \"a.wasm\"\n[component.a.build] # how\ncommand = \"cargo build --target wasm32-wasi\"\n",
        findings: &["`wasm32-wasi`"],
        mended: "SERVED[component.a]\nsource = \"a.wasm\"\n[component.a.build] # how\ncommand = \"cargo build --target wasm32-wasip2\"\n",
        left: 0,
    },
    Case {
        name: "a program that is not built",
        manifest: "SERVED[component.a]\nsource = \"built.wasm\"\nbuild = { command = \"cp a.wasm built.wasm\" }\n",
        findings: &["built.wasm is not there"],
        mended: "",
        left: 0,
    },
    Case {
        name: "a program that cannot be built",
        manifest: "SERVED[component.a]\nsource = \"built.wasm\"\n",
        findings: &["built.wasm is not there"],
        mended: "",
        left: 1,
    },
    Case {
        name: "a variable and a component of no use",
        manifest: "SERVED[component.a]\nsource = \"a.wasm\"\nvariables = { used = \"{{ used }}\" }\n[component.b]\nsource = \"a.wasm\"\n[variables]\nused = { default = \"1\" }\nidle = { default = \"1\" }\n",
        findings: &["the variable `idle`", "\"b\": no trigger"],
        mended: "",
        left: 2,
    },
    Case {
        name: "routes that hide each other",
        manifest: "SERVED[[trigger.http]]\nid = \"again\"\nroute = \"/:all/...\"\ncomponent = \"a\"\n[[trigger.http]]\nid = \"more\"\nroute = \"/:every/...\"\ncomponent = \"a\"\n[component.a]\nsource = \"a.wasm\"\n",
        findings: &["/:every/... matches the same paths"],
        mended: "",
        left: 1,
    },
    Case {
        name: "imports without a grant",
        manifest: "SERVED[component.a]\nsource = \"storing.wasm\" # stores\n",
        findings: &["spin:key-value/key-value", "spin:sqlite/sqlite", "spin:variables/variables", "made-up:thing/it"],
        mended: "SERVED[component.a]\nsource = \"storing.wasm\" # stores\nkey_value_stores = [\"default\"]\nsqlite_databases = [\"default\"]\n",
        left: 2,
    },
];

const OLD: &str = r#"# An old app.
spin_manifest_version = "1"
name = "old" # its name
version = "1.0.0"
trigger = { type = "http", base = "/base" }

[variables]
greeting = { default = "hello" }

# The first component.
[[component]]
id = "first_one"
source = "a.wasm" # its program
allowed_http_hosts = ["example.com"]
files = ["a.wasm"]
[component.trigger]
route = "/first/..."
[component.config]
greeting = "{{ greeting }}"

# The second component.
[[component]]
id = "second"
source = "a.wasm"
allowed_outbound_hosts = []
trigger = { route = "/second" }
"#;

/// A component that imports these interfaces.
fn importing(names: &[&str]) -> Vec<u8> {
    let imports: String = names.iter().map(|name| format!("(import \"{name}\" (instance))")).collect();
    wat::parse_str(format!("(component {imports})")).unwrap()
}

fn directory(manifest: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &[u8]| std::fs::write(directory.path().join(name), content).unwrap();
    put("spin.toml", manifest.as_bytes());
    put("a.wasm", &std::fs::read(guest("hello_p2")).unwrap());
    put(
        "storing.wasm",
        &importing(&[
            "spin:key-value/key-value@3.0.0",
            "spin:sqlite/sqlite@3.0.0",
            "spin:variables/variables@3.0.0",
            "wasi:io/streams@0.2.0",
            "made-up:thing/it@1.0.0",
        ]),
    );
    directory
}

fn examine(directory: &Path, arguments: &[&str]) -> (Ended, Vec<Value>) {
    let ended = run(&[&["doctor", "--json", "-f", &directory.to_string_lossy()], arguments].concat());
    let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
    let findings = document["findings"].as_array().unwrap().clone();
    assert_eq!(ended.code, Some(i32::from(!findings.is_empty())), "{document}");
    (ended, findings)
}

fn manifest(directory: &Path) -> String {
    std::fs::read_to_string(directory.join("spin.toml")).unwrap()
}

#[test]
fn what_is_wrong_is_found_and_what_can_be_mended_is() {
    for case in CASES {
        let written = |text: &str| format!("{HEAD}{}", text.replace("SERVED", SERVED));
        let (before, after) = (written(case.manifest), written(if case.mended.is_empty() { case.manifest } else { case.mended }));
        let directory = directory(&before);
        let (ended, findings) = examine(directory.path(), &[]);
        assert!(
            findings.len() >= case.findings.len() && (!case.findings.is_empty() || findings.is_empty()),
            "{}: {}",
            case.name,
            ended.stdout
        );
        for word in case.findings {
            let is_of = |finding: &&Value| {
                finding["message"].as_str().is_some_and(|message| message.replace('"', "").contains(&word.replace('"', "")))
            };
            let finding = findings.iter().find(is_of).unwrap_or_else(|| panic!("{}: no {word} in {}", case.name, ended.stdout));
            assert!(case.left == 0 || finding["fix"].is_string() || finding["advice"].is_string(), "{}: {finding}", case.name);
        }
        assert_eq!(manifest(directory.path()), before, "{}: it was only to look", case.name);
        let (ended, left) = examine(directory.path(), &["--fix"]);
        assert_eq!(left.len(), case.left, "{}: {}{}", case.name, ended.stdout, ended.stderr);
        assert_eq!(manifest(directory.path()), after, "{}", case.name);
        assert_eq!(examine(directory.path(), &["--fix"]).1, left, "{}: twice is as good as once", case.name);
    }
}

#[test]
fn an_old_manifest_is_written_anew_and_says_the_same() {
    let directory = directory(OLD);
    let (_, findings) = examine(directory.path(), &[]);
    assert!(findings[0]["message"].as_str().unwrap().contains("version 1") && findings[0]["line"] == 2, "{findings:?}");
    let old = spell_manifest::load(directory.path()).unwrap();
    let (ended, left) = examine(directory.path(), &["--fix"]);
    assert_eq!(left, Vec::<Value>::new(), "{}", ended.stderr);
    let text = manifest(directory.path());
    let new = spell_manifest::load(directory.path()).unwrap();
    assert_eq!((&old.components, &old.triggers, &old.variables, &old.name), (&new.components, &new.triggers, &new.variables, &new.name));
    for line in [
        "# An old app.\nspin_manifest_version = 2\n",
        "\n[application]\nname = \"old\" # its name\nversion = \"1.0.0\"\n",
        "[variables]\ngreeting = { default = \"hello\" }\n",
        "\n[[trigger.http]]\nid = \"trigger-first-one\"\nroute = \"/base/first/...\"\ncomponent = \"first-one\"\n",
        "# The first component.\n[component.first-one]\nsource = \"a.wasm\" # its program\n",
        "[component.first-one.variables]\ngreeting = \"{{ greeting }}\"\n",
        "# The second component.\n[component.second]\n",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
}

#[test]
fn what_is_found_is_shown_with_its_line_and_its_cure() {
    let directory = directory(&format!("{HEAD}{SERVED}[component.a]\nsuorce = \"a.wasm\"\n"));
    let ended = run(&["doctor", "-f", &directory.path().to_string_lossy()]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stdout.contains("spin.toml:10: unknown key `suorce`") && ended.stdout.contains("fix: rename it to `source`"),
        "{}",
        ended.stdout
    );
    let ended = run(&["doctor", "--fix", "-f", &directory.path().to_string_lossy()]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "nothing is wrong\n"));
    assert!(ended.stderr.contains("fixed: unknown key `suorce`"), "{}", ended.stderr);
    let ended = run(&["doctor", "-f", "/nowhere/at/all"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("cannot read /nowhere/at/all"), "{}", ended.stderr);
}
