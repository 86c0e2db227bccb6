//! The paths, one a row.

use super::Behaviour;
use crate::{Answer, Ask, FieldKind, FileOperation, Flood, Network, ResourceKind, Sink, Sql, StoreOperation};

fn check<const N: usize>(table: [(&str, Behaviour); N]) {
    for (path, expected) in table {
        assert_eq!(Behaviour::of(path), expected, "for {path:?}");
    }
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn the_last_segment_and_the_query_choose_the_behaviour() {
    let url = || text("http://h:1/a?b=c&d");
    check([
        ("/hello", Behaviour::Hello),
        ("/p2/deep/hello", Behaviour::Hello),
        ("/sleep", Behaviour::Sleep { ms: 100 }),
        ("/sleep?ms=7", Behaviour::Sleep { ms: 7 }),
        ("/sleep?ms=soon", Behaviour::Sleep { ms: 100 }),
        ("/sleep-after-headers?ms=7", Behaviour::SleepAfterHeaders { ms: 7 }),
        ("/stain?mib=7", Behaviour::Stain { mib: 7 }),
        ("/scan?mib=7", Behaviour::Scan { mib: 7 }),
        ("/drip?ms=5&chunks=2", Behaviour::Drip { chunks: 2, ms: 5 }),
        ("/fetch?url=http%3A%2F%2Fh%3A1%2Fa%3Fb%3Dc%26d&n=2", Behaviour::Fetch { url: url(), times: 2 }),
        ("/concurrent-fetch?url=http%3A%2F%2Fh%3A1%2Fa%3Fb%3Dc%26d&n=2", Behaviour::ConcurrentFetch { url: url(), times: 2 }),
        ("/pipe?url=http%3A%2F%2Fh%3A1%2Fa%3Fb%3Dc%26d", Behaviour::Pipe { url: url() }),
        ("/connect?address=h:1", Behaviour::Network(Network::Connect { address: text("h:1"), say: String::new() })),
        ("/udp?address=h:1", Behaviour::Network(Network::Datagram { address: text("h:1") })),
        ("/resolve?name=h", Behaviour::Network(Network::Resolve { name: text("h") })),
        ("/print?text=%1B%FF&n=2", Behaviour::Print { text: b"\x1b\xff".to_vec(), times: 2 }),
        ("/files?path=/a%20b", Behaviour::Files { path: text("/a b") }),
        ("/kv-large?bytes=7", Behaviour::KeyValueLarge { bytes: 7 }),
        ("/kv-list-many?n=7", Behaviour::KeyValueListMany { keys: 7 }),
        ("/", Behaviour::Unknown),
        ("", Behaviour::Unknown),
    ]);
}

#[test]
fn state_is_used_as_the_query_says() {
    let sql = |via: &str, database: &str, statements: &[&str], parameter: Option<&str>, hold_ms: u64| {
        let statements = statements.iter().map(|statement| text(statement)).collect();
        Behaviour::Sql(Sql { via: text(via), database: text(database), statements, parameter: parameter.map(text), hold_ms })
    };
    let store = |via: &str, operation: &str, store: &str, key: &str, value: &str| {
        let [via, operation, store, key, value] = [via, operation, store, key, value].map(text);
        Behaviour::Store(StoreOperation { via, operation, store, key, value })
    };
    check([
        ("/sql", sql("", "default", &["SELECT 1"], None, 0)),
        ("/sql?sql=BEGIN%0ASELECT%20%3F&db=d&p=&via=1&ms=7", sql("1", "d", &["BEGIN", "SELECT ?"], Some(""), 7)),
        ("/sql-open?n=2", Behaviour::SqlOpen { connections: 2 }),
        ("/store", store("wasi", "get", "default", "key", "")),
        ("/store?via=1&op=set&store=s&key=k&value=v", store("1", "set", "s", "k", "v")),
        ("/config?via=1&name=n", Behaviour::Config { via: text("1"), name: text("n") }),
    ]);
}

#[test]
fn a_flood_is_chosen_in_the_same_way() {
    check([
        ("/fields", Behaviour::Flood(Flood::Fields { times: 1, kind: FieldKind::SameName, bytes: 16 })),
        ("/fields?n=2&kind=new&bytes=0", Behaviour::Flood(Flood::Fields { times: 2, kind: FieldKind::NewNames, bytes: 0 })),
        ("/fields?kind=empty", Behaviour::Flood(Flood::Fields { times: 1, kind: FieldKind::EmptyValue, bytes: 16 })),
        ("/empty-writes?n=2", Behaviour::Flood(Flood::EmptyWrites { to: Sink::Stdout, times: 2 })),
        ("/empty-writes?to=stderr", Behaviour::Flood(Flood::EmptyWrites { to: Sink::Stderr, times: 1 })),
        ("/empty-writes?to=body", Behaviour::Flood(Flood::EmptyWrites { to: Sink::Body, times: 1 })),
        ("/poll-loop", Behaviour::Flood(Flood::PollLoop)),
        ("/yield-loop", Behaviour::Flood(Flood::YieldLoop)),
        ("/timers?n=2&ms=3", Behaviour::Flood(Flood::Timers { times: 2, ms: 3 })),
        ("/resources?n=2", Behaviour::Flood(Flood::Resources { times: 2, kind: ResourceKind::Pollable })),
        ("/resources?kind=fields", Behaviour::Flood(Flood::Resources { times: 1, kind: ResourceKind::Fields })),
        ("/resources?kind=stream", Behaviour::Flood(Flood::Resources { times: 1, kind: ResourceKind::Stream })),
        ("/random-flood?bytes=7", Behaviour::Flood(Flood::Random { bytes: 7 })),
        ("/clock-flood", Behaviour::Flood(Flood::Clock)),
        ("/variable-flood?name=a", Behaviour::Flood(Flood::Variable { name: text("a") })),
        ("/kv-flood?key=a", Behaviour::Flood(Flood::KeyValue { key: text("a") })),
    ]);
}

#[test]
fn requests_answers_and_files_have_their_arguments() {
    let field = |name: &str, value: &str| (text(name), value.as_bytes().to_owned());
    let (headers, trailers) = (vec![field("a", "b"), field("content-length", "many")], vec![field("c", "")]);
    let ask = Ask {
        method: text("BREW"),
        scheme: Some(text("ftp")),
        authority: Some(text("u@h")),
        headers: vec![field("a", "b")],
        between_bytes_ns: Some(u64::MAX),
        body: 2,
        ..Ask::get("http://h/p")
    };
    let operation = FileOperation { name: text("rename"), path: text("/a"), to: text("/b"), count: 16 };
    check([
        ("/respond", Behaviour::Respond(Answer { status: 200, headers: Vec::new(), bytes: 0, trailers: Vec::new() })),
        (
            "/respond?status=7&headers=a:b&bytes=3&length=many&trailers=c",
            Behaviour::Respond(Answer { status: 7, headers, bytes: 3, trailers }),
        ),
        ("/request?url=http://h", Behaviour::Request(Ask::get("http://h"))),
        (
            "/request?url=http://h/p&method=BREW&scheme=ftp&authority=u@h&headers=a:b&between_bytes_ns=18446744073709551615&body=2",
            Behaviour::Request(ask),
        ),
        ("/file?op=rename&path=/a&to=/b", Behaviour::File(operation)),
    ]);
}
