//! The host as the plugin `trigger-spell`, the way Spin calls it: with an app in a lock file.

use serde_json::{Value, json};
use spell_tests::{Plugin, binary, guest, workspace};
use std::process::Command;

/// A lock file as Spin writes it, of one component behind every path.
fn lock(origin: &str) -> Value {
    json!({
        "spin_lock_version": 0,
        "metadata": { "name": "locked", "origin": origin, "trigger": { "type": "spell" } },
        "variables": { "greeting": { "default": "hi" } },
        "triggers": [{ "id": "trigger-a", "trigger_type": "spell", "trigger_config": { "component": "a", "route": "/...", "executor": null } }],
        "components": [{
            "id": "a",
            "metadata": { "allowed_outbound_hosts": [], "key_value_stores": ["default"] },
            "source": { "content_type": "application/wasm", "source": format!("file://{}", guest("tests_p2").display()) },
            "env": { "FROM": "lock" },
            "config": { "said": "{{ greeting }}" }
        }]
    })
}

#[test]
fn g01_spin_is_told_which_options_there_are() {
    let plugin = Plugin::new();
    let ended = plugin.run(&["--help-args-only"]);
    assert!(ended.code == Some(0) && ended.stdout.contains("--listen") && !ended.stdout.contains("Usage"), "{ended:?}");
    let ended = plugin.run(&["--launch-metadata-only"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    let told: Value = serde_json::from_str(&ended.stderr).unwrap();
    let flags = told["all_flags"].as_array().unwrap();
    for expected in [json!({ "short": "-L", "long": "--log-dir" }), json!({ "short": "-q", "long": "--sh" }), json!({ "long": "--listen" })]
    {
        assert!(flags.contains(&expected), "{expected}: {told}");
    }
}

#[test]
fn g01_without_spin_the_plugin_says_who_starts_it() {
    let ended = Plugin::new().run(&[]);
    assert!(ended.code == Some(1) && ended.stderr.contains("SPIN_LOCKED_URL"), "{}", ended.stderr);
    let ended = Plugin::new().run(&["--precompose-only", "--precompose-component-id", "a"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
}

#[test]
fn g01_the_app_of_a_lock_file_is_served_until_spin_ends_it() {
    let plugin = Plugin::new();
    let host = plugin.start(&lock("file:///nowhere/spin.toml"), &[]);
    assert_eq!(host.app.get("/hello").text(), "hello");
    assert!(host.app.get("/env").text().contains("lock"));
    assert_eq!(host.app.get("/variable?name=said").text(), "hi");
    assert_eq!(host.app.get("/kv?op=set&key=a&value=b").status, 200);
    let ended = host.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn g01_a_component_is_made_one_with_what_the_lock_file_puts_around_it() {
    let source = |name: &str| json!({ "content_type": "application/wasm", "source": format!("file://{}", guest(name).display()) });
    let mut document = lock("file:///nowhere/spin.toml");
    document["spin_lock_version"] = json!(1);
    document["must_understand"] = json!(["component_host_requirements"]);
    let component = &mut document["components"][0];
    component["source"] = source("tests_caller");
    component["dependencies"] = json!({ "spell:tests/reach@1.0.0": { "source": source("tests_library"), "inherit": "All" } });
    component["trigger_dependencies"] = json!({ "middleware": [{ "source": source("tests_middleware"), "export": null }] });
    component["host_requirements"] = json!({ "middleware": "required" });
    let plugin = Plugin::new();
    let host = plugin.start(&document, &[]);
    let answer = host.app.get("/dependency/environment/FROM");
    assert_eq!((answer.text().as_str(), answer.header("x-passed")), ("lock", Some("name-of-the-middleware")));
    drop(host);
    for arguments in [&["--precompose-only", "--precompose-component-id", "a"][..], &["--precompose-only"]] {
        let composed = plugin.precompose(&document, arguments);
        assert!(composed.status.success(), "{}", String::from_utf8_lossy(&composed.stderr));
        // What was printed is a component of its own, which needs nothing else beside it.
        let printed = tempfile::NamedTempFile::with_suffix(".wasm").unwrap();
        std::fs::write(printed.path(), &composed.stdout).unwrap();
        let mut alone = lock("file:///nowhere/spin.toml");
        alone["components"][0]["source"]["source"] = json!(format!("file://{}", printed.path().display()));
        let host = plugin.start(&alone, &[]);
        let answer = host.app.get("/dependency/environment/FROM");
        assert_eq!((answer.text().as_str(), answer.header("x-passed")), ("lock", Some("name-of-the-middleware")), "{arguments:?}");
    }
    let unknown = plugin.precompose(&document, &["--precompose-only", "--precompose-component-id", "b"]);
    assert!(!unknown.status.success() && unknown.stdout.is_empty());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no such component; it has a"));
}

#[test]
fn g01_limits_come_from_the_manifest_that_the_lock_file_was_made_of() {
    let plugin = Plugin::new();
    let manifest = "spin_manifest_version = 2\n[application]\nname = \"locked\"\n[[trigger.spell]]\nroute = \"/...\"\ncomponent = \"a\"\n\
                    [component.a]\nsource = \"a.wasm\"\n[component.a.tool.spell]\nlimits = { time = \"500ms\" }\n";
    let origin = plugin.file("spin.toml", manifest);
    let host = plugin.start(&lock(&format!("file://{}", origin.display())), &[]);
    assert_eq!(host.app.get("/sleep?ms=20000").status, 504);
}

#[test]
fn g01_what_a_lock_file_requires_and_nobody_offers_is_refused() {
    for (member, value, named) in [
        ("must_understand", json!(["new_things"]), "new_things"),
        ("host_requirements", json!({ "time_travel": "required" }), "time_travel"),
        ("spin_lock_version", json!(2), "2"),
    ] {
        let mut document = lock("file:///nowhere/spin.toml");
        document[member] = value;
        if member == "host_requirements" {
            document["spin_lock_version"] = json!(1);
            document["must_understand"] = json!(["host_requirements"]);
        }
        let ended = Plugin::new().fail(&document);
        assert!(ended.code == Some(1) && ended.stderr.contains(named), "{member}: {}", ended.stderr);
    }
}

#[test]
fn the_archive_is_what_its_manifest_says() {
    let script = workspace().join("scripts/plugin.sh");
    let made = Command::new(script).arg(binary()).status().unwrap();
    assert!(made.success());
    let text = std::fs::read_to_string(workspace().join("target/plugin/trigger-spell.json")).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    let package = &manifest["packages"][0];
    let archive = package["url"].as_str().unwrap().strip_prefix("file://").unwrap();
    let listed = Command::new("tar").args(["-tzf", archive]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&listed.stdout).trim(), "trigger-spell");
    let digest = Command::new("sha256sum").arg(archive).output().unwrap();
    assert!(String::from_utf8_lossy(&digest.stdout).starts_with(package["sha256"].as_str().unwrap()));
    assert_eq!(manifest["name"], "trigger-spell");
}
