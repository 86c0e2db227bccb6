//! Components made of several: what a dependency does for its component, what it cannot reach of what the component can, and middleware.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

use spell_tests::{Answer, Client, Host, Setup, Upstream, app, encode, guest, wait_until};
use std::fs;
use std::path::{Path, PathBuf};

const REACH: &str = "\"spell:tests/reach@1.0.0\"";
const GRANT_LOOPBACK: &str = "[outbound]\nallow_networks = [\"127.0.0.0/8\"]\n";

/// A component that may do everything, with these lines about what it depends on.
fn caller(id: &str, lines: &str) -> String {
    format!(
        "[component.{id}]\nsource = \"{}\"\nkey_value_stores = [\"default\"]\nallowed_outbound_hosts = [\"http://127.0.0.1:*\"]\n\
         environment = {{ SECRET = \"hidden\" }}\nvariables = {{ secret = \"kept\" }}\nfiles = [\"note.txt\"]\n{lines}\n",
        guest("tests_caller").display()
    )
}

fn trigger(component: &str, route: &str, middleware: &[String]) -> String {
    let middleware = middleware.join(", ");
    format!("[[trigger.http]]\nroute = \"{route}\"\ncomponent = \"{component}\"\ndependencies = {{ middleware = [{middleware}] }}\n")
}

/// An app of one component that depends on the library, with these further keys in the table of the dependency.
fn depending(further: &str) -> Setup {
    let library = guest("tests_library");
    let dependencies = format!("dependencies = {{ {REACH} = {{ path = \"{}\"{further} }} }}", library.display());
    let setup = Setup::new(&app(&[trigger("caller", "/...", &[]), caller("caller", &dependencies)]));
    setup.file("note.txt", "noted").operator(GRANT_LOOPBACK)
}

/// Everything that the guest can try, and what comes of it where it is allowed.
fn attempts(upstream: &Upstream) -> [(&'static str, String, &'static str); 5] {
    [
        ("environment", "environment/SECRET".to_owned(), "hidden"),
        ("variables", "variable/secret".to_owned(), "kept"),
        ("key_value_stores", "key-value/default".to_owned(), "kept"),
        ("files", "file/note.txt".to_owned(), "noted"),
        ("allowed_outbound_hosts", format!("fetch/{}", upstream.address), "200"),
    ]
}

/// A program like the test guest's middleware under another name, beside the manifest.
fn middleware(directory: &Path, name: &str) -> PathBuf {
    const WRITTEN: &[u8] = b"name-of-the-middleware";
    let mut wasm = fs::read(guest("tests_middleware")).unwrap();
    let name = format!("{name:x<width$}", width = WRITTEN.len());
    let place = wasm.windows(WRITTEN.len()).position(|window| window == WRITTEN).unwrap();
    wasm[place..place + WRITTEN.len()].copy_from_slice(name.as_bytes());
    let path = directory.join(format!("{name}.wasm"));
    fs::write(&path, wasm).unwrap();
    path
}

fn path(path: &Path, further: &str) -> String {
    format!("{{ path = \"{}\"{further} }}", path.display())
}

/// The middleware that an answer has come through, innermost first.
fn passed(answer: &Answer) -> Vec<String> {
    let values = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-passed"));
    values.map(|(_, value)| value.trim_end_matches('x').to_owned()).collect()
}

fn ask(app: Client, path: &str) -> (u16, String) {
    let answer = app.get(path);
    (answer.status, answer.text())
}

#[test]
fn a_dependency_that_inherits_everything_can_do_what_its_component_can() {
    let upstream = Upstream::start("found");
    let host = depending(", inherit_configuration = true").start();
    for (_, attempt, value) in attempts(&upstream) {
        for who in ["own", "dependency"] {
            assert_eq!(ask(host.app, &format!("/{who}/{attempt}")), (200, value.to_owned()), "{who} {attempt}");
        }
    }
}

#[test]
fn a_dependency_that_inherits_nothing_reaches_nothing_though_its_component_does() {
    let upstream = Upstream::start("found");
    for further in ["", ", inherit_configuration = false", ", inherit_configuration = []"] {
        let host = depending(further).start();
        for (_, attempt, value) in attempts(&upstream) {
            assert_eq!(ask(host.app, &format!("/own/{attempt}")), (200, value.to_owned()), "{attempt}");
            let (status, text) = ask(host.app, &format!("/dependency/{attempt}"));
            assert!(status == 403 && !text.contains(value), "{attempt}: {status} {text}");
        }
    }
    // Only the component's own requests have gone out, one for each host.
    assert_eq!(upstream.requests().len(), 3);
}

