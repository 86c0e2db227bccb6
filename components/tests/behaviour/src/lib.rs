//! What the two test guests can do, told once: which behaviour a request asks for, and the harmful ones themselves.
//!
//! Knows paths, queries and harm; must never know which WASI the guest speaks.

pub mod harm;
mod name;
mod query;

pub use name::error_name;
use query::Query;

/// Bytes of one chunk of a streamed body.
pub const CHUNK_BYTES: usize = 16 * 1024;
/// The byte that fills streamed bodies and log lines.
pub const FILL: u8 = b'x';

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
    /// `/body?bytes=N`: streams a body in chunks of [`CHUNK_BYTES`], its length not announced.
    Body { bytes: u64 },
    /// `/drip?chunks=N&ms=M`: streams one line at a time, with a pause before each.
    Drip { chunks: u64, ms: u64 },
    /// `/trap-after-headers`: sends the head and one chunk, then traps.
    TrapAfterHeaders,
    /// `/spin-after-headers`: sends the head and one chunk, then never yields.
    SpinAfterHeaders,
    /// `/read-none`: answers without reading the request's body.
    ReadNone,
    /// `/count`: reads the whole body and answers its length.
    Count,
    /// `/fetch?url=U&n=N`: makes N requests, one after the other; JSON of each outcome.
    Fetch { url: String, times: u64 },
    /// `/env`: JSON of the environment.
    Env,
    /// `/stdout?bytes=N&line=L`: writes N bytes to stdout in lines of L bytes, line ends included.
    Stdout { bytes: u64, line: u64 },
    /// `/stderr?bytes=N&line=L`: the same to stderr.
    Stderr { bytes: u64, line: u64 },
    /// `/files?path=P`: answers with a file's content, 404 with the reason when it cannot.
    Files { path: String },
    /// `/kv?op=O&key=K&value=V&store=S`: get, set, delete, exists or keys, in the store "default" unless told.
    KeyValue { operation: String, store: String, key: String, value: String },
    /// `/variable?name=N`: the variable's value, 404 with the error's name when there is none.
    Variable { name: String },
    /// `/clock`: JSON of the wall clock and the monotonic clock, in nanoseconds.
    Clock,
    /// `/random?bytes=N`: random bytes, in hexadecimal.
    Random { bytes: u64 },
    /// Any other path: 404.
    Unknown,
}

impl Behaviour {
    /// The behaviour for a path with query; the last segment decides, so that the guest works under any route.
    #[must_use]
    pub fn of(path_with_query: &str) -> Self {
        let (path, query) = path_with_query.split_once('?').unwrap_or((path_with_query, ""));
        let query = Query::new(query);
        match path.rsplit('/').next().unwrap_or_default() {
            "hello" => Self::Hello,
            "echo" => Self::Echo,
            "headers" => Self::Headers,
            "spin" => Self::Spin,
            "sleep" => Self::Sleep { ms: query.number("ms", 100) },
            "grow" => Self::Grow { mib: query.number("mib", 1) },
            "trap" => Self::Trap,
            "panic" => Self::Panic,
            "recurse" => Self::Recurse,
            "no-response" => Self::NoResponse,
            "status" => Self::Status { code: query.number("code", 200) },
            "body" => Self::Body { bytes: query.number("bytes", 1024) },
            "drip" => Self::Drip { chunks: query.number("chunks", 3), ms: query.number("ms", 100) },
            "trap-after-headers" => Self::TrapAfterHeaders,
            "spin-after-headers" => Self::SpinAfterHeaders,
            "read-none" => Self::ReadNone,
            "count" => Self::Count,
            other => Self::of_capability(other, &query),
        }
    }

    /// The behaviours that need something of the host besides HTTP.
    fn of_capability(segment: &str, query: &Query) -> Self {
        match segment {
            "fetch" => Self::Fetch { url: query.text("url", ""), times: query.number("n", 1) },
            "env" => Self::Env,
            "stdout" => Self::Stdout { bytes: query.number("bytes", 80), line: query.number("line", 80) },
            "stderr" => Self::Stderr { bytes: query.number("bytes", 80), line: query.number("line", 80) },
            "files" => Self::Files { path: query.text("path", "/") },
            "kv" => Self::KeyValue {
                operation: query.text("op", "get"),
                store: query.text("store", "default"),
                key: query.text("key", "key"),
                value: query.text("value", ""),
            },
            "variable" => Self::Variable { name: query.text("name", "") },
            "clock" => Self::Clock,
            "random" => Self::Random { bytes: query.number("bytes", 16) },
            _ => Self::Unknown,
        }
    }
}

/// Bytes in hexadecimal, lower case.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The pieces of a body of [`FILL`], each at most [`CHUNK_BYTES`] long.
pub fn chunks(bytes: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = rest.min(CHUNK_BYTES as u64);
        rest -= length;
        (length > 0).then(|| vec![FILL; usize::try_from(length).unwrap_or(CHUNK_BYTES)])
    })
}

/// Writes `bytes` bytes in lines of `line` bytes each, line ends included; a stream that refuses ends it.
pub fn write_lines(out: &mut impl std::io::Write, bytes: u64, line: u64) {
    let mut rest = bytes;
    while rest > 0 {
        let length = rest.min(line.max(1));
        rest -= length;
        let mut text = vec![FILL; usize::try_from(length - 1).unwrap_or_default()];
        text.push(b'\n');
        if out.write_all(&text).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Behaviour, chunks, write_lines};

    #[test]
    fn the_last_segment_and_the_query_choose_the_behaviour() {
        let url = || "http://h:1/a?b=c&d".to_owned();
        let table = [
            ("/hello", Behaviour::Hello),
            ("/p2/deep/hello", Behaviour::Hello),
            ("/sleep", Behaviour::Sleep { ms: 100 }),
            ("/sleep?ms=7", Behaviour::Sleep { ms: 7 }),
            ("/sleep?ms=soon", Behaviour::Sleep { ms: 100 }),
            ("/drip?ms=5&chunks=2", Behaviour::Drip { chunks: 2, ms: 5 }),
            ("/fetch?url=http%3A%2F%2Fh%3A1%2Fa%3Fb%3Dc%26d&n=2", Behaviour::Fetch { url: url(), times: 2 }),
            ("/files?path=/a%20b", Behaviour::Files { path: "/a b".to_owned() }),
            ("/", Behaviour::Unknown),
            ("", Behaviour::Unknown),
        ];
        for (path, expected) in table {
            assert_eq!(Behaviour::of(path), expected, "for {path:?}");
        }
    }

    #[test]
    fn chunks_add_up_to_the_length_asked_for() {
        for (bytes, pieces) in [(0, 0), (1, 1), (16_384, 1), (16_385, 2), (100_000, 7)] {
            let lengths: Vec<_> = chunks(bytes).map(|chunk| chunk.len() as u64).collect();
            assert_eq!((lengths.iter().sum::<u64>(), lengths.len()), (bytes, pieces));
        }
    }

    #[test]
    fn lines_have_their_length_and_the_last_one_what_is_left() {
        for (bytes, line, expected) in [(0, 4, ""), (4, 4, "xxx\n"), (6, 4, "xxx\nx\n"), (2, 0, "\n\n")] {
            let mut out = Vec::new();
            write_lines(&mut out, bytes, line);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "for {bytes} bytes in lines of {line}");
        }
    }
}
