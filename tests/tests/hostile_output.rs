//! Cards D: guests that answer what cannot be sent, too much of it, too slowly, or not at all.

use serde_json::json;
use spell_tests::hostile::{Arena, Guest, Variant, Verdict, run_all, run_unprotected};
use spell_tests::{Host, REVISIONS, component, encode, wait_until};
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

const LIMITS: &str = "tool.spell.limits = { time = \"1s\", fuel = 100_000_000_000, response = \"1MiB\", log = \"64KiB\" }";
const UNLIMITED: &str = "tool.spell.limits = { time = \"3s\", fuel = 100_000_000_000, response = \"1GiB\" }";
const QUICK: Duration = Duration::from_millis(1_400);

const fn verdict(status: u16, is_whole: bool, outcome: &'static str) -> Verdict {
    Verdict { status, is_whole, outcome, time_max: QUICK }
}

#[test]
fn answers_are_cut_refused_or_whole() {
    run_all(&answers(), "");
}

#[test]
#[ignore = "shows that the attacks are attacks: `make torture` runs it"]
fn answers_go_on_without_their_limits() {
    run_unprotected(&answers(), "");
}

fn answers() -> Vec<Variant> {
    const WHOLE: Verdict = verdict(200, true, "completed");
    const BAD: Verdict = verdict(502, true, "bad-response");
    // The guest itself was refused what it tried, and says so.
    const REFUSED: Verdict = verdict(500, true, "completed");
    let cut = |outcome| verdict(200, false, outcome);
    let respond = |headers: &str, more: &str| format!("respond?headers={}{more}", encode(headers));
    let mut variants = Vec::new();
    for revision in REVISIONS {
        #[rustfmt::skip]
        let cases: Vec<(&'static str, &str, String, Verdict)> = vec![
            ("D1", "too-much", "body?bytes=1100000".to_owned(), cut("limit-response")),
            ("D1", "a-terabyte", "body?bytes=1000000000000".to_owned(), cut("limit-response")),
            ("D1", "too-much-announced", respond("", "&bytes=10&length=2000000"), verdict(502, true, "limit-response")),
            ("D2", "nothing", "no-response".to_owned(), verdict(502, true, "trapped")),
            ("D3", "trap-in-the-body", "trap-after-headers".to_owned(), if revision == "p2" { verdict(502, true, "trapped") } else { cut("trapped") }),
            ("D3", "loop-in-the-body", "spin-after-headers".to_owned(), cut("limit-time")),
            ("D3", "sleep-in-the-body", "sleep-after-headers?ms=600000".to_owned(), cut("limit-time")),
            ("D4", "drip", "drip?chunks=1000&ms=50".to_owned(), cut("limit-time")),
            ("D5", "length-too-short", respond("", "&bytes=10&length=5"), BAD),
            ("D5", "length-too-long", respond("", "&bytes=5&length=10"), BAD),
            ("D5", "length-without-body", respond("", "&bytes=0&length=5"), BAD),
            ("D5", "length-of-a-long-body-too-long", respond("", "&bytes=200000&length=200001"), cut("bad-response")),
            ("D5", "two-lengths", respond("content-length:5\ncontent-length:5", "&bytes=5"), REFUSED),
            ("D5", "two-other-lengths", respond("content-length:5\ncontent-length:50", "&bytes=5"), REFUSED),
            ("D5", "length-no-number", respond("content-length:five", "&bytes=5"), REFUSED),
            ("D5", "length-with-plus", respond("content-length:+5", "&bytes=5"), REFUSED),
            ("D5", "length-list", respond("content-length:5, 5", "&bytes=5"), REFUSED),
            ("D5", "length-negative", respond("content-length:-1", "&bytes=5"), REFUSED),
            ("D5", "status-100", "respond?status=100".to_owned(), BAD),
            ("D5", "status-101", "respond?status=101".to_owned(), BAD),
            ("D5", "status-199", "respond?status=199".to_owned(), BAD),
            ("D5", "status-204-with-a-body", "respond?status=204&bytes=5".to_owned(), verdict(204, true, "completed")),
            ("D5", "status-204-with-a-length", "respond?status=204&length=5".to_owned(), BAD),
            ("D5", "status-304-with-a-body", "respond?status=304&bytes=5".to_owned(), verdict(304, true, "completed")),
            ("D5", "status-599", "respond?status=599".to_owned(), verdict(599, true, "completed")),
            ("D5", "status-600", "respond?status=600".to_owned(), if revision == "p2" { BAD } else { REFUSED }),
            ("D5", "status-999", "respond?status=999".to_owned(), if revision == "p2" { BAD } else { REFUSED }),
            ("D5", "transfer-encoding", respond("transfer-encoding:chunked", "&bytes=5"), REFUSED),
            ("D5", "connection", respond("connection:keep-alive", "&bytes=5"), REFUSED),
            ("D5", "line-end-in-a-value", respond("x:a\rset-cookie: b", ""), REFUSED),
            ("D5", "nul-in-a-value", respond("x:a\0b", ""), REFUSED),
            ("D5", "space-in-a-name", respond("x y:a", ""), REFUSED),
            ("D5", "empty-name", respond(":a", ""), REFUSED),
            ("D5", "trailers", respond("", "&bytes=5&trailers=x%3ay"), WHOLE),
            ("D5", "trailers-that-are-framing", respond("", "&bytes=5&trailers=transfer-encoding%3achunked"), REFUSED),
            ("D6", "words-of-the-host", respond("spin-full-url:forged\nserver:x", "&bytes=5"), WHOLE),
            ("D7", "two-megabytes-of-lines", "stdout?bytes=2000000&line=100".to_owned(), WHOLE),
            ("D7", "one-long-line", "stdout?bytes=10000000&line=1000000".to_owned(), WHOLE),
            ("D7", "empty-lines", "stdout?bytes=20000&line=1".to_owned(), WHOLE),
            ("D7", "control-characters", format!("print?text={}&n=10", encode("\u{1b}[2J\u{1b}]0;x\u{7}\r\n{\"level\":\"error\"}\u{202e}")), WHOLE),
        ];
        for (card, name, path, verdict) in cases {
            let (name, guest) = (format!("{name}-{revision}"), Guest::Tests(revision));
            let unprotected = verdict.outcome.starts_with("limit-").then(|| UNLIMITED.to_owned());
            variants.push(Variant { card, name, guest, lines: LIMITS.to_owned(), path, verdict, unprotected });
        }
    }
    variants
}

