//! Hosts of more components than are kept loaded.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use spell_tests::{Host, Setup, app, binary, component, guest, wait_until};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

const COMPONENTS: usize = 12;
const LOADED_MAX: usize = 3;

/// A component that says hello, unlike every other: what it is made of ends with a custom section that nobody reads.
fn write_hello(directory: &Path, number: usize) -> String {
    let mut bytes = fs::read(guest("hello_p2")).expect("guest");
    bytes.extend_from_slice(&[0, 4, 1, b'n', number.to_le_bytes()[0], number.to_le_bytes()[1]]);
    let path = directory.join(format!("{number}.wasm"));
    fs::write(&path, bytes).expect("write");
    let source = path.display();
    format!("[[trigger.http]]\nroute = \"/{number}/...\"\ncomponent = \"c{number}\"\n\n[component.c{number}]\nsource = \"{source}\"\n")
}

fn setup() -> Setup {
    let setup = Setup::new("").with_own_code();
    let mut parts: Vec<String> = (0..COMPONENTS).map(|number| write_hello(setup.directory(), number)).collect();
    parts.push(component("slow", "p2", ""));
    setup.manifest(&app(&parts)).operator(&format!("[host]\nloaded = {LOADED_MAX}\nloaded_time = \"1s\"\n"))
}

fn loaded(host: &Host) -> usize {
    let metrics = host.control.get("/metrics").text();
    let line = metrics.lines().find_map(|line| line.strip_prefix("spell_components_loaded ")).expect("the gauge");
    line.parse::<f64>().expect("a number") as usize
}

#[test]
fn all_components_answer_though_few_are_loaded() {
    let host = setup().start();
    for round in 0..3 {
        thread::scope(|scope| {
            for number in 0..COMPONENTS {
                let app = host.app;
                // Three at once for each: the one that finds it gone loads it, the others wait for it.
                for _ in 0..3 {
                    scope.spawn(move || {
                        let answer = app.get(&format!("/{number}/"));
                        assert_eq!((answer.status, answer.text().as_str()), (200, "Hello, world!"), "{number} in round {round}");
                    });
                }
            }
        });
        assert!(loaded(&host) <= LOADED_MAX);
    }
    assert_eq!(host.stop().code, Some(0));
}

#[test]
fn what_runs_is_not_disturbed_when_its_code_is_let_go_of() {
    let host = setup().start();
    let app = host.app;
    let running = thread::spawn(move || app.get("/slow/sleep?ms=4000"));
    thread::sleep(Duration::from_millis(200));
    for number in 0..COMPONENTS {
        assert!(app.get(&format!("/{number}/")).is_success());
    }
    wait_until("nothing is loaded", || loaded(&host) == 0);
    assert!(!running.is_finished(), "it was to run all the while");
    assert!(running.join().expect("client").is_success());
    assert!(app.get("/slow/hello").is_success(), "and it can be asked for again");
}

#[test]
fn code_that_was_lost_is_made_again_from_the_same_component_and_no_other() {
    let setup = setup();
    let directory = setup.directory().to_owned();
    let host = setup.start();
    wait_until("nothing is loaded", || loaded(&host) == 0);
    for file in fs::read_dir(host.state_dir().join("code")).expect("cache").flatten() {
        fs::remove_file(file.path()).expect("remove");
    }
    assert!(host.app.get("/0/").is_success());
    fs::remove_file(directory.join("1.wasm")).expect("remove");
    fs::copy(directory.join("3.wasm"), directory.join("2.wasm")).expect("copy");
    for (number, reason) in [(1, "1.wasm"), (2, "it is another component than at the start")] {
        let answer = host.app.get(&format!("/{number}/"));
        assert_eq!((answer.status, answer.json()["code"].as_str()), (500, Some("host-failed")), "{number}");
        wait_until(&format!("word of {reason:?}"), || host.stderr().contains(reason));
    }
    assert!(host.app.get("/3/").is_success());
}

#[test]
fn code_that_is_kept_loaded_has_a_bound_of_bytes() {
    let setup = Setup::new("").with_own_code();
    let parts: Vec<String> = (0..COMPONENTS).map(|number| write_hello(setup.directory(), number)).collect();
    let (small, large) = ("[host]\nloaded_code = \"1B\"\n", "[host]\nloaded_code = \"1GiB\"\n");
    let state = tempfile::tempdir().expect("directory");
    for (operator, expected) in [(small, 1), (large, COMPONENTS)] {
        let setup = Setup::new(&app(&parts)).state_dir(state.path()).operator(operator);
        let host = setup.start();
        for number in 0..COMPONENTS {
            assert!(host.app.get(&format!("/{number}/")).is_success(), "{number}");
        }
        assert_eq!(loaded(&host), expected, "{operator}");
    }
}

#[test]
fn a_host_that_may_run_out_of_descriptors_says_so_at_its_start() {
    let setup = Setup::new(&app(&[component("a", "p2", "")])).with_own_code().operator("[host]\nconnections = 1000\n");
    let path = |name: &str| setup.directory().join(name);
    let ended = Command::new("sh")
        .args(["-c", "ulimit -n 300; exec \"$@\"", "sh"])
        .arg(binary())
        .args(["up", "--listen", "not an address", "--control-listen", "off", "-f"])
        .args([path("spin.toml"), "--config".into(), path("spell.toml")])
        .output()
        .expect("run");
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert!(stderr.contains("may come to need 2064 open files, and the system allows 300"), "{stderr}");
}
