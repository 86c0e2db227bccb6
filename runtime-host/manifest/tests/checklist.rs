//! The lines of the contract's checklist that golden files cannot show; those in `ui/` are named after their lines as well.
#![expect(clippy::unwrap_used, reason = "a test that fails should end at once")]

use spell_manifest::{
    App, DependencySource, Directory, Executor, FileEntry, Inherit, LockError, RuntimeConfig, Source, TriggerRoute, TriggerTarget, load,
    load_lock, parse, parse_lock,
};
use spell_types::Limit;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const HEAD: &str = "spin_manifest_version = 2\napplication = { name = \"x\" }\n";

fn app(rest: &str) -> App {
    parse(&format!("{HEAD}{rest}"), "spin.toml", "app".as_ref()).unwrap()
}

fn problems(rest: &str) -> String {
    parse(&format!("{HEAD}{rest}"), "spin.toml", "app".as_ref()).unwrap_err().to_string()
}

#[test]
fn m01_an_unknown_key_is_refused_in_every_table() {
    for table in [
        "",
        "[variables.a]\ndefault = \"x\"\n",
        "[component.a]\nsource = \"a\"\n",
        "[component.a]\nsource = \"a\"\n[component.a.build]\ncommand = \"x\"\n",
        "[component.a]\nsource = \"a\"\n[component.a.profile.b]\n",
        "[component.a]\nsource = \"a\"\n[component.a.profile.b.build]\ncommand = \"x\"\n",
        "[component.a]\nsource = \"a\"\n[component.a.dependencies.\"b:c\"]\npath = \"x\"\n",
        "[component.a.source]\npackage = \"a:b\"\nversion = \"1\"\n",
        "[component.a]\nsource = \"a\"\n[component.a.tool.spell]\n",
        "[component.a]\nsource = \"a\"\n[component.a.tool.spell.limits]\n",
        "[component.a]\nsource = \"a\"\n[[component.a.files]]\nsource = \"a\"\ndestination = \"b\"\n",
        "[component.a]\nsource = \"a\"\n[[trigger.http]]\ncomponent = \"a\"\nroute = \"/\"\n",
        "[component.a]\nsource = \"a\"\n[[trigger.http]]\ncomponent = \"a\"\nroute = \"/\"\n[trigger.http.executor]\ntype = \"wagi\"\n",
        "[[trigger.http]]\nroute = \"/\"\n[trigger.http.static_response]\n",
        "[[trigger.http]]\nroute = \"/\"\n[trigger.http.component]\nsource = \"a\"\n",
    ] {
        let error = problems(&format!("{table}surprise = 1\n"));
        assert!(error.contains("unknown") && error.contains("`surprise`"), "{table}: {error}");
        assert_eq!(error.matches("error: ").count(), 1, "{table}: {error}");
    }
}

#[test]
fn m02_a_route_of_version_1_begins_with_the_base() {
    for (base, route, expected) in [
        ("/", "/hello", "/hello"),
        ("", "hello", "hello"),
        ("/base", "/hello", "/base/hello"),
        ("/base/", "hello", "/base/hello"),
        ("base", "/...", "/base/..."),
        ("/a/b", "/", "/a/b/"),
    ] {
        let text = format!(
            "spin_version = \"1\"\nname = \"x\"\ntrigger = {{ type = \"http\", base = \"{base}\" }}\n[[component]]\nid = \"a\"\nsource = \"a\"\ntrigger = {{ route = \"{route}\" }}\n"
        );
        let app = parse(&text, "spin.toml", "app".as_ref()).unwrap();
        assert_eq!(app.triggers[0].route, TriggerRoute::Public(expected.to_owned()), "{base} {route}");
        assert_eq!(app.triggers[0].id, "trigger-a");
    }
}