#[test]
fn a_dependency_reaches_what_it_inherits_and_nothing_else() {
    let upstream = Upstream::start("found");
    for (key, attempt, value) in attempts(&upstream) {
        let host = depending(&format!(", inherit_configuration = [\"{key}\"]")).start();
        assert_eq!(ask(host.app, &format!("/dependency/{attempt}")), (200, value.to_owned()), "{key}");
        for (_, other, _) in attempts(&upstream).iter().filter(|(other, ..)| *other != key) {
            assert_eq!(ask(host.app, &format!("/dependency/{other}")).0, 403, "{other} with {key} alone");
        }
    }
}

#[test]
fn a_whole_package_is_satisfied_by_one_of_the_apps_components() {
    let lines = "dependencies_inherit_configuration = true\ndependencies = { \"spell:tests\" = { component = \"library\" } }";
    let library = format!("[component.library]\nsource = \"{}\"\n", guest("tests_library").display());
    let host = Setup::new(&app(&[trigger("caller", "/...", &[]), caller("caller", lines), library])).file("note.txt", "noted").start();
    assert_eq!(ask(host.app, "/dependency/variable/secret"), (200, "kept".to_owned()));
}

#[test]
fn dependencies_that_do_not_fit_are_refused_with_what_was_found() {
    let (library, hello) = (guest("tests_library"), guest("hello_p2"));
    let middleware = guest("tests_middleware");
    for (dependencies, reasons) in [
        (
            format!("{REACH} = {{ path = \"{}\" }}", hello.display()),
            vec!["the dependency `spell:tests/reach@1.0.0` does not export", "`wasi:http/incoming-handler@0.2", "export ="],
        ),
        (
            format!("{REACH} = {{ path = \"{}\", export = \"spell:tests/grasp\" }}", library.display()),
            vec!["does not export `spell:tests/grasp`", "`spell:tests/reach@1.0.0`"],
        ),
        (
            format!("\"other:package\" = {{ path = \"{}\" }}", library.display()),
            vec!["`other:package` satisfies no import", "`spell:tests/reach@1.0.0`"],
        ),
        (format!("\"wasi:io/error\" = {{ path = \"{}\" }}", library.display()), vec!["the dependency `wasi:io/error` does not export"]),
        (format!("{REACH} = {{ path = \"gone.wasm\" }}"), vec!["the dependency \"spell:tests/reach@1.0.0\": cannot read", "gone.wasm"]),
        (format!("{REACH} = {{ path = \"note.txt\" }}"), vec!["the dependency `spell:tests/reach@1.0.0` is no WebAssembly component"]),
        (
            format!("{REACH} = {{ path = \"{}\", export = \"wasi:http/handler@0.3.0\" }}", middleware.display()),
            vec!["imports `wasi:http/handler@0.3.0`", "inherit_configuration = true"],
        ),
        (
            "\"spell:tests\" = \"1.0\"".to_owned(),
            vec!["the dependency \"spell:tests\"", "it is not known which registry the packages of `spell` are in"],
        ),
    ] {
        let manifest = app(&[trigger("caller", "/...", &[]), caller("caller", &format!("dependencies = {{ {dependencies} }}"))]);
        let ended = Setup::new(&manifest).file("note.txt", "noted").fail();
        assert_eq!(ended.code, Some(1), "{dependencies}");
        assert!(ended.stderr.contains("component \"caller\""), "{dependencies}: {}", ended.stderr);
        for reason in reasons {
            assert!(ended.stderr.contains(reason), "{dependencies}: {reason}: {}", ended.stderr);
        }
    }
    let missing = Setup::new(&app(&[trigger("caller", "/...", &[]), caller("caller", "")])).file("note.txt", "noted").fail();
    assert!(missing.stderr.contains("spell:tests/reach"), "{}", missing.stderr);
}

/// Routes to one component behind different middleware, or none.
fn behind_middleware() -> (Host, tempfile::TempDir) {
    let programs = tempfile::tempdir().unwrap();
    let [outer, inner] = ["outer", "inner"].map(|name| middleware(programs.path(), name));
    let dependencies = format!("dependencies = {{ {REACH} = {{ path = \"{}\" }} }}", guest("tests_library").display());
    let trusted = path(&inner, ", inherit_configuration = [\"environment\"]");
    let host = Setup::new(&app(&[
        trigger("caller", "/both/...", &[path(&outer, ""), path(&inner, "")]),
        trigger("caller", "/turned/...", &[path(&inner, ""), path(&outer, "")]),
        trigger("caller", "/trusted/...", &[trusted]),
        trigger("caller", "/...", &[]),
        caller("caller", &dependencies),
    ]));
    (host.file("note.txt", "noted").operator(GRANT_LOOPBACK).start(), programs)
}

