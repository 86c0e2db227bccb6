//! What can be typed behind `spell up` and `spell build`, and what becomes of it.

use spell_tests::{Host, REVISIONS, Setup, app, both, component, guest, run, wait_until};

/// Static answers: what is printed does not depend on programs.
fn announced(format: &str) -> (Host, String) {
    let fixed =
        |id: &str, route: &str| format!("[[trigger.http]]\nid = \"{id}\"\nroute = \"{route}\"\nstatic_response = {{ body = \"{id}\" }}\n");
    let described = component("p2", "p2", "description = \"says hello\"");
    let private = "[[trigger.http]]\nroute = { private = true }\ncomponent = \"p2\"\n".to_owned();
    let all = fixed("all", "/...");
    let parts = [all, fixed("user", "/users/:id"), fixed("me", "/users/me"), fixed("first", "/a"), described, private, fixed("last", "/a")];
    let host = Setup::new(&app(&parts)).arguments(&["--format", format]).start();
    let url = format!("http://{}", host.app.address);
    (host, url)
}

#[test]
fn p01_the_address_and_the_routes_are_printed_as_spin_prints_them() {
    let (host, url) = announced("plain");
    let expected = format!(
        "\nServing {url}\nAvailable Routes:\n  last: {url}/a\n  me: {url}/users/me\n  \
         user: {url}/users/:id\n  p2: {url}/p2 (wildcard)\n    says hello\n  all: {url} (wildcard)\n"
    );
    assert_eq!(host.stdout(), expected);
    assert_eq!((host.app.get("/a").text(), host.app.get("/users/me").text()), ("last".to_owned(), "me".to_owned()));
}

#[test]
fn p02_the_routes_are_printed_as_json_to_whoever_asks() {
    let (host, url) = announced("json");
    let route = |id: &str, route: &str, rest: &str| format!("{{\"id\":\"{id}\",\"route\":\"{route}\",\"wildcard\":{rest}}}");
    let routes = [
        route("last", "/a", "false"),
        route("me", "/users/me", "false"),
        route("user", "/users/:id", "false"),
        route("p2", "/p2", "true,\"description\":\"says hello\""),
        route("all", "", "true"),
    ];
    assert_eq!(host.stdout(), format!("{{\"base_url\":\"{url}\",\"routes\":[{}]}}\n", routes.join(",")));
}

