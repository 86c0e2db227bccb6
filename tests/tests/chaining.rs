//! Components that ask each other within their app: who answers, what they are told, and what it may cost.

use serde_json::Value;
use spell_tests::{Client, Host, REVISIONS, Setup, app, component, encode, wait_until};
use std::time::Duration;

const INTERNAL: &str = r#"allowed_outbound_hosts = ["http://*.spin.internal", "http://self", "http://self.alt"]"#;

/// A component that only others can ask.
fn private(id: &str, revision: &str, lines: &str) -> String {
    component(id, revision, lines).replacen(&format!("route = \"/{id}/...\""), "route = { private = true }", 1)
}

/// An app of one asking component of each revision, and an inner one of each.
fn inner_and_outer() -> Host {
    let mut parts: Vec<String> = REVISIONS.iter().map(|revision| component(revision, revision, INTERNAL)).collect();
    parts.extend(REVISIONS.iter().map(|revision| private(&format!("inner-{revision}"), revision, "")));
    Setup::new(&app(&parts)).start()
}

/// What a component makes of a URL that it passes on.
fn pipe(app: Client, revision: &str, url: &str) -> (u16, String) {
    let answer = app.get(&format!("/{revision}/pipe?url={}", encode(url)));
    (answer.status, answer.text())
}

/// Every revision asking every revision.
fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    REVISIONS.into_iter().flat_map(|outer| REVISIONS.into_iter().map(move |inner| (outer, inner)))
}

/// How often a component's executions ended in an outcome.
fn count(host: &Host, id: &str, outcome: &str) -> u64 {
    let stats = host.stats();
    let rows = stats["components"].as_array().cloned().unwrap_or_default();
    let found = rows.iter().find(|row| row["component"] == id);
    found.and_then(|row| row["outcomes"][outcome].as_u64()).unwrap_or(0)
}

#[test]
fn c01_components_of_either_revision_answer_each_other() {
    let host = inner_and_outer();
    for (outer, inner) in pairs() {
        let url = format!("http://inner-{inner}.spin.internal");
        assert_eq!(pipe(host.app, outer, &format!("{url}/hello")), (200, "hello".to_owned()), "{outer} to {inner}");
        assert_eq!(pipe(host.app, outer, &format!("{url}/status?code=418")).0, 418);
        let large = pipe(host.app, outer, &format!("{url}/body?bytes=3000000"));
        assert_eq!((large.0, large.1.len()), (200, 3_000_000));
    }
}

#[test]
fn r04_a_private_component_is_not_there_from_outside() {
    let host = inner_and_outer();
    for revision in REVISIONS {
        for path in ["", "/", "/hello"] {
            assert_eq!(host.app.get(&format!("/inner-{revision}{path}")).status, 404);
        }
    }
    assert!(!host.stdout().contains("inner-"), "{}", host.stdout());
}

#[test]
fn c02_a_component_that_was_not_allowed_is_not_asked() {
    let narrow = r#"allowed_outbound_hosts = ["http://other.spin.internal"]"#;
    let mut parts: Vec<String> = REVISIONS.iter().map(|revision| component(revision, revision, narrow)).collect();
    parts.push(private("inner", "p2", ""));
    parts.push(private("other", "p2", ""));
    let host = Setup::new(&app(&parts)).start();
    for revision in REVISIONS {
        for url in ["http://inner.spin.internal/hello", "http://self/p2/hello", "http://self.alt/p2/hello"] {
            assert_eq!(pipe(host.app, revision, url), (502, "HTTP-request-denied".to_owned()), "{revision} {url}");
        }
        assert_eq!(pipe(host.app, revision, "http://other.spin.internal/hello").0, 200);
    }
}

