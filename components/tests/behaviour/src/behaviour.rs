//! Which behaviour a request asks for. Knows every path; must never act one out.

use crate::query::Query;
use crate::{Answer, Ask, FileOperation, Flood, Network, Server, Sql, StoreOperation};

/// One behaviour, with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each argument is explained with its behaviour")]
pub enum Behaviour {
    /// `/hello`: 200 "hello" with its length announced.
    Hello,
    /// `/echo`: streams the request's body back.
    Echo,
    /// `/headers`: JSON of the method, authority, path and headers received.
    Headers,
    /// `/spin`: never answers and never yields.
    Spin,
    /// `/sleep?ms=N`: waits, then answers.
    Sleep { ms: u64 },
    /// `/grow?mib=N`: allocates and touches memory, then answers.
    Grow { mib: usize },
    /// `/stain?mib=N`: fills memory with a mark, keeps it for ever, answers "stained".
    Stain { mib: usize },
    /// `/scan?mib=N`: grows memory and answers how many marked bytes are in it, 404 when it does not grow.
    Scan { mib: usize },
    /// `/trap`: executes `unreachable`.
    Trap,
    /// `/panic`: panics with a message on stderr.
    Panic,
    /// `/recurse`: overflows the stack.
    Recurse,
    /// `/no-response`: ends without a response.
    NoResponse,
    /// `/status?code=N`: answers with that status.
    Status { code: u16 },
    /// `/respond?status=S&headers=H&bytes=N&length=L&trailers=T`: answers just so. H and T are lines of `name:value`, L is the header
    /// `content-length`. 500 "refused: NAME" for the first header or trailer that the host refuses.
    Respond(Answer),
    /// `/body?bytes=N`: streams a body in chunks of [`CHUNK_BYTES`](crate::CHUNK_BYTES), its length not announced.
    Body { bytes: u64 },
    /// `/drip?chunks=N&ms=M`: streams one line at a time, with a pause before each.
    Drip { chunks: u64, ms: u64 },
    /// `/trap-after-headers`: sends the head and one chunk, then traps.
    TrapAfterHeaders,
    /// `/spin-after-headers`: sends the head and one chunk, then never yields.
    SpinAfterHeaders,
    /// `/sleep-after-headers?ms=N`: sends the head and one chunk, then waits.
    SleepAfterHeaders { ms: u64 },
    /// `/read-none`: answers without reading the request's body.
    ReadNone,
    /// `/count`: reads the whole body and answers its length.
    Count,
    /// `/fetch?url=U&n=N`: makes N requests, one after the other; JSON of each outcome.
    Fetch { url: String, times: u64 },
    /// `/concurrent-fetch?url=U&n=N`: the same, all of them side by side.
    ConcurrentFetch { url: String, times: u64 },
    /// `/request?url=U&method=M&headers=H&scheme=S&authority=A&path=P&connect_ns=N&first_byte_ns=N&between_bytes_ns=N&body=N`: makes one
    /// request with a body of N bytes; JSON of its outcome. The error is "refused-PART" when the host refuses to set a part.
    Request(Ask),
    /// `/request1?…`: the same as `/request` by the interface of Spin 1, which has neither timeouts nor most methods.
    First(Ask),
    /// `/pipe?url=U`: passes on the status and the body of another server, 502 with the error's name when there is no answer.
    Pipe { url: String },
    /// A raw use of the network; 404 with the reason when it cannot.
    Network(Network),
    /// A conversation with a database or a broker; JSON of the outcome of each step.
    Server(Server),
    /// `/env`: JSON of the environment.
    Env,
    /// `/stdout?bytes=N&line=L`: writes N bytes to stdout in lines of L bytes, line ends included.
    Stdout { bytes: u64, line: u64 },
    /// `/stderr?bytes=N&line=L`: the same to stderr.
    Stderr { bytes: u64, line: u64 },
    /// `/print?text=T&n=N`: writes those very bytes to stdout, N times.
    Print { text: Vec<u8>, times: u64 },
    /// `/files?path=P`: answers with a file's content, 404 with the reason when it cannot.
    Files { path: String },
    /// `/file?op=O&path=P&to=Q&n=N`: read, write, append, truncate, remove, rename, create-dir, remove-dir, symlink, hard-link, list or
    /// open-many; 404 with the reason when it cannot.
    File(FileOperation),
    /// `/kv?op=O&key=K&value=V&store=S`: get, set, delete, exists or keys, in the store "default" unless told.
    KeyValue { operation: String, store: String, key: String, value: String },
    /// `/kv-large?bytes=N`: sets the key "large" to that many bytes and answers "set", 404 with the error's name when it cannot.
    KeyValueLarge { bytes: usize },
    /// `/kv-list-many?n=N`: sets N keys and answers how many there are, 404 with the error's name when it cannot.
    KeyValueListMany { keys: u64 },
    /// `/sql?sql=S&db=D&p=P&via=V&ms=N`: executes each line of S on one connection, with the parameter P if it is there, and answers JSON
    /// of the last answer; 404 with the error's name when one cannot. Holds it for N more milliseconds.
    Sql(Sql),
    /// `/sql-open?n=N`: opens N connections, has each execute a statement, and answers how many; 404 with the error's name.
    SqlOpen { connections: usize },
    /// `/store?via=V&op=O&key=K&value=V&store=S`: get, set, delete, exists, keys, get-many, set-many, delete-many, increment or swap.
    Store(StoreOperation),
    /// `/config?via=V&name=N`: a variable's value through `wasi` or `1`, all of them as JSON where there is no name.
    Config { via: String, name: String },
    /// `/variable?name=N`: the variable's value, 404 with the error's name when there is none.
    Variable { name: String },
    /// `/clock`: JSON of the wall clock and the monotonic clock, in nanoseconds.
    Clock,
    /// `/random?bytes=N`: random bytes, in hexadecimal.
    Random { bytes: u64 },
    /// Asks the host far too often.
    Flood(Flood),
    /// Any other path: 404.
    Unknown,
}

