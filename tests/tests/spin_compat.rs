//! `--spin-compat`: failures are told as Spin tells them, and nothing else is.

use spell_tests::{Host, REVISIONS, Setup, both};

const LIMITS: &str = r#"tool.spell.limits = { time = "1s", memory = "8MiB", fuel = 1_000_000_000, response = "1KiB", request = "1KiB" }"#;

fn start(arguments: &[&str]) -> Host {
    Setup::new(&both(LIMITS)).arguments(arguments).start()
}

/// What is asked for, its status without the flag, and with it.
const ROWS: &[(&str, u16, u16)] = &[
    ("trap", 502, 500),
    ("panic", 502, 500),
    ("no-response", 502, 500),
    ("grow?mib=64", 502, 500),
    ("body?bytes=100000", 502, 500),
    ("status?code=101", 502, 500),
    ("sleep?ms=20000", 504, 500),
    ("spin", 504, 500),
    ("hello", 200, 200),
    ("unknown", 404, 404),
];

#[test]
fn failures_of_components_are_500_without_a_body() {
    let (own, as_spin) = (start(&[]), start(&["--spin-compat"]));
    for revision in REVISIONS {
        for (path, status, status_of_spin) in ROWS {
            let path = format!("/{revision}/{path}");
            let (answer, answer_as_spin) = (own.app.get(&path), as_spin.app.get(&path));
            assert_eq!((answer.status, answer_as_spin.status), (*status, *status_of_spin), "{path}");
            let is_failure = *status_of_spin == 500;
            assert_eq!(answer.header("content-type") == Some("application/problem+json"), is_failure, "{path}");
            assert_eq!(is_failure, answer_as_spin.body.is_empty() && answer_as_spin.header("content-type").is_none(), "{path}");
        }
    }
}

#[test]
fn what_spin_does_not_know_is_told_as_ever() {
    let (own, as_spin) = (start(&[]), start(&["--spin-compat"]));
    let outcomes = |host: &Host| {
        let too_large = host.app.request("POST", "/p2/echo").body(vec![b'x'; 100_000]).send();
        let too_deep = host.app.request("GET", "/p2/hello").header("cdn-loop", "spell; depth=1000").send();
        let two_hosts = host.app.request("GET", "/p2/hello").header("host", "two.example").send();
        let cut = host.app.get("/p2/drip?chunks=100&ms=100");
        let nowhere = host.app.get("/nowhere");
        let proxied = host.app.raw(b"CONNECT a.example:1 HTTP/1.1\r\nhost: a.example:1\r\nconnection: close\r\n\r\n");
        [too_large, too_deep, two_hosts, cut, nowhere, proxied].map(|answer| {
            let told = answer.header("content-type").unwrap_or_default().to_owned();
            (answer.status, answer.is_whole, told)
        })
    };
    let (told, told_as_spin) = (outcomes(&own), outcomes(&as_spin));
    assert_eq!(told, told_as_spin);
    assert_eq!(
        told.map(|(status, is_whole, _)| (status, is_whole)),
        [(413, true), (508, true), (400, true), (200, false), (404, true), (405, true)]
    );
}
