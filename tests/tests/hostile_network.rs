//! Cards F1 to F10, and H1: guests that reach for what they may not have, in a network of its own.
//!
//! There, every address that may not be reached is this very machine, with a listener behind it that counts, and the way to
//! everywhere else is a device that counts.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::Value;
use spell_tests::hostile::{Arena, alone};
use spell_tests::{Host, REVISIONS, Setup, app, component, encode};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

/// Every destination is in the manifest; the address is what must not be reached.
const ANY_HOST: &str = "allowed_outbound_hosts = [\"*://*:*\"]\ntool.spell.limits = { outbound_requests = 100, time = \"20s\" }";
/// One host is in the manifest.
const ONE_HOST: &str = "allowed_outbound_hosts = [\"http://allowed.test\", \"http://*.wild.test\"]";

/// Addresses that are this machine in the network of its own.
const LOCAL: &[&str] = &[
    "169.254.169.254/32",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "192.0.0.192/32",
    "10.0.0.1/32",
    "172.16.0.1/32",
    "172.31.255.254/32",
    "192.168.0.1/32",
    "100.64.0.1/32",
    "192.0.0.1/32",
    "192.0.2.1/32",
    "198.18.0.1/32",
    "198.51.100.1/32",
    "203.0.113.1/32",
    "240.0.0.1/32",
    "fd00:ec2::254/128",
    "fd12:3456::1/128",
    "fec0::1/128",
    "64:ff9b::7f00:1/128",
    "2002:7f00:1::1/128",
    "2001:db8::1/128",
    "100::1/128",
    "2001:0:7f00:1::1/128",
];

#[rustfmt::skip]
const FORBIDDEN_ADDRESSES: &[&str] = &[
    // F1: this machine, in every spelling.
    "http://127.0.0.1", "http://127.1", "http://127.0.1", "http://0", "http://0.0.0.0", "http://2130706433", "http://0x7f000001",
    "http://0x7f.0.0.1", "http://0177.0.0.1", "http://017700000001", "http://127.0.0.1.", "http://127.127.127.127", "http://127.255.255.254",
    "http://[::1]", "http://[::]", "http://[0:0:0:0:0:0:0:1]", "http://[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]", "http://[::7f00:1]",
    "http://[::127.0.0.1]", "http://[64:ff9b::7f00:1]", "http://[64:ff9b::127.0.0.1]", "http://[2002:7f00:1::1]", "http://[2001:0:7f00:1::1]",
    "http://[fe80::1]", "http://localhost", "http://LOCALHOST", "http://localhost.", "http://LocalHost.:80", "http://local.test",
    "http://127.0.0.1:443", "https://127.0.0.1", "https://localhost",
    // F2: services of clouds.
    "http://169.254.169.254", "http://169.254.169.254/latest/meta-data/", "http://2852039166", "http://0xa9fea9fe", "http://[fd00:ec2::254]",
    "http://[::ffff:169.254.169.254]", "http://[64:ff9b::a9fe:a9fe]", "http://100.100.100.200", "http://168.63.129.16", "http://192.0.0.192",
    "http://metadata.google.internal",
    // F3: networks that are nobody's or somebody's own.
    "http://10.0.0.1", "http://172.16.0.1", "http://172.31.255.254", "http://192.168.0.1", "http://100.64.0.1", "http://192.0.0.1",
    "http://192.0.2.1", "http://198.18.0.1", "http://198.51.100.1", "http://203.0.113.1", "http://224.0.0.1", "http://239.255.255.250",
    "http://240.0.0.1", "http://255.255.255.255", "http://[fd12:3456::1]", "http://[fec0::1]", "http://[ff02::1]", "http://[2001:db8::1]",
    "http://[100::1]",
    // F4: names that lead there.
    "http://private.test", "http://six.test", "http://alias.test", "http://many.test",
];

