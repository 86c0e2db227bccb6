//! Programs of every ABI and language in `components/abi`: exported as a user exports them, served as one app, and cast with every kind of input.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use spell_tests::{Answer, Expected, Host, Setup, Spell, Upstream, app, guest, run, spells, spells_directory};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

const LARGE_BYTES: usize = 1 << 20;
/// Compiled at a time before all are served: a host that compiles all of them takes longer than a test waits for it.
const COMPONENTS_AT_A_TIME: usize = 16;
const EXPORTS_AT_A_TIME: usize = 2;
/// What a debug host takes to compile engines of languages on a busy machine.
const COMPILE_TIME_MAX: Duration = Duration::from_secs(400);

/// What every spell is cast with, by name.
fn inputs(spell: &Spell) -> Vec<(&'static str, Vec<u8>)> {
    let large = |unit: &str| unit.repeat(LARGE_BYTES / unit.len());
    if spell.name == "json" {
        return vec![
            ("object", br#"{"name":"ada","born":1815,"of":[null,{"x":[]}],"is":false}"#.to_vec()),
            ("object without a name", b"{}".to_vec()),
            ("multi-byte object", r#"{"name":"zoë 漢","é":"😀\n"}"#.into()),
            ("1 MB object", format!(r#"{{"name":"{}"}}"#, large("ab")).into()),
            ("array", b"[]".to_vec()),
            ("empty", Vec::new()),
            ("ASCII", b"hello world".to_vec()),
        ];
    }
    vec![
        ("empty", Vec::new()),
        ("ASCII", b"hello world".to_vec()),
        ("multi-byte", "hé 漢漢字 😀😀!\r\n".into()),
        ("1 MB", large("aaaaaaaaaaaaaabbbbbbb é").into()),
        ("invalid UTF-8", b"caf\xe9 \xff\xff\xc3".to_vec()),
        ("zero byte", b"a\0\0b".to_vec()),
    ]
}

/// Exports a program with this name, and gives the component.
fn export(file: &Path, name: &str, options: &[&str], directory: &Path) -> PathBuf {
    let out = directory.join(name);
    let (file, folder) = (file.to_string_lossy(), out.to_string_lossy());
    let ended = run(&[&["export", &file, "-o", &folder, "--name", name], options].concat());
    assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
    assert!(out.join("spin.toml").exists(), "{name}: {}", ended.stderr);
    out.join(format!("{name}.wasm"))
}

fn export_spell(spell: &Spell, directory: &Path) -> PathBuf {
    let mut options = Vec::new();
    if let Some(abi) = spell.abi {
        options.extend(["--abi", abi]);
    }
    if spell.chosen_by == spell_tests::ChosenBy::Entry {
        options.extend(["--entry", spell.name]);
    }
    export(&spell.file(), &spell.component(), &options, directory)
}

/// The part of a manifest that serves a component under its name.
fn part(name: &str, source: &Path, lines: &str) -> String {
    let source = source.display();
    format!("[[trigger.http]]\nroute = \"/{name}\"\ncomponent = \"{name}\"\n\n[component.{name}]\nsource = \"{source}\"\n{lines}\n")
}

/// Serves every program in one app. The directory holds the components.
fn serve(spells: &[Spell], directory: &Path) -> Host {
    let components: BTreeMap<String, Spell> = spells.iter().map(|spell| (spell.component(), spell.clone())).collect();
    let components: Vec<(String, Spell)> = components.into_iter().collect();
    let export_some = |some: &[(String, Spell)]| -> Vec<String> {
        some.iter().map(|(name, spell)| part(name, &export_spell(spell, directory), "")).collect()
    };
    let parts: Vec<String> = thread::scope(|scope| {
        let share = components.len().div_ceil(EXPORTS_AT_A_TIME);
        let running: Vec<_> = components.chunks(share).map(|some| scope.spawn(move || export_some(some))).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("it is exported")).collect()
    });
    for some in parts.chunks(COMPONENTS_AT_A_TIME) {
        drop(Setup::new(&app(some)).time_to_compile(COMPILE_TIME_MAX).start());
    }
    Setup::new(&app(&parts)).time_to_compile(COMPILE_TIME_MAX).start()
}

/// What is wrong with an answer, if anything.
fn complaint(spell: &Spell, expected: &Expected, answer: &Answer) -> Option<String> {
    let is_problem = |status: u16, words: &str| {
        let is_typed = answer.header("content-type") == Some("application/problem+json");
        answer.status == status && is_typed && answer.json()["status"] == status && answer.text().contains(words)
    };
    let is_right = match expected {
        Expected::Answer(bytes) => answer.is_success() && answer.body == *bytes,
        Expected::Json(value) => answer.is_success() && answer.json() == *value,
        Expected::Refused => is_problem(400, "invalid-input"),
        // Each library for JSON has words of its own.
        Expected::Failure if spell.name == "json" => is_problem(spell.failure_status, ""),
        Expected::Failure => is_problem(spell.failure_status, spell.failure_words),
    };
    let shown = || answer.text().chars().take(200).collect::<String>();
    (!is_right).then(|| format!("answered {}, {} bytes: {:?}", answer.status, answer.body.len(), shown()))
}

#[test]
fn every_program_of_every_abi_and_language_answers_every_input_as_it_should() {
    let directory = tempfile::tempdir().expect("directory");
    let spells = spells();
    let host = serve(&spells, directory.path());
    let mut complaints = Vec::new();
    let mut count = 0;
    for spell in &spells {
        for (name, input) in inputs(spell) {
            let answer = host.app.request("POST", &format!("/{}", spell.component())).body(spell.request(&input)).send();
            let expected = spell.expected(&input);
            count += 1;
            complaints
                .extend(complaint(spell, &expected, &answer).map(|words| format!("{} {}, {name}: {words}", spell.program, spell.name)));
        }
    }
    assert!(complaints.is_empty(), "{} of {count} answers are wrong:\n{}", complaints.len(), complaints.join("\n"));
    let errors = host.log("extism-rust-logs", "stderr", |text| text.contains("11 bytes"));
    assert!(errors.contains("this is no error"), "{errors}");
}

#[test]
fn every_program_that_is_built_is_in_the_table() {
    let built: BTreeSet<PathBuf> = fs::read_dir(spells_directory())
        .expect("run `make components`")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .collect();
    let named: BTreeSet<PathBuf> = spells().iter().map(Spell::file).collect();
    assert_eq!(built, named);
}

#[test]
fn an_extism_plugin_reads_its_configuration_and_makes_requests() {
    let directory = tempfile::tempdir().expect("directory");
    let plugin = spells_directory().join("extism-rust-plugin.wasm");
    let upstream = Upstream::start("from upstream");
    let exported = |entry: &str| export(&plugin, entry, &["--entry", entry], directory.path());
    let hosts = format!("allowed_outbound_hosts = [\"{}\"]", upstream.url(""));
    let manifest = app(&[part("configured", &exported("configured"), ""), part("fetch", &exported("fetch"), &hosts)]);
    let host = Setup::new(&manifest).operator("[outbound]\nallow_networks = [\"127.0.0.0/8\"]\n").start();
    let cast = |name: &str, input: &str| host.app.request("POST", &format!("/{name}")).body(input).send();
    let answer = cast("configured", "greeting");
    assert_eq!((answer.status, answer.text().as_str()), (200, "not configured"));
    let answer = cast("fetch", &upstream.url("/asked"));
    assert_eq!((answer.status, answer.text().as_str()), (200, "200 from upstream"));
    let requests = upstream.requests();
    assert!(requests.iter().any(|head| head.starts_with("GET /asked ") && head.contains("x-plugin: abi")), "{requests:?}");
    let refused = cast("fetch", "http://192.0.2.1/");
    assert_eq!((refused.status, refused.header("content-type")), (422, Some("application/problem+json")), "{}", refused.text());
}

#[test]
fn what_answers_requests_already_is_exported_as_it_is() {
    let directory = tempfile::tempdir().expect("directory");
    let names = [("hello-p2", "hello_p2"), ("hello-p3", "hello_p3")];
    let parts = names.map(|(name, file)| part(name, &export(&guest(file), name, &[], directory.path()), ""));
    let host = Setup::new(&app(&parts)).start();
    for (name, file) in names {
        assert_eq!(host.app.get(&format!("/{name}")).text(), "Hello, world!", "{name}");
        let exported = fs::read(directory.path().join(name).join(format!("{name}.wasm"))).expect("it was exported");
        assert!(exported == fs::read(guest(file)).expect("it was built"), "{name} was changed");
    }
}