impl Behaviour {
    /// The behaviour for a path with query; the last segment decides, so that the guest works under any route.
    #[must_use]
    pub fn of(path_with_query: &str) -> Self {
        let (path, query) = path_with_query.split_once('?').unwrap_or((path_with_query, ""));
        let (segment, query) = (path.rsplit('/').next().unwrap_or_default(), Query::new(query));
        let known = of_http(segment, &query).or_else(|| of_network(segment, &query)).or_else(|| of_capability(segment, &query));
        let known = known.or_else(|| Server::of(segment, &query).map(Self::Server));
        known.or_else(|| Flood::of(segment, &query).map(Self::Flood)).unwrap_or(Self::Unknown)
    }
}

/// The behaviours that need nothing of the host but HTTP.
fn of_http(segment: &str, query: &Query) -> Option<Behaviour> {
    Some(match segment {
        "hello" => Behaviour::Hello,
        "echo" => Behaviour::Echo,
        "headers" => Behaviour::Headers,
        "spin" => Behaviour::Spin,
        "sleep" => Behaviour::Sleep { ms: query.number("ms", 100) },
        "grow" => Behaviour::Grow { mib: query.number("mib", 1) },
        "stain" => Behaviour::Stain { mib: query.number("mib", 1) },
        "scan" => Behaviour::Scan { mib: query.number("mib", 1) },
        "trap" => Behaviour::Trap,
        "panic" => Behaviour::Panic,
        "recurse" => Behaviour::Recurse,
        "no-response" => Behaviour::NoResponse,
        "status" => Behaviour::Status { code: query.number("code", 200) },
        "respond" => Behaviour::Respond(Answer::of(query)),
        "body" => Behaviour::Body { bytes: query.number("bytes", 1024) },
        "drip" => Behaviour::Drip { chunks: query.number("chunks", 3), ms: query.number("ms", 100) },
        "trap-after-headers" => Behaviour::TrapAfterHeaders,
        "spin-after-headers" => Behaviour::SpinAfterHeaders,
        "sleep-after-headers" => Behaviour::SleepAfterHeaders { ms: query.number("ms", 100) },
        "read-none" => Behaviour::ReadNone,
        "count" => Behaviour::Count,
        _ => return None,
    })
}

/// The behaviours that reach for other machines.
fn of_network(segment: &str, query: &Query) -> Option<Behaviour> {
    let url = || query.text("url", "");
    let times = || query.number("n", 1);
    let address = || query.text("address", "");
    Some(match segment {
        "fetch" => Behaviour::Fetch { url: url(), times: times() },
        "concurrent-fetch" => Behaviour::ConcurrentFetch { url: url(), times: times() },
        "request" => Behaviour::Request(Ask::of(query)),
        "request1" => Behaviour::First(Ask::of(query)),
        "pipe" => Behaviour::Pipe { url: url() },
        "connect" => Behaviour::Network(Network::Connect { address: address(), say: query.text("say", "") }),
        "connect3" => Behaviour::Network(Network::Connect3 { address: address(), say: query.text("say", "") }),
        "connect-many" => Behaviour::Network(Network::ConnectMany { address: address(), connections: times() }),
        "bind-many" => Behaviour::Network(Network::BindMany { sockets: times() }),
        "listen" => Behaviour::Network(Network::Listen { address: address() }),
        "udp" => Behaviour::Network(Network::Datagram { address: address() }),
        "resolve" => Behaviour::Network(Network::Resolve { name: query.text("name", "") }),
        _ => return None,
    })
}

/// The behaviours that need something else of the host.
fn of_capability(segment: &str, query: &Query) -> Option<Behaviour> {
    Some(match segment {
        "env" => Behaviour::Env,
        "stdout" => Behaviour::Stdout { bytes: query.number("bytes", 80), line: query.number("line", 80) },
        "stderr" => Behaviour::Stderr { bytes: query.number("bytes", 80), line: query.number("line", 80) },
        "print" => Behaviour::Print { text: query.bytes("text").unwrap_or_default(), times: query.number("n", 1) },
        "files" => Behaviour::Files { path: query.text("path", "/") },
        "file" => Behaviour::File(FileOperation::of(query)),
        "kv" => Behaviour::KeyValue {
            operation: query.text("op", "get"),
            store: query.text("store", "default"),
            key: query.text("key", "key"),
            value: query.text("value", ""),
        },
        "kv-large" => Behaviour::KeyValueLarge { bytes: query.number("bytes", 1024) },
        "kv-list-many" => Behaviour::KeyValueListMany { keys: query.number("n", 1) },
        "sql" => Behaviour::Sql(Sql::of(query)),
        "sql-open" => Behaviour::SqlOpen { connections: query.number("n", 1) },
        "store" => Behaviour::Store(StoreOperation::of(query)),
        "config" => Behaviour::Config { via: query.text("via", "wasi"), name: query.text("name", "") },
        "variable" => Behaviour::Variable { name: query.text("name", "") },
        "clock" => Behaviour::Clock,
        "random" => Behaviour::Random { bytes: query.number("bytes", 16) },
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
