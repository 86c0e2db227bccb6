//! What a manifest may say and this host does not run is refused before anything is served; what it may say in other words is served.

use spell_tests::{Setup, app, component, guest};

/// An app with a component `a`, which has further lines, and a trigger, which has further lines.
fn with(component: &str, trigger: &str) -> String {
    let trigger = format!("[[trigger.http]]\nroute = \"/\"\ncomponent = \"a\"\n{trigger}\n");
    app(&[trigger, format!("[component.a]\nsource = \"a.wasm\"\n{component}\n")])
}

#[test]
fn what_is_not_run_is_refused_by_name() {
    for (manifest, reason) in [
        (with("", "[[trigger.redis]]\nchannel = \"x\"\ncomponent = \"a\""), "trigger \"a-redis-trigger\" is of type \"redis\""),
        (
            with("", "dependencies = { middleware = [{ package = \"b:m\", version = \"1\" }] }"),
            "trigger \"a-http-trigger\": its `middleware`: package b:m 1 of the default registry cannot be found: it is not known",
        ),
        (with("ai_models = [\"llama2-chat\"]", ""), "component \"a\": `ai_models`: there is no service to ask"),
        (
            with("dependencies = { \"b:c\" = \"1.0\" }", ""),
            "component \"a\": the dependency \"b:c\": package b:c 1.0 of the default registry cannot be found: it is not known",
        ),
        (with("key_value_stores = [\"cache\"]", ""), "unknown key_value_stores label \"cache\" for component \"a\""),
    ] {
        let ended = Setup::new(&manifest).fail();
        assert_eq!(ended.code, Some(1), "{manifest}");
        assert!(ended.stderr.contains(reason), "{manifest}: {}", ended.stderr);
        assert!(!ended.stdout.contains("Serving"), "{manifest}");
    }
}

#[test]
fn m15_a_host_that_its_variables_make_invalid_is_refused() {
    let lines = "allowed_outbound_hosts = [\"https://{{ host }}\"]\n[variables]\nhost = { default = \"a/path\" }";
    let ended = Setup::new(&with(lines, "")).fail();
    assert!(ended.code == Some(1) && ended.stderr.contains("a/path"), "{}", ended.stderr);
}

#[test]
fn m02_a_manifest_of_version_1_is_served_below_its_base() {
    let manifest = format!(
        "spin_version = \"1\"\nname = \"old\"\ntrigger = {{ type = \"http\", base = \"/base\" }}\n\
         [[component]]\nid = \"Under_Score\"\nsource = \"{}\"\ntrigger = {{ route = \"/p2/...\" }}\n",
        guest("tests_p2").display()
    );
    let host = Setup::new(&manifest).start();
    assert_eq!(host.app.get("/base/p2/hello").text(), "hello");
    assert_eq!(host.app.get("/p2/hello").status, 404);
    assert!(host.stdout().contains("under-score"), "{}", host.stdout());
}

#[test]
fn triggers_of_type_spell_are_http_triggers() {
    let host = Setup::new(&app(&[component("p2", "p2", "").replace("[[trigger.http]]", "[[trigger.spell]]")])).start();
    assert_eq!(host.app.get("/p2/hello").text(), "hello");
}

#[test]
fn an_outdated_key_is_taken_over_with_a_warning() {
    let host = Setup::new(&app(&[component("p2", "p2", "allowed_http_hosts = [\"example.com\"]")])).start();
    let expected =
        "`allowed_http_hosts` is out of date; write `allowed_outbound_hosts = [\"http://example.com\", \"https://example.com\"]`";
    assert!(host.stderr().contains(expected), "{}", host.stderr());
}