#[test]
fn m07_a_profile_replaces_and_adds_and_leaves_other_components_alone() {
    let text = include_str!("ui/valid/m07_profiles.toml");
    let base = parse(text, "spin.toml", "app".as_ref()).unwrap();
    let mut release = base.clone();
    release.apply_profile("release").unwrap();
    let hello = release.component("hello").unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(hello.source, Source::File("app/release.wasm".into()));
    assert_eq!(hello.environment, [pair("A", "base"), pair("B", "release"), pair("C", "release")]);
    let dependencies: Vec<String> = hello.dependencies.iter().map(|dependency| dependency.name.to_string()).collect();
    assert_eq!(dependencies, ["a:b/c@1.0.0", "d:e/f", "a:b/c@2.0.0"]);
    assert_eq!(hello.dependencies[0].source, DependencySource::Program(Source::File("app/abc.wasm".into())));
    let build = hello.build.as_ref().unwrap();
    assert_eq!((build.commands.join(";").as_str(), build.workdir.as_deref()), ("make release;strip", Some("w".as_ref())));
    assert_eq!(release.component("plain"), base.component("plain"));
    assert_eq!(release.profile.as_deref(), Some("release"));

    let mut debug = base.clone();
    debug.apply_profile("debug").unwrap();
    assert_eq!(debug.component("hello").unwrap().source, Source::File("app/hello.wasm".into()));
    assert_eq!(debug.component("plain").unwrap().source, Source::File("app/plain-debug.wasm".into()));
}

#[test]
fn m07_a_profile_that_no_component_has_is_refused() {
    let mut app = parse(include_str!("ui/valid/m07_profiles.toml"), "spin.toml", "app".as_ref()).unwrap();
    let before = app.clone();
    let error = app.apply_profile("relaese").unwrap_err();
    assert_eq!(error.to_string(), "Profile relaese is not defined in this application");
    assert_eq!(error.defined, ["debug", "release"]);
    assert_eq!(app, before);
}

#[test]
fn m08_a_dependency_on_a_component_leads_to_its_program() {
    let app = parse(include_str!("ui/valid/m08_dependencies.toml"), "spin.toml", "app".as_ref()).unwrap();
    let dependency = &app.component("hello").unwrap().dependencies[4];
    let helper = app.component("helper").unwrap();
    assert_eq!(app.source_of(&dependency.source), Some(&helper.source));
    assert!(app.component("inheriting").unwrap().dependencies.iter().all(|dependency| dependency.inherit == Inherit::All));
    assert_eq!(app.component("closed").unwrap().dependencies[0].inherit, Inherit::Only(Vec::new()));
}

#[test]
fn m08_there_is_a_bound_of_dependencies() {
    let dependencies = |count: usize| (0..count).map(|number| format!("\"a:b/c{number}\" = \"1\"\n")).collect::<String>();
    let rest = |count| format!("[component.a]\nsource = \"a\"\n[component.a.dependencies]\n{}", dependencies(count));
    assert_eq!(app(&rest(spell_manifest::DEPENDENCIES_MAX)).components[0].dependencies.len(), spell_manifest::DEPENDENCIES_MAX);
    assert!(problems(&rest(spell_manifest::DEPENDENCIES_MAX + 1)).contains("more than 100 dependencies"));
}

#[test]
fn m09_a_lock_says_what_its_manifest_says() {
    let manifest = "[variables]\nhost = { default = \"example.com\" }\n\
        [[trigger.http]]\nid = \"t\"\nroute = \"/...\"\ncomponent = \"hello\"\nexecutor = { type = \"http\" }\n\
        [[trigger.http]]\nid = \"s\"\nroute = \"/s\"\nstatic_response = { status_code = 404, headers = { a = \"b\" }, body = \"c\" }\n\
        [component.hello]\nsource = \"hello.wasm\"\nenvironment = { A = \"b\" }\nvariables = { url = \"{{ host }}\" }\n\
        allowed_outbound_hosts = [\"https://{{ host }}\"]\nkey_value_stores = [\"default\"]\nbuild = { command = \"make\" }\n\
        dependencies = { \"a:b/c\" = { path = \"dep.wasm\", export = \"d\", inherit_configuration = [\"variables\"] } }\n";
    let lock = r#"{ "spin_lock_version": 0, "metadata": { "name": "x", "origin": "file:///app/spin.toml" },
        "variables": { "host": { "default": "example.com" } },
        "triggers": [
            { "id": "t", "trigger_type": "http", "trigger_config": { "component": "hello", "route": "/...", "executor": { "type": "http" } } },
            { "id": "s", "trigger_type": "http", "trigger_config": { "route": "/s",
              "static_response": { "status_code": 404, "headers": { "a": "b" }, "body": "c" } } }],
        "components": [{ "id": "hello", "source": { "content_type": "application/wasm", "source": "file:///app/hello.wasm" },
            "env": { "A": "b" }, "config": { "url": "{{ host }}" },
            "metadata": { "allowed_outbound_hosts": ["https://{{ host }}"], "key_value_stores": ["default"], "build": { "command": "make" } },
            "dependencies": { "a:b/c": { "source": { "content_type": "application/wasm", "source": "file:///app/dep.wasm" },
              "export": "d", "inherit": { "Some": ["variables"] } } } }] }"#;
    let written = parse(&format!("{HEAD}{manifest}"), "spin.toml", "/app".as_ref()).unwrap();
    assert_eq!(parse_lock(lock, "spin.lock", "elsewhere".as_ref(), &[]).unwrap(), written);
}

