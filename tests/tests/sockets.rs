//! C05: sockets of a guest's own reach the networks and ports that the manifest names and the operator allows, and nothing else.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use spell_tests::{Host, REVISIONS, Setup, both, encode, wait_until};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

const GRANT_LOOPBACK: &str = "[outbound]\nallow_networks = [\"127.0.0.0/8\", \"::1/128\"]\n";

fn start(allowed: &str, limits: &str, operator: &str) -> Host {
    let lines = format!("allowed_outbound_hosts = [{allowed}]\ntool.spell.limits = {{ {limits} }}");
    Setup::new(&both(&lines)).operator(operator).start()
}

/// Says everything back, on every address of this machine.
fn echo() -> u16 {
    let listener = TcpListener::bind("[::]:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut said = Vec::new();
                let _ = stream.read_to_end(&mut said);
                let _ = stream.write_all(&said);
            });
        }
    });
    port
}

/// The ways to connect: standard library and, in a component of WASI 0.3, its own sockets.
fn ways(revision: &str) -> &'static [&'static str] {
    if revision == "p3" { &["connect", "connect3"] } else { &["connect"] }
}

#[test]
fn c05_sockets_reach_a_network_and_a_range_of_ports() {
    let (granted, beyond) = (echo(), echo());
    let host = start(&format!("\"tcp://127.0.0.0/8:{granted}..{}\"", u32::from(granted) + 1), "outbound_requests = 100", GRANT_LOOPBACK);
    for revision in REVISIONS {
        for way in ways(revision) {
            let ask = |address: &str| host.app.get(&format!("/{revision}/{way}?address={}&say={}", encode(address), "word".repeat(500)));
            for address in ["127.0.0.1", "127.0.0.2", "127.255.255.254"] {
                let answer = ask(&format!("{address}:{granted}"));
                assert_eq!((answer.status, answer.text()), (200, format!("connected{}", "word".repeat(500))), "{revision} {way} {address}");
            }
            for address in [format!("127.0.0.1:{beyond}"), format!("[::1]:{granted}"), format!("0.0.0.0:{granted}")] {
                let answer = ask(&address);
                assert_eq!(answer.status, 404, "{revision} {way} {address}: {}", answer.text());
            }
        }
    }
    let grant = format!("allowed_outbound_hosts = [\"tcp://127.0.0.1:{beyond}\"]");
    wait_until("word of how it is granted", || host.stderr().contains(&grant));
}

#[test]
fn c05_sockets_need_the_manifest_and_the_operator() {
    let port = echo();
    for (allowed, operator) in [
        (format!("\"http://127.0.0.1:{port}\", \"redis://127.0.0.1:{port}\""), GRANT_LOOPBACK),
        (String::new(), GRANT_LOOPBACK),
        (format!("\"tcp://127.0.0.1:{port}\""), ""),
        (format!("\"*://*:{port}\""), "[outbound]\nallow_networks = [\"10.0.0.0/8\"]\n"),
    ] {
        let host = start(&allowed, "outbound_requests = 100", operator);
        for revision in REVISIONS {
            for way in ways(revision) {
                let answer = host.app.get(&format!("/{revision}/{way}?address=127.0.0.1:{port}"));
                assert_eq!(answer.status, 404, "{revision} {way} {allowed}: {}", answer.text());
            }
        }
    }
}

#[test]
fn guests_with_sockets_neither_listen_nor_send_datagrams_nor_look_names_up() {
    let host = start("\"*://*:*\"", "outbound_requests = 100", GRANT_LOOPBACK);
    for revision in REVISIONS {
        for path in [
            "listen?address=127.0.0.1:0",
            "listen?address=0.0.0.0:0",
            "listen?address=0.0.0.0:34567",
            "udp?address=127.0.0.1:53",
            "resolve?name=localhost",
        ] {
            let answer = host.app.get(&format!("/{revision}/{path}"));
            assert_eq!(answer.status, 404, "{revision} {path}: {}", answer.text());
        }
    }
}

#[test]
fn sockets_are_counted_while_they_are_open_and_while_they_are_made() {
    let port = echo();
    let allowed = format!("\"tcp://127.0.0.1:{port}\"");
    let many = format!("connect-many?address=127.0.0.1:{port}&n=20");
    for (limits, expected) in [("outbound_requests = 100", "6"), ("outbound_requests = 3", "3")] {
        let host = start(&allowed, limits, GRANT_LOOPBACK);
        for revision in REVISIONS {
            // Again and again: what a request held is free once it ends.
            for _ in 0..3 {
                assert_eq!(host.app.get(&format!("/{revision}/{many}")).text(), expected, "{revision} {limits}");
            }
            let made: u64 = host.app.get(&format!("/{revision}/bind-many?n=10000")).text().parse().unwrap_or_default();
            assert!(made < 256, "{revision}: {made} sockets");
        }
    }
}
