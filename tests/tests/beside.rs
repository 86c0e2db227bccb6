//! The platform beside an app, from outside: one process, one database, two listeners.
//!
//! It knows what is served where. It must never know how the two share a process.

use serde_json::json;
use spell_tests::{Caller, Host, Setup, app, slow, spells_directory};
use std::fs;

const FIRST_KEY: &str = "The platform's first key, which may do everything and is not shown again: ";

fn setup() -> Setup {
    Setup::new(&app(&["[[trigger.http]]\nroute = \"/...\"\nstatic_response = { status_code = 200, body = \"the app\" }\n".to_owned()]))
}

fn first_key(host: &Host) -> Option<String> {
    let stderr = host.stderr();
    let (_, rest) = stderr.split_once(FIRST_KEY)?;
    rest.lines().next().map(str::to_owned)
}

#[test]
fn an_app_and_the_platform_are_served_by_one_host_also_at_the_next_start() {
    let directory = tempfile::tempdir().expect("directory");
    let program = fs::read(spells_directory().join("assemblyscript-default-processed.wasm")).expect("run `make components`");
    let host = setup().state_dir(directory.path()).start();
    let caller = Caller { client: host.control, key: first_key(&host).expect("a key") };
    assert_eq!(caller.publish("shout", "1.0.0", &program).status, 201);
    let cast = caller.cast("shout", &json!("a"), "one");
    assert_eq!((cast.status, &cast.json()["output"]), (201, &json!("Processed: a")));
    assert_eq!(host.app.get("/").text(), "the app");
    assert_eq!(host.app.get("/api/v1/casts").text(), "the app", "the platform is on the control plane alone");
    assert_eq!(host.stop().code, Some(0));

    let host = setup().state_dir(directory.path()).start();
    assert_eq!(first_key(&host), None, "there is a key already");
    let caller = Caller { client: host.control, ..caller };
    assert_eq!(caller.cast("shout", &json!("a"), "one").body, cast.body, "what was cast is known");
}

#[test]
fn of_two_hosts_on_one_state_directory_the_second_serves_its_app_alone() {
    let directory = tempfile::tempdir().expect("directory");
    let first = setup().state_dir(directory.path()).start();
    let second = setup().state_dir(directory.path()).start();
    assert!(second.stderr().contains("warning: another host serves the platform of "), "{}", second.stderr());
    assert_eq!((second.app.get("/").text().as_str(), second.control.get("/api/spells").status), ("the app", 404));
    assert_eq!(first.control.get("/api/spells").status, 401);
}

#[test]
fn no_platform_is_served_where_none_is_wanted_or_nothing_lasts() {
    for arguments in [&["--no-platform"][..], &["--state-dir", ""]] {
        let setup = if arguments.contains(&"") { setup().state_dir_unsaid("".as_ref()) } else { setup() };
        let host = setup.arguments(arguments).start();
        assert_eq!((host.control.get("/api/spells").status, first_key(&host)), (404, None), "{arguments:?}");
        assert_eq!(host.control.get("/healthz").status, 200, "{arguments:?}");
    }
}

#[test]
fn a_cast_that_runs_when_the_host_is_told_to_stop_ends_and_is_recorded() {
    let directory = tempfile::tempdir().expect("directory");
    let host = setup().state_dir(directory.path()).start();
    let caller = Caller { client: host.control, key: first_key(&host).expect("a key") };
    assert_eq!(caller.publish("slow", "1.0.0", &slow(300_000_000)).status, 201);
    let cast = caller.begin_cast("slow", &json!("a"), "one").header("prefer", "respond-async").send();
    assert_eq!(cast.status, 202, "{}", cast.text());
    assert_eq!(host.stop().code, Some(0));

    let host = setup().state_dir(directory.path()).start();
    let caller = Caller { client: host.control, ..caller };
    let id = cast.json()["cast_id"].as_str().expect("an id").to_owned();
    assert_eq!(caller.get(&format!("/api/v1/casts/{id}")).json()["status"], "completed");
}
