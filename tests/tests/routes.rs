//! Where a path leads: the table of routes as Spin reads it, from outside.

use spell_tests::{Host, Setup, app, component, guest};

/// Paths, and which route each leads to.
type Paths<'a> = &'a [(&'a str, Option<usize>)];

/// An app that answers each route with the route, and nothing else.
fn answering(routes: &[&str]) -> Host {
    let trigger = |(index, route): (usize, &&str)| {
        format!("[[trigger.http]]\nid = \"t{index}\"\nroute = \"{route}\"\nstatic_response = {{ body = \"{index} {route}\" }}\n")
    };
    Setup::new(&app(&routes.iter().enumerate().map(trigger).collect::<Vec<_>>())).start()
}

#[test]
fn r01_a_path_leads_to_the_most_specific_route() {
    let table: &[(&[&str], Paths)] = &[
        (&["/x/...", "/y/*"], &[("/x", Some(0)), ("/x/", Some(0)), ("/x/a/b", Some(0)), ("/xa", None), ("/y/z", Some(1)), ("/y", Some(1))]),
        (
            &["/u/:name", "/f/:n.:ext"],
            &[("/u/a", Some(0)), ("/u/", None), ("/u", None), ("/u/a/b", None), ("/f/a.txt", Some(1)), ("/f/a", None)],
        ),
        (&["/foo", "/foo/bar"], &[("/foo", Some(0)), ("//foo//", Some(0)), ("/foo/", Some(0)), ("/foo/bar", Some(1)), ("/foo//bar", None)]),
        (&["/Case", "/a%20b"], &[("/Case", Some(0)), ("/case", None), ("/a%20b", Some(1)), ("/a+b", None)]),
        (&["relative", "/relative/..."], &[("/relative", Some(0)), ("/relative/x", Some(1))]),
        (&["/:a/b", "/a/:b", "/..."], &[("/a/b", Some(1)), ("/x/b", Some(0)), ("/a/x", Some(1)), ("/x/y", Some(2))]),
        (&["/a/...", "/:x", "/a"], &[("/a", Some(2)), ("/b", Some(1)), ("/a/c", Some(0))]),
        (&["/a/:x", "/a/:y", "/foo", "/foo/"], &[("/a/1", Some(0)), ("/foo", Some(2)), ("/foo/", Some(2))]),
        (&["/q"], &[("/q?a=/b", Some(0)), ("/?/q", None)]),
    ];
    for (routes, paths) in table {
        let host = answering(routes);
        for (path, expected) in *paths {
            let answer = host.app.get(path);
            match expected {
                Some(index) => assert_eq!(answer.text(), format!("{index} {}", routes[*index]), "{routes:?} {path}"),
                None => assert_eq!((answer.status, answer.body.len()), (404, 0), "{routes:?} {path}: {}", answer.text()),
            }
        }
    }
    for route in ["/a/:", "/a/*x", "/a/*/b"] {
        let trigger = format!("[[trigger.http]]\nroute = \"{route}\"\nstatic_response = {{ body = \"x\" }}\n");
        let ended = Setup::new(&app(&[trigger])).fail();
        assert!(ended.code == Some(1) && ended.stderr.contains(route), "{route}: {}", ended.stderr);
    }
}

#[test]
fn r02_a_trailing_wildcard_tells_what_stands_behind_it() {
    let program = guest("tests_wagi");
    let part = format!(
        "[[trigger.http]]\nroute = \"/t/...\"\ncomponent = \"t\"\nexecutor = {{ type = \"wagi\" }}\n[component.t]\nsource = \"{}\"\n",
        program.display()
    );
    let host = Setup::new(&app(&[part])).start();
    for (path, expected) in [("/t", ""), ("/t/", "/"), ("/t/h", "/h"), ("/t/h/", "/h/")] {
        let answer = host.app.get(&format!("{path}?environment"));
        assert!(answer.text().lines().any(|line| line == format!("PATH_INFO={expected}")), "{path}: {}", answer.text());
    }
}

#[test]
fn r03_of_two_equal_routes_the_last_is_served() {
    let host = answering(&["/dup", "/other", "/dup"]);
    assert_eq!((host.app.get("/dup").text(), host.app.get("/other").text()), ("2 /dup".to_owned(), "1 /other".to_owned()));
    assert!(host.stderr().contains("/dup"), "it is told: {}", host.stderr());
}

#[test]
fn r05_paths_of_the_host_are_nobody_elses() {
    let everything = "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"p3\"\n".to_owned();
    let reserved = "[[trigger.http]]\nroute = \"/.well-known/spin/mine\"\nstatic_response = { body = \"mine\" }\n".to_owned();
    let host = Setup::new(&app(&[component("p3", "p3", ""), everything, reserved])).start();
    for path in ["/.well-known/spin/mine", "/.well-known/spin/hello", "/.well-known/spin/"] {
        assert_eq!(host.app.get(path).status, 404, "{path}");
    }
    assert!(host.stderr().contains("/.well-known/spin/mine"), "it is told: {}", host.stderr());
}