#[test]
fn what_guests_print_stays_small_and_harmless() {
    let mut arena = Arena::start(&[], &REVISIONS.map(|revision| component(revision, revision, LIMITS)), "[log]\nbytes_max = \"256KiB\"\n");
    for revision in REVISIONS {
        let one = |host: &Host| {
            let answer = host.app.get(&format!("/{revision}/stdout?bytes=10000000&line=1000000"));
            let printed = host.log(revision, "stdout", |text| text.contains("[spell: output of this request cut at 64KiB]"));
            if answer.is_success() && printed.len() < 65 << 10 { Ok(()) } else { Err(format!("{} bytes were kept", printed.len())) }
        };
        assert_eq!(arena.judge("B13", revision, one), Ok(()));
        let attack = |host: &Host| {
            for _ in 0..20 {
                let answer = host.app.get(&format!("/{revision}/print?n=20000&text={}", encode("\u{1b}[31mred\r")));
                if !answer.is_success() {
                    return Err(answer.text());
                }
            }
            let logs = host.state_dir().join("logs");
            let size = || -> u64 {
                let files = std::fs::read_dir(&logs).into_iter().flatten().flatten();
                files
                    .filter(|file| file.file_name().to_string_lossy().starts_with(revision))
                    .filter_map(|file| file.metadata().ok())
                    .map(|data| data.len())
                    .sum()
            };
            if size() > 2 * (256 << 10) + (128 << 10) {
                return Err(format!("the logs of {revision} have {} bytes", size()));
            }
            if host.stderr().contains('\u{1b}') { Err("an escape sequence reached the terminal".to_owned()) } else { Ok(()) }
        };
        assert_eq!(arena.judge("D7", revision, attack), Ok(()));
    }
    arena.close();
}

#[test]
fn clients_that_leave_end_their_guests_at_every_stage() {
    let lines = "tool.spell.limits = { time = \"20s\" }";
    let mut arena = Arena::start(&[], &REVISIONS.map(|revision| component(revision, revision, lines)), "");
    let mut wrong = Vec::new();
    for revision in REVISIONS {
        let heads = [
            ("while-it-waits", format!("GET /{revision}/sleep?ms=15000 HTTP/1.1\r\nhost: a\r\n\r\n")),
            ("while-it-computes", format!("GET /{revision}/spin HTTP/1.1\r\nhost: a\r\n\r\n")),
            ("in-the-body-of-the-request", format!("POST /{revision}/count HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nhalf")),
            (
                "in-a-chunk-of-the-request",
                format!("POST /{revision}/echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"),
            ),
            ("in-the-answer", format!("GET /{revision}/drip?chunks=1000&ms=20 HTTP/1.1\r\nhost: a\r\n\r\n")),
            ("in-a-long-answer", format!("GET /{revision}/body?bytes=10000000 HTTP/1.1\r\nhost: a\r\n\r\n")),
            ("after-the-head", format!("GET /{revision}/sleep-after-headers?ms=15000 HTTP/1.1\r\nhost: a\r\n\r\n")),
        ];
        for (stage, head) in heads {
            let attack = |host: &Host| {
                for _ in 0..4 {
                    let mut stream = TcpStream::connect(host.app.address).map_err(|error| error.to_string())?;
                    stream.write_all(head.as_bytes()).map_err(|error| error.to_string())?;
                    thread::sleep(Duration::from_millis(150));
                }
                Ok(())
            };
            wrong.extend(arena.judge("D8", &format!("{stage}-{revision}"), attack).err());
        }
        // A body that breaks off can also be the guest's to judge: it may answer, to nobody.
        let host = &arena.host;
        let ended = |name: &str| {
            host.stats()["components"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|found| found["component"] == json!(revision))
                .map_or(0, |found| found["outcomes"][name].as_u64().unwrap_or(0))
        };
        wait_until("the records", || ended("cancelled") + ended("completed") + ended("bad-response") + ended("trapped") == 28);
        assert!(ended("cancelled") >= 16, "{}", host.stats());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    arena.close();
}