#[test]
fn m09_files_of_a_lock_are_found_and_limits_come_from_its_manifest() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::create_dir_all(path("assets/deep")).unwrap();
    fs::write(path("assets/deep/a.txt"), "a").unwrap();
    fs::write(path("b.txt"), "b").unwrap();
    let limits = "[component.hello]\nsource = \"hello.wasm\"\n[component.hello.tool.spell]\nlimits = { memory = \"64MiB\" }\nenv_passthrough = [\"LANG\"]\n";
    fs::write(path("spin.toml"), format!("{HEAD}{limits}")).unwrap();
    let root = directory.path().display();
    let lock = format!(
        r#"{{ "spin_lock_version": 0, "metadata": {{ "name": "x", "origin": "file://{root}/spin.toml" }}, "triggers": [],
        "components": [{{ "id": "hello", "source": {{ "source": "file://{root}/hello.wasm" }},
        "files": [{{ "source": "file://{root}/assets", "path": "/" }}, {{ "source": "file://{root}/b.txt", "path": "/x/b.txt" }}] }}] }}"#
    );
    fs::write(path("spin.lock"), lock).unwrap();
    let app = load_lock(&path("spin.lock"), &[]).unwrap();
    let hello = app.component("hello").unwrap();
    assert_eq!(hello.limits, [(Limit::Memory, 64 << 20)]);
    assert_eq!(hello.env_passthrough, ["LANG"]);
    assert!(matches!(hello.files[0], FileEntry::Prepared { .. }));
    let found: Vec<String> = app.files(hello).unwrap().into_iter().map(|file| file.destination).collect();
    assert_eq!(found, ["/deep/a.txt", "/x/b.txt"]);

    // What leads out of the prepared directory is not followed, wherever the app's directory is.
    std::os::unix::fs::symlink("../b.txt", path("assets/out.txt")).unwrap();
    assert!(app.files(hello).unwrap_err().to_string().contains("leaves"));

    fs::write(path("spin.toml"), "spin_manifest_version = 2\n").unwrap();
    assert!(matches!(load_lock(&path("spin.lock"), &[]), Err(LockError::Origin(_))));
    fs::remove_file(path("spin.toml")).unwrap();
    assert_eq!(load_lock(&path("spin.lock"), &[]).unwrap().component("hello").unwrap().limits, []);
}

#[test]
fn m09_a_lock_that_is_too_long_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spin.lock");
    fs::write(&path, vec![b' '; usize::try_from(spell_manifest::LOCK_BYTES_MAX).unwrap() + 1]).unwrap();
    assert!(load_lock(&path, &[]).unwrap_err().to_string().contains("larger than 8388608 bytes"));
    let deep = "[".repeat(1_000_000);
    assert!(matches!(parse_lock(&deep, "x", Path::new("."), &[]), Err(LockError::Shape { .. })));
}

#[test]
fn m09_a_feature_that_the_host_has_is_no_hindrance() {
    let lock = r#"{ "spin_lock_version": 1, "must_understand": ["host_requirements"], "metadata": { "name": "x" },
        "host_requirements": { "local_service_chaining": "required" }, "triggers": [], "components": [] }"#;
    assert!(parse_lock(lock, "x", Path::new("."), &["local_service_chaining"]).is_ok());
    let error = parse_lock(lock, "x", Path::new("."), &[]).unwrap_err().to_string();
    let expected = "This application requires the following features that are not available in this version of the 'http' trigger: local_service_chaining";
    assert_eq!(error, expected);
}

#[test]
fn m10_a_base_that_says_nothing_is_warned_of() {
    let app = parse(include_str!("ui/valid/m10_base.toml"), "spin.toml", "app".as_ref()).unwrap();
    assert_eq!(app.warnings, ["spin.toml:7: `base` says nothing any more; remove it"]);
}