#[rustfmt::skip]
const FORBIDDEN_HOSTS: &[&str] = &[
    // F6: what one parser reads as one host and another as another.
    "http://allowed.test@evil.test", "http://evil.test#@allowed.test", "http://allowed.test\\@evil.test", "http://allowed.test%00.evil.test",
    "http://allowed.test:80@evil.test:80", "http://allowed.test%2eevil.test", "http://user:pass@allowed.test", "http://@allowed.test",
    "http://allowed.test:99999", "http://allowed.test:", "http://allowed.test:+80", "http://allowed.test:0", "http://", "http:///path",
    "http://allowed.test evil.test", "http://allowed.test\tevil.test", "http://allowed.test\u{a0}", "http://[allowed.test]",
    // F7: look-alikes and borders.
    "http://evilallowed.test", "http://allowed.test.evil.test", "http://allowed.tes", "http://wild.test", "http://evilwild.test",
    "http://a.b.wild.test.evil.test", "http://allowed。test", "http://ⓐⓛⓛⓞⓦⓔⓓ.test", "http://xn--allowed-.test", "http://аllowed.test",
    "http://allowed.test:8080", "https://allowed.test",
    // F9: other schemes.
    "ftp://allowed.test", "file:///etc/passwd", "gopher://allowed.test", "ws://allowed.test", "javascript://allowed.test",
    "http:allowed.test", "https://allowed.test:80", "ftp://allowed.test:80", "ws://allowed.test:80",
];

/// Errors that tell a guest that it was refused, as opposed to having failed.
const REFUSALS: &[&str] = &[
    "HTTP-request-denied",
    "destination-IP-prohibited",
    "HTTP-request-URI-invalid",
    "HTTP-protocol-error",
    "refused-scheme",
    "refused-authority",
    "refused-path",
];

/// What a guest's request came to.
fn fetch(host: &Host, path: &str, url: &str) -> Result<Value, String> {
    let answer = host.app.get(&format!("/{path}/fetch?url={}", encode(url)));
    if answer.status != 200 {
        return Err(format!("the client got {}: {}", answer.status, answer.text()));
    }
    answer.json().get(0).cloned().ok_or_else(|| "no outcome".to_owned())
}

fn assert_refused(outcome: &Value) -> Result<(), String> {
    match outcome["error"].as_str() {
        Some(error) if REFUSALS.contains(&error) => Ok(()),
        _ => Err(format!("the guest got {outcome}")),
    }
}

/// What got out.
struct Counters {
    connections: Arc<AtomicUsize>,
}

impl Counters {
    /// Listens behind every address that is this machine's.
    fn start() -> Self {
        let connections = Arc::new(AtomicUsize::new(0));
        for address in [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)] {
            for port in [80, 443, 8080] {
                // Where IPv6 takes IPv4 along, the first listener is enough; the other way round there would be none for IPv6.
                let Ok(listener) = TcpListener::bind((address, port)) else { continue };
                let connections = connections.clone();
                thread::spawn(move || {
                    for stream in listener.incoming() {
                        connections.fetch_add(1, Ordering::SeqCst);
                        drop(stream);
                    }
                });
            }
        }
        Self { connections }
    }

    /// Connections that arrived here, and packets that left for elsewhere.
    fn read(&self) -> (usize, u64) {
        let sent = std::fs::read_to_string("/sys/class/net/out0/statistics/tx_packets").or_else(|_| packets()).expect("counters");
        (self.connections.load(Ordering::SeqCst), sent.trim().parse().expect("number"))
    }
}

/// `/sys` may show another network than this thread's; `/proc` never does.
fn packets() -> std::io::Result<String> {
    let text = std::fs::read_to_string("/proc/thread-self/net/dev")?;
    let line = text.lines().find(|line| line.trim_start().starts_with("out0:")).unwrap_or_default();
    Ok(line.split_whitespace().nth(10).unwrap_or("0").to_owned())
}