#[test]
fn names_that_no_component_has_are_no_destination() {
    let host = inner_and_outer();
    for revision in REVISIONS {
        for url in ["http://nobody.spin.internal/", "http://a.b.spin.internal/"] {
            assert_eq!(pipe(host.app, revision, url), (502, "destination-not-found".to_owned()), "{revision} {url}");
        }
    }
    let ended = Setup::new(&app(&[component("p2", "p2", r#"allowed_outbound_hosts = ["http://gone.spin.internal"]"#)])).fail();
    assert!(ended.stderr.contains("http://gone.spin.internal"), "{}", ended.stderr);
}

#[test]
fn an_inner_component_is_told_what_the_host_vouches_for() {
    let host = inner_and_outer();
    for (outer, inner) in pairs() {
        let (_, text) = pipe(host.app, outer, &format!("http://inner-{inner}.spin.internal/headers?x=1"));
        let told: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(told["authority"], format!("inner-{inner}.spin.internal"), "{told}");
        let header = |name: &str| {
            let found = told["headers"].as_array()?.iter().find(|pair| pair[0] == name)?;
            found[1].as_str().map(str::to_owned)
        };
        for (name, value) in [
            ("spin-full-url", "http://localhost/headers?x=1"),
            ("spin-matched-route", "/..."),
            ("spin-path-info", "/headers"),
            ("spin-component-route", ""),
            ("spin-client-addr", "0.0.0.0:0"),
        ] {
            assert_eq!(header(name).as_deref(), Some(value), "{name}: {told}");
        }
        assert_eq!(header("host"), None);
    }
}

#[test]
fn c03_self_is_the_app_whatever_host_the_client_asked_for() {
    let host = inner_and_outer();
    for (outer, inner) in pairs() {
        for name in ["self", "self.alt"] {
            let path = format!("/{outer}/pipe?url={}", encode(&format!("http://{name}/{inner}/headers")));
            let request = format!("GET {path} HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
            let answer = host.app.raw(request.as_bytes());
            let told = answer.json();
            assert_eq!(told["authority"], host.app.address.to_string(), "{told}");
        }
        assert_eq!(pipe(host.app, outer, "http://self/nowhere").0, 404);
    }
}

#[test]
fn an_answer_arrives_as_it_is_made_and_ends_with_whoever_asked() {
    let host = inner_and_outer();
    for (outer, inner) in pairs() {
        let url = encode(&format!("http://inner-{inner}.spin.internal/sleep-after-headers?ms=60000"));
        let before = count(&host, &format!("inner-{inner}"), "cancelled");
        let request = format!("GET /{outer}/pipe?url={url} HTTP/1.1\r\nhost: a\r\n\r\n");
        // The inner guest goes on for a minute; its first chunk is there long before, and then the client hangs up.
        let (received, is_closed) = host.app.dialogue(request.as_bytes(), Duration::from_secs(3));
        assert!(received.starts_with(b"HTTP/1.1 200") && !received.ends_with(b"\r\n\r\n") && !is_closed, "{outer} to {inner}");
        wait_until("the inner guest to end", || count(&host, &format!("inner-{inner}"), "cancelled") == before + 1);
    }
}

#[test]
fn what_goes_wrong_inside_is_the_inner_components_failure() {
    let host = inner_and_outer();
    for (outer, inner) in pairs() {
        assert_eq!(pipe(host.app, outer, &format!("http://inner-{inner}.spin.internal/trap")).0, 502);
        // Had the answer begun, it breaks off, and whoever asked does not take it for whole; else it is never sent.
        let path = format!("/{outer}/fetch?url={}", encode(&format!("http://inner-{inner}.spin.internal/trap-after-headers")));
        let outcomes = host.app.get(&path).json();
        assert!(outcomes[0]["error"].is_string() || outcomes[0]["status"] == 502, "{outer} to {inner}: {outcomes}");
    }
    wait_until("the records to be written", || REVISIONS.iter().all(|inner| count(&host, &format!("inner-{inner}"), "trapped") == 4));
    assert_eq!(count(&host, "p2", "trapped") + count(&host, "p3", "trapped"), 0);
}

#[test]
fn a_ring_of_components_is_stopped_by_the_limit_of_depth() {
    let host = inner_and_outer();
    for revision in REVISIONS {
        for (calls, status) in [(3, 200), (4, 508), (8, 508)] {
            let mut url = format!("http://{revision}.spin.internal/hello");
            for _ in 1..calls {
                url = format!("http://{revision}.spin.internal/pipe?url={}", encode(&url));
            }
            assert_eq!(pipe(host.app, revision, &url).0, status, "{revision}: {calls} calls");
        }
    }
}
