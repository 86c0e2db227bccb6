//! The ways in which a component can answer HTTP beside WASI's own, and components that have none, or too many.

use spell_tests::{Answer, Host, Setup, app, guest};

/// A component of a guest, routed under its own name.
fn component(id: &str, guest_name: &str, trigger_lines: &str, lines: &str) -> String {
    format!(
        "[[trigger.http]]\nroute = \"/{id}/...\"\ncomponent = \"{id}\"\n{trigger_lines}\n[component.{id}]\nsource = \"{}\"\n{lines}\n",
        guest(guest_name).display()
    )
}

const WAGI: &str = "executor = { type = \"wagi\" }";

fn start(limits: &str) -> Host {
    let lines = format!("environment = {{ GRANTED = \"yes\" }}\n[component.ID.tool.spell]\nlimits = {{ {limits} }}");
    let of = |id: &str, guest: &str, trigger: &str| component(id, guest, trigger, &lines.replace("ID", id));
    Setup::new(&app(&[of("old", "tests_spin1", ""), of("cgi", "tests_wagi", WAGI)])).start()
}

fn lines(answer: &Answer) -> Vec<String> {
    answer.text().lines().map(str::to_owned).collect()
}

#[test]
fn x01_components_of_spin_1_answer() {
    let host = start("");
    assert_eq!(host.app.get("/old/hello").text(), "hello");
    let large = vec![b'x'; 1 << 20];
    assert_eq!(host.app.request("POST", "/old/echo").body(large.clone()).send().body, large);
    assert_eq!(host.app.get("/old/echo").body, b"");
    let told = host.app.request("PUT", "/old/headers?a=b").header("x-twice", "1").header("x-twice", "2").send();
    let told = lines(&told);
    assert_eq!(told[0], "Method::Put /old/headers?a=b");
    for line in ["x-twice: 1", "x-twice: 2", "spin-path-info: /headers", "spin-component-route: /old"] {
        assert!(told.iter().any(|told| told == line), "{line}: {told:?}");
    }
    let own = host.app.get("/old/own-headers");
    assert_eq!((own.status, own.header("x-own"), own.header("connection")), (201, Some("a"), Some("close")));
    assert_eq!(host.app.request("TRACE", "/old/hello").send().status, 405);
}

#[test]
fn components_of_spin_1_fail_as_others_do() {
    let host = start("request = 1024, response = 2048");
    for path in ["trap", "bad-header", "no-status", "wrong-length"] {
        let answer = host.app.get(&format!("/old/{path}"));
        assert!(answer.status == 502 || !answer.is_whole, "{path}: {answer:?}");
    }
    assert_eq!(host.app.request("POST", "/old/echo").body(vec![b'x'; 1025]).send().status, 413);
    assert_eq!(host.app.request("POST", "/old/echo").body(vec![b'x'; 1025]).chunked().send().status, 413);
    assert_eq!(host.app.get("/old/hello").status, 200);
}

#[test]
fn x01_programs_are_run_for_each_request() {
    let host = start("");
    let hello = host.app.get("/cgi/hello");
    assert_eq!((hello.status, hello.text().as_str(), hello.header("content-type")), (200, "hello", Some("text/plain")));
    let body: Vec<u8> = (0..=255).collect();
    assert_eq!(host.app.request("POST", "/cgi/echo").body(body.clone()).send().body, body);
    assert_eq!((host.app.get("/cgi/status").status, host.app.get("/cgi/status").text()), (418, "short and stout".to_owned()));
    let moved = host.app.get("/cgi/moved");
    assert_eq!((moved.status, moved.header("location")), (302, Some("/elsewhere")));
    assert_eq!(host.app.get("/cgi/exit").text(), "before", "what was printed counts, whatever the code");
}

#[test]
fn a_program_is_told_of_its_request_by_its_environment() {
    let host = start("");
    let request = "POST /cgi/environment?a=1&b=2 HTTP/1.1\r\nhost: example:81\r\nx-one-two: 3\r\nproxy: http://evil\r\n\
                   authorization: secret\r\ncontent-type: a/b\r\ncontent-length: 4\r\nconnection: close\r\n\r\nfour";
    let told = lines(&host.app.raw(request.as_bytes()));
    for line in [
        "REQUEST_METHOD=POST",
        "QUERY_STRING=a=1&b=2",
        "PATH_INFO=/environment",
        "SCRIPT_NAME=/cgi",
        "CONTENT_LENGTH=4",
        "CONTENT_TYPE=a/b",
        "SERVER_NAME=example",
        "SERVER_PORT=81",
        "HTTP_X_ONE_TWO=3",
        "HTTP_HOST=example:81",
        "REMOTE_ADDR=127.0.0.1",
        "X_MATCHED_ROUTE=/cgi/...",
        "X_FULL_URL=http://example:81/cgi/environment?a=1&b=2",
        "GATEWAY_INTERFACE=CGI/1.1",
        "GRANTED=yes",
        "argument /cgi",
        "argument a=1",
        "argument b=2",
    ] {
        assert!(told.iter().any(|told| told == line), "{line}: {told:#?}");
    }
    for unwanted in ["HTTP_PROXY", "HTTP_AUTHORIZATION", "secret", "evil"] {
        assert!(!told.iter().any(|line| line.contains(unwanted)), "{unwanted}: {told:#?}");
    }
}

#[test]
fn programs_fail_as_others_do() {
    let host = start("request = 1024, response = 2048, fuel = 100_000_000");
    for (path, status) in [("silent", 502), ("no-head", 502), ("trap", 502), ("endless", 504)] {
        assert_eq!(host.app.get(&format!("/cgi/{path}")).status, status, "{path}");
    }
    assert_eq!(host.app.request("POST", "/cgi/echo").body(vec![b'x'; 1025]).send().status, 413);
    assert_eq!(host.app.get("/cgi/nowhere").status, 404);
}

#[test]
fn x01_what_does_not_fit_its_executor_is_refused_at_the_start() {
    for (guest_name, trigger, reason) in [
        ("tests_wagi", "", "executor = { type = \"wagi\" }"),
        ("hello_p2", WAGI, "it is no program"),
        ("hello_p3", WAGI, "it is no program"),
    ] {
        let ended = Setup::new(&app(&[component("a", guest_name, trigger, "")])).fail();
        assert!(ended.stderr.contains(reason), "{guest_name}: {}", ended.stderr);
    }
    let none = Setup::new(&app(&[])).file("a.wasm", "");
    let wasm = none.directory().join("a.wasm");
    std::fs::write(&wasm, wat::parse_str("(component)").unwrap()).unwrap();
    let source = format!("[[trigger.http]]\nroute = \"/...\"\ncomponent = \"a\"\n[component.a]\nsource = \"{}\"\n", wasm.display());
    let ended = none.manifest(&app(&[source])).fail();
    assert!(ended.stderr.contains("fermyon:spin/inbound-http") && ended.stderr.contains("no exports at all"), "{}", ended.stderr);
}
