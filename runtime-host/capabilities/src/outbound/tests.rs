//! Requests against a real server on the loopback interface.

use super::*;
use crate::{Grants, Host};
use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use spell_types::{Limit, Limits};
use wasmtime_wasi_http::WasiHttpView;

/// Answers `/silent` never, `/large` with 2000 bytes, `/moved` with a redirect, anything else with method, path and `Host` header.
async fn serve() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(async |request: Request<hyper::body::Incoming>| {
                if request.uri().path() == "/silent" {
                    std::future::pending::<()>().await;
                }
                let host = request.headers()[http::header::HOST].to_str().unwrap();
                let text = match request.uri().path() {
                    "/large" => "x".repeat(2000),
                    _ => format!("{} {} {host}", request.method(), request.uri()),
                };
                let status = if request.uri().path() == "/moved" { 302 } else { 200 };
                Response::builder().status(status).header("location", "/elsewhere").body(Full::new(Bytes::from(text)))
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    port
}

fn rules(allowed: &str, networks: &[&str]) -> OutboundRules {
    let allow = networks.iter().map(|network| spell_policy::parse_network(network).unwrap()).collect();
    OutboundRules {
        allowed: AllowedHosts::parse([allowed]).unwrap(),
        addresses: AddressPolicy { allow, ..AddressPolicy::default() },
        ..OutboundRules::default()
    }
}

fn open_rules() -> OutboundRules {
    rules("http://127.0.0.1:*", &["127.0.0.0/8"])
}

fn host(rules: OutboundRules, limits: &Limits) -> Host {
    let outbound = Some(Arc::new(Outbound::new(rules, &TlsRoots::web().unwrap())));
    Arc::new(Grants { outbound, ..Grants::none("test") }).host(limits)
}

async fn send_with(host: &mut Host, method: &str, uri: &str, options: Option<RequestOptions>) -> Result<Response<WasiBody>, Error> {
    let body = Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync();
    let request = Request::builder().method(method).uri(uri).body(body).unwrap();
    let sent = host.http().hooks.send_request(request, options, Box::new(async { Ok(()) }));
    Ok(Box::into_pin(sent).await?.0)
}

async fn get(host: &mut Host, uri: &str) -> Result<String, Error> {
    let response = send_with(host, "GET", uri, None).await?;
    Ok(String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec()).unwrap())
}

#[tokio::test]
async fn what_both_sides_allow_is_reached() {
    let port = serve().await;
    let mut host = host(open_rules(), &Limits::default());
    let text = get(&mut host, &format!("http://127.0.0.1:{port}/a?b=c")).await.unwrap();
    assert_eq!(text, format!("GET /a?b=c 127.0.0.1:{port}"));
    assert_eq!((host.outbound_requests(), host.outbound_refused()), (1, 0));
}

#[tokio::test]
async fn a_redirect_is_given_to_the_guest_and_not_followed() {
    let port = serve().await;
    let mut host = host(open_rules(), &Limits::default());
    let response = send_with(&mut host, "GET", &format!("http://127.0.0.1:{port}/moved"), None).await.unwrap();
    assert_eq!(response.status(), 302);
}

#[tokio::test]
async fn what_the_manifest_does_not_name_is_denied() {
    let port = serve().await;
    for allowed in ["http://127.0.0.2:*", "https://127.0.0.1:*", "http://127.0.0.1:1"] {
        let mut host = host(rules(allowed, &["127.0.0.0/8"]), &Limits::default());
        let denied = get(&mut host, &format!("http://127.0.0.1:{port}/")).await;
        assert!(matches!(denied, Err(Error::HttpRequestDenied)), "{allowed}: {denied:?}");
        assert_eq!((host.outbound_requests(), host.outbound_refused()), (1, 1));
    }
}

#[tokio::test]
async fn without_a_grant_everything_is_denied() {
    let mut host = Arc::new(Grants::none("test")).host(&Limits::default());
    assert!(matches!(get(&mut host, "http://example.com/").await, Err(Error::HttpRequestDenied)));
}

#[tokio::test]
async fn an_address_that_the_operator_did_not_open_is_refused_by_number_and_by_name() {
    let port = serve().await;
    for name in ["127.0.0.1", "localhost"] {
        let mut host = host(rules("*://*:*", &[]), &Limits::default());
        let refused = get(&mut host, &format!("http://{name}:{port}/")).await;
        assert!(matches!(refused, Err(Error::DestinationIpProhibited)), "{name}: {refused:?}");
        assert_eq!(host.outbound_refused(), 1);
    }
}