#[test]
fn a_part_of_an_app_is_served_alone() {
    let host = Setup::new(&both("")).arguments(&["--component-id", "p3"]).start();
    assert_eq!((host.app.get("/p3/hello").status, host.app.get("/p2/hello").status), (200, 404));
    let ended = Setup::new(&both("")).arguments(&["-c", "gone"]).fail();
    assert!(ended.stderr.contains("gone") && ended.stderr.contains("p2, p3"), "{}", ended.stderr);
    let asking = component("p2", "p2", r#"allowed_outbound_hosts = ["http://p3.spin.internal"]"#);
    let ended = Setup::new(&app(&[asking, component("p3", "p3", "")])).arguments(&["-c", "p2"]).fail();
    assert!(ended.stderr.contains("\"p3\""), "{}", ended.stderr);
}

#[test]
fn l01_the_output_of_some_components_is_followed() {
    let host = Setup::new(&both("")).arguments(&["--follow", "p3"]).start();
    for revision in REVISIONS {
        assert_eq!(host.app.get(&format!("/{revision}/print?text=from-{revision}%0A&n=1")).status, 200);
        host.log(revision, "stdout", |text| text.contains(&format!("from-{revision}")));
    }
    wait_until("the line to be shown", || host.stderr().contains("from-p3"));
    assert!(!host.stderr().contains("from-p2\n"), "{}", host.stderr());
    let ended = Setup::new(&both("")).arguments(&["--follow", "gone"]).fail();
    assert!(ended.stderr.contains("gone") && ended.stderr.contains("p2, p3"), "{}", ended.stderr);
}

#[test]
fn l01_logs_begin_anew_or_are_not_kept() {
    let state = tempfile::tempdir().unwrap();
    let start = |arguments: &[&str]| Setup::new(&both("")).state_dir(state.path()).arguments(arguments).start();
    let host = start(&[]);
    assert_eq!(host.app.get("/p2/print?text=first&n=1").status, 200);
    host.log("p2", "stdout", |text| text == "first");
    drop(host);
    let host = start(&["--truncate-logs"]);
    assert_eq!(host.app.get("/p2/print?text=second&n=1").status, 200);
    host.log("p2", "stdout", |text| text == "second");
    drop(host);
    std::fs::remove_dir_all(state.path().join("logs")).unwrap();
    let host = start(&["--log-dir", ""]);
    assert_eq!(host.app.get("/p2/print?text=third%0A&n=1").status, 200);
    wait_until("the line to be shown", || host.stderr().contains("third"));
    assert!(!state.path().join("logs/p2_stdout.txt").exists());
}

#[test]
fn v01_variables_come_from_the_command_line_from_files_and_from_the_environment() {
    let variables = "[variables]\nplain = { default = \"default\" }\ntoken = { default = \"default\" }\n";
    let used = "variables = { plain = \"{{ plain }}\", token = \"{{ token }}\" }";
    let manifest = app(&[variables.to_owned(), component("p2", "p2", used)]);
    let file =
        |setup: Setup| setup.file("all.json", r#"{ "plain": "json" }"#).file("all.toml", "plain = \"toml\"\n").file("token", "secret");
    for (arguments, plain, token) in [
        (vec![], "environment", "default"),
        (vec!["plain=typed"], "typed", "default"),
        (vec!["@all.json"], "json", "default"),
        (vec!["@all.toml", "token=@token"], "toml", "secret"),
        (vec!["@all.toml", "plain=last"], "last", "default"),
    ] {
        let mut setup = file(Setup::new(&manifest)).environment("SPIN_VARIABLE_PLAIN", "environment");
        let directory = setup.directory().to_owned();
        for argument in arguments {
            setup = setup.arguments(&["--variable", &argument.replace('@', &format!("@{}/", directory.display()))]);
        }
        let host = setup.start();
        let variable = |name: &str| host.app.get(&format!("/p2/variable?name={name}")).text();
        assert_eq!((variable("plain"), variable("token")), (plain.to_owned(), token.to_owned()));
    }
    for (argument, reason) in
        [("@gone.json", "cannot read gone.json"), ("novalue", "write NAME=VALUE"), ("plain=@gone", "cannot read gone")]
    {
        let ended = Setup::new(&manifest).arguments(&["--variable", argument]).fail();
        assert!(ended.code == Some(2) && ended.stderr.contains(reason), "{argument}: {}", ended.stderr);
    }
    let ended = Setup::new(&manifest).file("bad.toml", "plain = 1\n");
    let path = format!("@{}/bad.toml", ended.directory().display());
    let ended = ended.arguments(&["--variable", &path]).fail();
    assert!(ended.stderr.contains("`plain` is no text"), "{}", ended.stderr);
}

#[test]
fn v03_an_environment_given_on_the_command_line_goes_before_the_manifests() {
    let host = Setup::new(&both(r#"environment = { A = "manifest", B = "manifest" }"#)).arguments(&["-e", "A=typed"]).start();
    for revision in REVISIONS {
        let environment = host.app.get(&format!("/{revision}/env")).text();
        assert!(environment.contains("typed") && environment.matches("manifest").count() == 1, "{environment}");
    }
}

#[test]
fn spins_limits_are_limits_here() {
    let host = Setup::new(&both("")).arguments(&["--max-instance-memory", "8388608", "--request-timeout", "500ms"]).start();
    for revision in REVISIONS {
        assert_eq!(host.app.get(&format!("/{revision}/hello")).status, 200);
        assert_eq!(host.app.get(&format!("/{revision}/grow?mib=16")).status, 502, "{revision}: memory");
        assert_eq!(host.app.get(&format!("/{revision}/sleep?ms=20000")).status, 504, "{revision}: time");
    }
    let ended = Setup::new(&both("")).arguments(&["--http1-max-buf-size", "100"]).fail();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}

#[test]
fn flags_of_spin_that_change_nothing_are_taken_and_named() {
    let flags = [
        "--disable-pooling",
        "--debug-info",
        "--allow-transient-write",
        "--insecure",
        "--temp",
        "/tmp",
        "--max-instance-reuse-count",
        "1..2",
        "--idle-instance-timeout",
        "1s",
        "--sh",
    ];
    let host = Setup::new(&both("")).arguments(&flags).start();
    for flag in flags.iter().filter(|flag| flag.starts_with("--") && **flag != "--sh") {
        assert!(host.stderr().contains(&format!("warning: {flag} changes nothing: ")), "{flag}: {}", host.stderr());
    }
    assert_eq!(host.app.get("/p2/hello").status, 200);
}

#[test]
fn without_a_cache_no_compiled_code_is_kept() {
    let host = Setup::new(&app(&[component("p2", "p2", "")])).with_own_code().arguments(&["--disable-cache"]).start();
    assert_eq!(host.app.get("/p2/hello").status, 200);
    assert!(!host.state_dir().join("code").exists());
}

#[test]
fn components_are_built_by_their_commands() {
    let source = guest("tests_p2");
    let build = |commands: &str, workdir: &str| {
        format!(
            "spin_manifest_version = 2\n[application]\nname = \"built\"\n[[trigger.http]]\nroute = \"/...\"\ncomponent = \"a\"\n\
             [component.a]\nsource = \"out/a.wasm\"\nbuild = {{ command = {commands}{workdir} }}\n"
        )
    };
    let copy = format!("[\"mkdir -p ../out\", \"echo copying; cp {} ../out/a.wasm\"]", source.display());
    let setup = Setup::new(&build(&copy, ", workdir = \"src\"")).file("src/keep", "");
    let manifest = setup.directory().join("spin.toml").to_string_lossy().into_owned();
    let ended = run(&["build", "-f", &manifest]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("[a] copying") && ended.stderr.contains("built a in "), "{}", ended.stderr);
    std::fs::remove_file(setup.directory().join("out/a.wasm")).unwrap();
    assert_eq!(setup.arguments(&["--build"]).start().app.get("/hello").text(), "hello");

    let ended = Setup::new(&build("\"echo no; exit 3\"", "")).arguments(&["--build"]).fail();
    assert!(ended.code == Some(1) && ended.stderr.contains("[a] no") && ended.stderr.contains("failed a"), "{}", ended.stderr);
}
