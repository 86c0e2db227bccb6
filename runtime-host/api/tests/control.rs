//! The control plane over a real socket, as a scraper, a probe or a hostile page would see it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up has failed")]

use spell_api::{Control, Metrics, Rates, serve};
use spell_types::{ExecutionRecord, Limit, Outcome, Usage};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Running {
    address: SocketAddr,
    control: Control,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

fn start() -> Running {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let metrics = Metrics::new(&["hello".into(), "world".into()]).with_gauge("spell_requests_active", "Requests that run now", || 7.0);
    let (metrics, draining) = (Arc::new(metrics), Arc::new(AtomicBool::new(false)));
    let control = Control { metrics, draining, platform: None, rates: Rates::default(), programs: None };
    let (stop, stopped) = oneshot::channel::<()>();
    let served = control.clone();
    let task = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        serve(listener, served, stopped).await.unwrap();
    });
    Running { address, control, stop, task }
}

impl Running {
    /// Sends bytes and reads until the server closes.
    async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A server that refuses early resets the connection while bytes are still under way; what it said until then counts.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("the server closes");
        String::from_utf8(answer).unwrap()
    }

    async fn ask(&self, method: &str, path: &str) -> String {
        self.raw(&format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await
    }
}

fn record(component: &str, outcome: Outcome) -> ExecutionRecord {
    let usage = Usage {
        wall: Duration::from_millis(20),
        cpu: Duration::from_micros(300),
        fuel: 1000,
        memory_bytes_peak: 65_536,
        bytes_in: 10,
        bytes_out: 20,
    };
    ExecutionRecord { ended_at: SystemTime::UNIX_EPOCH, component: component.into(), route: "/".into(), status: 200, outcome, usage }
}

#[tokio::test]
async fn health_is_ok_until_the_host_drains() {
    let server = start();
    let answer = server.ask("GET", "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
    server.control.draining.store(true, Ordering::Relaxed);
    let answer = server.ask("GET", "/healthz?x=y").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("\r\n\r\ndraining\n"), "{answer}");
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let answer = start().ask("HEAD", "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("content-length: 3") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn metrics_count_what_was_recorded() {
    let server = start();
    for outcome in [Outcome::Completed, Outcome::Completed, Outcome::LimitExceeded(Limit::QueueTime)] {
        server.control.metrics.count(&record("hello", outcome));
    }
    server.control.metrics.count(&record("never-announced", Outcome::Trapped));
    let answer = server.ask("GET", "/metrics").await;
    for line in [
        "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8",
        "# TYPE spell_casts counter",
        "spell_casts_total{component=\"hello\",outcome=\"completed\"} 2",
        "spell_casts_total{component=\"hello\",outcome=\"limit-queue_time\"} 1",
        "spell_casts_total{component=\"world\",outcome=\"completed\"} 0",
        "spell_casts_total{component=\"_other\",outcome=\"trapped\"} 1",
        "spell_cast_duration_seconds_bucket{le=\"0.01\",component=\"hello\"} 0",
        "spell_cast_duration_seconds_bucket{le=\"0.025\",component=\"hello\"} 3",
        "spell_cast_duration_seconds_bucket{le=\"+Inf\",component=\"hello\"} 3",
        "spell_cast_duration_seconds_count{component=\"hello\"} 3",
        "spell_cast_duration_seconds_sum{component=\"hello\"} 0.06",
        "spell_cast_cpu_seconds_bucket{le=\"0.0005\",component=\"hello\"} 3",
        "spell_cast_fuel_total{component=\"hello\"} 3000",
        "spell_cast_request_bytes_total{component=\"hello\"} 30",
        "spell_cast_response_bytes_total{component=\"hello\"} 60",
        "spell_cast_memory_bytes_peak{component=\"hello\"} 65536",
        "spell_requests_active 7.0",
    ] {
        assert!(answer.lines().any(|found| found == line), "{line} is missing in\n{answer}");
    }
    assert!(answer.ends_with("# EOF\n"));
}

#[test]
fn threads_that_record_at_once_lose_no_execution() {
    let metrics = Metrics::new(&["hello".into()]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5_000).for_each(|_| metrics.count(&record("hello", Outcome::Completed))));
        }
    });
    let text = metrics.encode();
    assert!(text.contains("spell_casts_total{component=\"hello\",outcome=\"completed\"} 20000\n"), "{text}");
    assert!(text.contains("spell_cast_cpu_seconds_count{component=\"hello\"} 20000\n"), "{text}");
}

#[tokio::test]
async fn what_is_not_offered_is_a_problem_document() {
    let server = start();
    for (method, path, status) in [
        ("GET", "/", "404 Not Found"),
        ("GET", "/healthz/", "404 Not Found"),
        ("GET", "/%68ealthz", "404 Not Found"),
        ("POST", "/nothing", "404 Not Found"),
        ("POST", "/metrics", "405 Method Not Allowed"),
        ("DELETE", "/healthz", "405 Method Not Allowed"),
        ("TRACE", "/healthz", "405 Method Not Allowed"),
    ] {
        let answer = server.ask(method, path).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{method} {path}: {answer}");
        assert!(answer.contains("content-type: application/problem+json"), "{answer}");
        assert_eq!(answer.contains("allow: GET, HEAD"), status.starts_with("405"), "{answer}");
    }
}

#[tokio::test]
async fn a_request_that_names_another_host_is_refused() {
    let server = start();
    for head in [
        "GET /metrics HTTP/1.1\r\nHost: evil.example",
        "GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost",
        "GET /metrics HTTP/1.0",
    ] {
        let answer = server.raw(&format!("{head}\r\n\r\n")).await;
        assert!(answer.contains(" 421 ") && !answer.contains("spell_casts"), "{head}: {answer}");
    }
    let own = server.address;
    assert!(server.raw(&format!("GET /healthz HTTP/1.1\r\nHost: {own}\r\n\r\n")).await.contains(" 200 "));
}

#[tokio::test]
async fn oversized_heads_are_refused() {
    let server = start();
    let long = "a".repeat(64 << 10);
    let answer = server.raw(&format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", &long[..20 << 10])).await;
    assert!(answer.is_empty() || answer.contains(" 431 "), "{answer}");
    let many: String = (0..70).map(|index| format!("X-{index}: y\r\n")).collect();
    let answer = server.raw(&format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{many}\r\n")).await;
    assert!(answer.contains(" 431 "), "{answer}");
}

#[tokio::test]
async fn a_connection_serves_one_request() {
    let answer = start().raw(&"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(3)).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_their_turn() {
    let server = start();
    let mut idle = Vec::new();
    for _ in 0..128 {
        idle.push(TcpStream::connect(server.address).await.unwrap());
    }
    let asked = server.ask("GET", "/healthz");
    tokio::pin!(asked);
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut asked).await.is_err(), "all places are taken");
    drop(idle);
    assert!(asked.await.contains(" 200 "));
}

#[tokio::test]
async fn shutdown_ends_the_server_although_connections_are_idle() {
    let server = start();
    let _idle = TcpStream::connect(server.address).await.unwrap();
    server.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(4), server.task).await.expect("it ends").unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}