#[tokio::test]
async fn requests_beyond_the_limit_are_denied() {
    let port = serve().await;
    let mut limits = Limits::default();
    limits.set(Limit::OutboundRequests, 2);
    let mut host = host(open_rules(), &limits);
    for allowed in [true, true, false, false] {
        assert_eq!(get(&mut host, &format!("http://127.0.0.1:{port}/")).await.is_ok(), allowed);
    }
    assert_eq!((host.outbound_requests(), host.outbound_refused()), (4, 2));
}

#[tokio::test]
async fn odd_requests_are_refused_before_anything_is_sent() {
    let long = format!("http://127.0.0.1:1/{}", "x".repeat(PATH_BYTES_MAX));
    for (method, uri) in
        [("CONNECT", "http://127.0.0.1:1/"), ("GET", "http://user@127.0.0.1:1/"), ("GET", "ftp://127.0.0.1/"), ("GET", long.as_str())]
    {
        let mut host = host(open_rules(), &Limits::default());
        assert!(send_with(&mut host, method, uri, None).await.is_err(), "{method} {uri}");
        assert_eq!(host.outbound_refused(), 1, "{method} {uri}");
    }
}

#[tokio::test]
async fn credentials_in_a_url_are_not_noted() {
    let directory = tempfile::tempdir().unwrap();
    let writer = crate::LogWriter::start(crate::Rotation::default()).unwrap();
    let log = writer.open(Some(&directory.path().join("audit.jsonl")), None).unwrap();
    let outbound = Some(Arc::new(Outbound::new(open_rules(), &TlsRoots::web().unwrap())));
    let grants = Arc::new(Grants { outbound, audit: crate::Audit::new(log), ..Grants::none("test") });
    assert!(get(&mut grants.host(&Limits::default()), "http://user:hunter2@127.0.0.1:1/path").await.is_err());
    writer.flush();
    let text = std::fs::read_to_string(directory.path().join("audit.jsonl")).unwrap();
    assert!(text.contains("http://127.0.0.1:1/path") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn extreme_timeouts_neither_panic_nor_outlast_the_operators() {
    let port = serve().await;
    let mut rules = open_rules();
    rules.first_byte_timeout = Duration::from_millis(200);
    rules.between_bytes_timeout = Duration::MAX;
    for timeout in [Duration::ZERO, Duration::from_nanos(u64::MAX), Duration::MAX] {
        let timeout = Some(timeout);
        let options = RequestOptions { connect_timeout: timeout, first_byte_timeout: timeout, between_bytes_timeout: timeout };
        let mut host = host(rules.clone(), &Limits::default());
        let silent = send_with(&mut host, "GET", &format!("http://127.0.0.1:{port}/silent"), Some(options)).await;
        assert!(matches!(silent, Err(Error::ConnectionReadTimeout | Error::ConnectionTimeout)), "{silent:?}");
        let _ = send_with(&mut host, "GET", &format!("http://127.0.0.1:{port}/"), Some(options)).await;
    }
}

#[tokio::test]
async fn a_large_body_is_cut_off_with_an_error() {
    let port = serve().await;
    for (bytes_max, whole) in [(1999, false), (2000, true)] {
        let mut host = host(OutboundRules { response_bytes_max: bytes_max, ..open_rules() }, &Limits::default());
        let got = get(&mut host, &format!("http://127.0.0.1:{port}/large")).await;
        match got {
            Ok(text) => assert!(whole && text.len() == 2000),
            Err(error) => assert!(!whole && matches!(error, Error::HttpResponseBodySize(Some(1999))), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn a_request_has_so_many_answers_open_at_once() {
    let port = serve().await;
    let rules = OutboundRules { concurrent_per_request_max: 1, first_byte_timeout: Duration::from_millis(100), ..open_rules() };
    let mut host = host(rules, &Limits::default());
    let uri = format!("http://127.0.0.1:{port}/");
    let open = send_with(&mut host, "GET", &uri, None).await.unwrap();
    assert!(matches!(get(&mut host, &uri).await, Err(Error::ConnectionLimitReached)));
    drop(open);
    assert!(get(&mut host, &uri).await.is_ok());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error() {
    let mut host = host(open_rules(), &Limits::default());
    assert!(matches!(get(&mut host, "http://127.0.0.1:1/").await, Err(Error::ConnectionRefused)));
}

#[test]
fn headers_of_the_connection_are_forbidden() {
    let mut host = Arc::new(Grants::none("test")).host(&Limits::default());
    let hooks = host.http().hooks;
    for name in wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS {
        assert!(hooks.is_forbidden_header(&name) && hooks.forbidden_header_filter()(&name), "{name}");
    }
    assert!(!hooks.is_forbidden_header(&http::header::ACCEPT));
}