/// Answers every question for an address: where `private.test` lies, and so on. `rebind.test` is elsewhere each time.
fn serve_names() {
    let socket = UdpSocket::bind("127.0.0.1:53").expect("port 53");
    let asked = AtomicU64::new(0);
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&answer(&buffer[..length], &asked), client);
        }
    });
}

fn answer(question: &[u8], asked: &AtomicU64) -> Vec<u8> {
    let (mut labels, mut position) = (Vec::new(), 12);
    while let Some(&length @ 1..) = question.get(position) {
        labels.push(String::from_utf8_lossy(&question[position + 1..position + 1 + usize::from(length)]).to_lowercase());
        position += 1 + usize::from(length);
    }
    let kind = question.get(position + 2).copied().unwrap_or_default();
    let name = labels.join(".");
    let public = "93.184.216.34";
    let addresses: Vec<&str> = match (name.as_str(), kind) {
        ("private.test" | "alias.test", 1) => vec!["10.0.0.1"],
        ("six.test", 28) => vec!["::ffff:127.0.0.1", "fd12:3456::1", "64:ff9b::7f00:1"],
        ("many.test", 1) => vec!["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.0.1"],
        ("local.test", 1) => vec!["127.0.0.1"],
        ("metadata.google.internal", 1) => vec!["169.254.169.254"],
        ("mixed.test", 1) => vec!["10.0.0.1", public],
        ("six.test", 1) => Vec::new(),
        ("rebind.test", 1) if asked.fetch_add(1, Ordering::SeqCst) == 0 => vec![public],
        ("rebind.test", 1) => vec!["127.0.0.1"],
        (_, 1) => vec![public],
        _ => Vec::new(),
    };
    let mut reply = question.get(..2).unwrap_or_default().to_vec();
    reply.extend([0x81, 0x80, 0, 1, 0, u8::try_from(addresses.len()).unwrap_or(0), 0, 0, 0, 0]);
    reply.extend(&question[12..(position + 5).min(question.len())]);
    for address in addresses {
        let bytes = match address.parse::<IpAddr>().expect("address") {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        // The name again, its kind, the class, no time to live.
        reply.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 0, 0, u8::try_from(bytes.len()).expect("short")]);
        reply.extend(bytes);
    }
    reply
}

fn shell(line: &str) {
    let status = Command::new("sh").args(["-c", line]).status().expect("sh");
    assert!(status.success(), "{line}");
}