#[test]
fn middleware_stands_around_a_component_outermost_first() {
    let (host, _programs) = behind_middleware();
    for (path, expected) in [
        ("/both/a", vec!["inner", "outer"]),
        ("/turned/a", vec!["outer", "inner"]),
        ("/trusted/a", vec!["inner"]),
        ("/own/environment/SECRET", Vec::new()),
    ] {
        let answer = host.app.get(path);
        assert_eq!(passed(&answer), expected, "{path}");
        // The component behind it is the same, and answers.
        assert!([200, 403].contains(&answer.status), "{path}: {}", answer.status);
    }
    // To its record it is one component, whatever stands around it.
    wait_until("the records to be written", || host.stats()["count"] == 4);
}

#[test]
fn middleware_sees_what_it_inherits_and_nothing_else() {
    let (host, _programs) = behind_middleware();
    for (path, expected) in [("/both/a", "none"), ("/trusted/a", "hidden")] {
        assert_eq!(host.app.get(path).header("x-secret"), Some(expected), "{path}");
    }
}

#[test]
fn middleware_can_answer_in_the_components_place() {
    let (host, _programs) = behind_middleware();
    for (name, expected) in [("outer", Vec::new()), ("inner", vec!["outer"])] {
        let padded = format!("{name:x<width$}", width = "name-of-the-middleware".len());
        let answer = host.app.request("GET", "/both/a").header("x-stop", &padded).send();
        assert_eq!((answer.status, answer.text()), (403, padded));
        assert_eq!(passed(&answer), expected, "{name}");
    }
}

#[test]
fn middleware_that_does_not_fit_is_refused_with_what_was_found() {
    let (plain, old) = (guest("hello_p3"), guest("tests_p2"));
    let programs = tempfile::tempdir().unwrap();
    let good = middleware(programs.path(), "good");
    for (component, chain, reason) in [
        (&plain, path(&plain, ""), "does not import `wasi:http/handler@0.3.x`"),
        (
            &old,
            path(&good, ""),
            "the component does not export `wasi:http/handler@0.3.x`, so no middleware can stand around it; it exports `wasi:http/incoming-handler@0.2",
        ),
    ] {
        let manifest = app(&[trigger("a", "/...", &[chain]), format!("[component.a]\nsource = \"{}\"\n", component.display())]);
        let ended = Setup::new(&manifest).fail();
        assert!(ended.code == Some(1) && ended.stderr.contains(reason), "{reason}: {}", ended.stderr);
    }
    let fixed =
        format!("[[trigger.http]]\nroute = \"/\"\nstatic_response = {{}}\ndependencies = {{ middleware = [{}] }}\n", path(&good, ""));
    let ended = Setup::new(&app(&[fixed])).fail();
    assert!(ended.stderr.contains("`middleware` stands around components"), "{}", ended.stderr);
}

#[test]
fn another_component_of_the_app_asks_a_component_behind_its_middleware() {
    let programs = tempfile::tempdir().unwrap();
    let outer = middleware(programs.path(), "outer");
    let p3 = format!("[component.inner]\nsource = \"{}\"\n", guest("hello_p3").display());
    let asking =
        format!("[component.p3]\nsource = \"{}\"\nallowed_outbound_hosts = [\"http://*.spin.internal\"]\n", guest("tests_p3").display());
    let stop = format!("{name:x<width$}", name = "outer", width = "name-of-the-middleware".len());
    let private = trigger("inner", "/", &[path(&outer, "")]).replace("route = \"/\"", "route = { private = true }");
    let host = Setup::new(&app(&[trigger("p3", "/...", &[]), trigger("inner", "/bare", &[]), private, p3, asking])).start();
    assert_eq!(passed(&host.app.get("/bare")), Vec::<String>::new());
    let asked = format!("/request?url={}&headers={}", encode("http://inner.spin.internal/"), encode(&format!("x-stop:{stop}")));
    assert_eq!(host.app.get(&asked).json()["status"], 403);
}

#[test]
fn composed_programs_are_kept_only_while_the_app_asks_for_them() {
    let state = tempfile::tempdir().unwrap();
    let kept = || fs::read_dir(state.path().join("programs")).unwrap().count();
    let host = depending("").state_dir(state.path()).start();
    assert_eq!(kept(), 1);
    drop(host);
    let host = depending(", inherit_configuration = true").state_dir(state.path()).start();
    assert_eq!(kept(), 1);
    drop(host);
}