#[test]
fn m13_wagi_is_read_with_its_arguments() {
    let app = parse(include_str!("ui/valid/m13_executors.toml"), "spin.toml", "app".as_ref()).unwrap();
    let wagi = |argv: &str| Executor::Wagi { argv: argv.to_owned(), entrypoint: "_start".to_owned() };
    let executors: Vec<&Executor> = app.triggers.iter().map(|trigger| &trigger.executor).collect();
    assert_eq!(executors, [&wagi("${SCRIPT_NAME} ${ARGS}"), &wagi("one ${ARGS}"), &Executor::Http]);
}

#[test]
fn m14_hosts_in_the_old_notation_come_in_the_new_one_with_a_warning() {
    let app = parse(include_str!("ui/valid/m14_hosts.toml"), "spin.toml", "app".as_ref()).unwrap();
    let hosts = &app.component("hello").unwrap().allowed_outbound_hosts;
    assert_eq!(hosts[3..], ["http://example.org:8080", "https://example.org:8080", "http://self"]);
    assert_eq!(app.component("everywhere").unwrap().allowed_outbound_hosts, ["http://*:*", "https://*:*", "http://self"]);
    assert_eq!(app.warnings.len(), 2);
    let expected = "`allowed_outbound_hosts = [\"http://example.org:8080\", \"https://example.org:8080\", \"http://self\"]`";
    assert!(app.warnings[0].contains(expected), "{}", app.warnings[0]);
}

#[test]
fn m16_an_empty_runtime_configuration_is_the_default_and_hides_its_secrets() {
    let config = RuntimeConfig::parse("", "runtime-config.toml", "conf".as_ref()).unwrap();
    assert_eq!(config, RuntimeConfig::default());
    assert!(config.outbound_http.connection_pooling);
    let maximal = include_str!("ui/runtime_config/valid/maximal.toml");
    let config = RuntimeConfig::parse(maximal, "runtime-config.toml", "conf".as_ref()).unwrap();
    assert_eq!(config.state_dir, Some(Directory::None));
    assert!(maximal.contains("hush") && !format!("{config:?}").contains("hush"));
}

#[test]
fn m17_a_label_that_nothing_stands_behind_is_named_with_its_component() {
    let app =
        app("[component.a]\nsource = \"a\"\nkey_value_stores = [\"default\", \"cache\"]\nsqlite_databases = [\"default\", \"base\"]\n");
    let error = RuntimeConfig::default().check_labels(&app).unwrap_err().to_string();
    let expected =
        "unknown key_value_stores label \"cache\" for component \"a\"\nunknown sqlite_databases label \"base\" for component \"a\"";
    assert_eq!(error, expected);
    let config = "[key_value_store.cache]\ntype = \"spin\"\n[sqlite_database.base]\ntype = \"spin\"\n";
    let config = RuntimeConfig::parse(config, "x", "conf".as_ref()).unwrap();
    assert_eq!(config.check_labels(&app), Ok(()));
}

#[test]
fn m18_variables_come_from_the_line_the_providers_the_environment_and_the_default_in_this_order() {
    let app = app(
        "[variables]\na = { required = true }\nb = { required = true }\nc = { required = true }\nd = { required = true }\ne = { default = \"default\" }\n",
    );
    let config = "[[variables_provider]]\ntype = \"static\"\nvalues = { a = \"static\", b = \"static\" }\n\
                  [[variables_provider]]\ntype = \"env\"\nprefix = \"APP\"\n";
    let config = RuntimeConfig::parse(config, "x", "conf".as_ref()).unwrap();
    let given = BTreeMap::from([("a".to_owned(), "line".to_owned())]);
    let environment = |name: &str| match name {
        "APP_B" | "APP_C" => Some("provider".to_owned()),
        "SPIN_VARIABLE_C" | "SPIN_VARIABLE_D" => Some("environment".to_owned()),
        _ => None,
    };
    let values = app.resolve_variables_with(&given, &config.variables_providers, environment).unwrap();
    assert_eq!(values.values().map(String::as_str).collect::<Vec<_>>(), ["line", "static", "provider", "environment", "default"]);
    let error = app.resolve_variables_with(&given, &config.variables_providers, |_| None).unwrap_err();
    assert_eq!(error.missing, ["c", "d"]);
}

#[test]
fn m20_a_program_alone_answers_every_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hello.wasm");
    fs::write(&path, b"").unwrap();
    let app = load(&path).unwrap();
    assert_eq!(app.components[0].source, Source::File(path));
    assert_eq!(app.triggers[0].route, TriggerRoute::Public("/...".to_owned()));
    assert_eq!(app.triggers[0].target, TriggerTarget::Component("hello".to_owned()));
}