/// Sets up the network that this process was put into.
fn furnish() {
    let resolv = std::env::temp_dir().join(format!("resolv-{}", std::process::id()));
    std::fs::write(&resolv, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n").expect("write");
    shell(&format!("mount --bind {} /etc/resolv.conf", resolv.display()));
    shell("ip link set lo up && ip link add out0 type veth peer name far0");
    // No address of the link's own: with one, the kernel asks for routers now and then, and that would be counted.
    shell("ip link set out0 addrgenmode none && ip link set far0 addrgenmode none && ip link set out0 up && ip link set far0 up");
    // No neighbour discovery: what is counted is what a guest has sent.
    shell(
        "ip addr add 93.184.216.1/24 dev out0 && ip route add default via 93.184.216.2 && ip neigh add 93.184.216.34 lladdr 02:00:00:00:00:01 dev out0",
    );
    for address in LOCAL {
        shell(&format!("ip addr add {address} dev lo"));
    }
    serve_names();
}

/// Puts a test of this file into a network of its own and runs it there.
fn run_apart(test: &str) {
    let _alone = alone();
    let program = std::env::current_exe().expect("this test");
    let status = Command::new("unshare")
        .args(["--map-root-user", "--net", "--mount"])
        .arg(program)
        .args(["--ignored", "--exact", test, "--nocapture"])
        .status()
        .expect("unshare, of util-linux");
    assert!(status.success(), "{test} failed in its network");
}

#[test]
fn no_packet_leaves_for_where_none_may_go() {
    run_apart("every_spelling_of_a_forbidden_place_is_refused");
}

#[test]
fn without_enforcement_packets_leave() {
    run_apart("what_is_only_counted_goes_out");
}

#[test]
#[ignore = "runs in a network of its own, see above"]
fn every_spelling_of_a_forbidden_place_is_refused() {
    furnish();
    let counters = Counters::start();
    let mut parts = Vec::new();
    for revision in REVISIONS {
        parts.push(component(&format!("any-{revision}"), revision, ANY_HOST));
        parts.push(component(&format!("one-{revision}"), revision, ONE_HOST));
    }
    let mut arena = Arena::start(&[], &parts, "");
    let mut wrong = Vec::new();
    for revision in REVISIONS {
        for (lists, urls) in [("any", FORBIDDEN_ADDRESSES), ("one", FORBIDDEN_HOSTS)] {
            for url in urls {
                let card = if lists == "any" { "F1-F4" } else { "F6-F9" };
                let attack = |host: &Host| {
                    let before = counters.read();
                    assert_refused(&fetch(host, &format!("{lists}-{revision}"), url)?)?;
                    let now = counters.read();
                    if now == before { Ok(()) } else { Err(format!("connections and packets went from {before:?} to {now:?}")) }
                };
                wrong.extend(arena.judge(card, &format!("{url}-{revision}"), attack).err());
            }
        }
        for kind in ["redis", "postgres", "mysql", "mqtt"] {
            wrong.extend(arena.judge("H1", &format!("{kind}-{revision}"), |host| servers(host, revision, kind, &counters)).err());
        }
        wrong.extend(arena.judge("F10", &format!("sockets-{revision}"), |host| sockets(host, revision, &counters)).err());
        for (name, lists, path) in [
            ("tcp", "one", "connect?address=127.0.0.1:80"),
            ("tcp-6", "one", "connect?address=[::1]:80"),
            ("tcp-out", "one", "connect?address=93.184.216.34:80"),
            ("listen", "any", "listen?address=127.0.0.1:81"),
            ("udp", "any", "udp?address=127.0.0.1:80"),
            ("udp-out", "any", "udp?address=93.184.216.34:53"),
            ("name-lookup", "any", "resolve?name=localhost"),
            ("name-lookup-out", "any", "resolve?name=example.test"),
        ] {
            let attack = |host: &Host| {
                let before = counters.read();
                let answer = host.app.get(&format!("/{lists}-{revision}/{path}"));
                let now = counters.read();
                if answer.status == 404 && now == before { Ok(()) } else { Err(format!("{} {}, {now:?}", answer.status, answer.text())) }
            };
            wrong.extend(arena.judge("F10", &format!("{name}-{revision}"), attack).err());
        }
        wrong.extend(arena.judge("F4", &format!("mixed-{revision}"), |host| mixed(host, revision, &counters)).err());
        wrong.extend(arena.judge("F4", &format!("rebind-{revision}"), |host| rebound(host, revision, &counters)).err());
    }
    assert!(wrong.is_empty(), "{} failed:\n{}", wrong.len(), wrong.join("\n"));
    let audit = std::fs::read_to_string(arena.host.state_dir().join("logs/audit.jsonl")).expect("audit");
    let lines: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.len() >= FORBIDDEN_ADDRESSES.len(), "{} lines of audit", lines.len());
    assert!(lines.iter().all(|line| line["enforced"] == true && line["component"].is_string() && line["subject"].is_string()));
    arena.close();
}

/// Databases and brokers at addresses that may not be reached, in every spelling.
fn servers(host: &Host, revision: &str, kind: &str, counters: &Counters) -> Result<(), String> {
    let path = if kind == "postgres" { "pg" } else { kind };
    for url in FORBIDDEN_ADDRESSES.iter().filter_map(|url| url.strip_prefix("http://")) {
        let name = url.split('/').next().unwrap_or_default();
        let name = name.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(name, |(name, _)| name);
        let before = counters.read();
        let answer = host.app.get(&format!("/any-{revision}/{path}?address={}", encode(&format!("{kind}://user:word@{name}:80/x"))));
        let now = counters.read();
        if !answer.json()[0]["error"].is_string() || now != before {
            return Err(format!(
                "{kind} {name}: {} {}, connections and packets went from {before:?} to {now:?}",
                answer.status,
                answer.text()
            ));
        }
    }
    Ok(())
}

/// Sockets to addresses that may not be reached, though the manifest names them all.
fn sockets(host: &Host, revision: &str, counters: &Counters) -> Result<(), String> {
    for network in LOCAL.iter().copied().chain(["127.0.0.1/32", "0.0.0.0/32", "::1/128", "::ffff:127.0.0.1/128"]) {
        let address: IpAddr = network.split('/').next().unwrap_or_default().parse().map_err(|_| format!("{network} is no address"))?;
        for way in if revision == "p3" && address.is_ipv4() { &["connect", "connect3"][..] } else { &["connect"] } {
            let before = counters.read();
            let to = std::net::SocketAddr::new(address, 80).to_string();
            let answer = host.app.get(&format!("/any-{revision}/{way}?address={}", encode(&to)));
            let now = counters.read();
            if answer.status != 404 || now != before {
                return Err(format!("{way} {to}: {} {}, from {before:?} to {now:?}", answer.status, answer.text()));
            }
        }
    }
    Ok(())
}

/// Of two addresses, the private one is left out: nothing arrives here, and what leaves goes to the public one.
fn mixed(host: &Host, revision: &str, counters: &Counters) -> Result<(), String> {
    let before = counters.read().0;
    let path = format!("any-{revision}/request?connect_ns=200000000&url={}", encode("http://mixed.test"));
    let outcome = host.app.get(&format!("/{path}")).text();
    let after = counters.read().0;
    if after == before && outcome.contains("error") { Ok(()) } else { Err(format!("{before} and {after} connections, {outcome}")) }
}

/// A name that is public when it is first asked for and private ever after: each connection goes where its own answer led.
fn rebound(host: &Host, revision: &str, counters: &Counters) -> Result<(), String> {
    let before = counters.read().0;
    let path = format!("any-{revision}/request?connect_ns=200000000&url={}", encode("http://rebind.test"));
    let outcomes: Vec<Value> = (0..3).map(|_| host.app.get(&format!("/{path}")).json()).collect();
    let after = counters.read().0;
    assert_refused(&outcomes[2])?;
    if after == before { Ok(()) } else { Err(format!("{before} and {after} connections, {outcomes:?}")) }
}

#[test]
#[ignore = "runs in a network of its own, see above"]
fn what_is_only_counted_goes_out() {
    furnish();
    let counters = Counters::start();
    let host = Setup::new(&app(&REVISIONS.map(|revision| component(revision, revision, ONE_HOST))))
        .operator("[outbound]\nrefusals = \"count\"\n")
        .start();
    for revision in REVISIONS {
        for url in [
            "http://127.0.0.1",
            "http://[::1]",
            "http://[::ffff:169.254.169.254]",
            "http://10.0.0.1",
            "http://private.test",
            "http://localhost",
        ] {
            let before = counters.read().0;
            let outcome = fetch(&host, revision, url).expect("answer");
            assert!(assert_refused(&outcome).is_err(), "{url}: {outcome}");
            assert!(counters.read().0 > before, "{url}: the sentinel saw nothing");
        }
    }
    let audit = host.log("audit", "", |_| true);
    let path = host.state_dir().join("logs/audit.jsonl");
    spell_tests::wait_until("the audit", || std::fs::read_to_string(&path).unwrap_or_default().matches("\"enforced\":false").count() >= 12);
    drop(audit);
    let metrics = host.control.get("/metrics").text();
    assert!(metrics.contains("spell_refusals_total{rule=\"outbound-host\"} 12"), "{metrics}");
}
