//! Fetching from a server on the loopback interface that does everything that a server should not.

use super::*;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

const BYTES_MAX: u64 = 2 << 20;

fn body(pieces: Vec<&'static str>, pause: Duration, is_endless: bool) -> UnsyncBoxBody<Bytes, Infallible> {
    let pieces = stream::unfold((pieces.into_iter(), is_endless), move |(mut pieces, is_endless)| async move {
        tokio::time::sleep(pause).await;
        let more = || is_endless.then(|| Bytes::from(vec![b'x'; if pause.is_zero() { 64 << 10 } else { 1 }]));
        let piece = pieces.next().map(Bytes::from).or_else(more)?;
        Some((Ok(Frame::data(piece)), (pieces, is_endless)))
    });
    StreamBody::new(pieces).boxed_unsync()
}

async fn answer(request: Request<Incoming>) -> Result<Answer, http::Error> {
    let (path, host) = (request.uri().path().to_owned(), request.headers()["host"].to_str().unwrap_or_default().to_owned());
    assert_eq!(request.headers()["accept-encoding"], "identity");
    let whole = |text: &str| http_body_util::Full::new(Bytes::from(text.to_owned())).boxed_unsync();
    let to = |place: &str| Response::builder().status(302).header("location", place).body(whole(""));
    let hops = path.strip_prefix("/hops/").and_then(|hops| hops.parse::<u32>().ok());
    match path.as_str() {
        "/hops/0" | "/whole" => Response::builder().body(whole(request.uri().query().unwrap_or("all of it"))),
        _ if hops.is_some() => to(&format!("{}", hops.unwrap_or_default() - 1)),
        "/loop" => to("/loop"),
        "/who" => {
            let who = request.headers().get("authorization").map_or("nobody", |value| value.to_str().unwrap_or_default());
            Response::builder().body(whole(&format!("{who}, {}", request.headers()["accept"].to_str().unwrap_or_default())))
        }
        _ if path.starts_with("/to/") => to(&format!("http://127.0.0.1:{}/who", path.trim_start_matches("/to/"))),
        "/echo" => {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
            let header = |name: &str| head.headers.get(name).map_or("-", |value| value.to_str().unwrap_or("?")).to_owned();
            let headers = ["user-agent", "x-mine", "content-length", "transfer-encoding", "connection", "cookie"].map(header).join(" ");
            Response::builder().status(418).header("set-cookie", "a=b").body(whole(&format!("{} {headers} {body}", head.method)))
        }
        "/head" => Response::builder().header("x-large", "x".repeat(200 << 10)).body(whole("all")),
        "/locked" => Response::builder().status(401).header("www-authenticate", "Bearer realm=\"there\"").body(whole("")),
        "/up" => to(&format!("https://{host}/whole")),
        "/file" => to("file:///etc/passwd"),
        "/private" => to(&format!("http://127.0.0.2:1/{}?token=secret", "whole")),
        "/user" => to(&format!("http://name:secret@{host}/whole")),
        "/disguised" => to("http://0x7f000002/"),
        "/nowhere" => Response::builder().status(301).body(whole("")),
        "/gone" => Response::builder().status(404).body(whole("not here")),
        "/part" => Response::builder().status(206).body(whole("all")),
        "/encoded" => Response::builder().header("content-encoding", "gzip").body(whole("squeezed")),
        "/large" => Response::builder().body(whole(&"x".repeat(BYTES_MAX as usize + 1))),
        "/endless" => Response::builder().body(body(vec![], Duration::ZERO, true)),
        "/drip" => Response::builder().body(body(vec![], Duration::from_millis(50), true)),
        "/stalled" => Response::builder().body(body(vec!["all"], Duration::from_millis(290), true)),
        "/cut" => Response::builder().header("content-length", "100").body(body(vec!["all"], Duration::ZERO, false)),
        _ => std::future::pending().await,
    }
}

async fn serve() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    port
}

fn fetcher(networks: &[&str]) -> Fetcher {
    let allow = networks.iter().map(|network| spell_policy::parse_network(network).unwrap()).collect();
    let rules = FetchRules {
        addresses: AddressPolicy { allow, ..AddressPolicy::default() },
        connect_timeout: Duration::from_millis(500),
        first_byte_timeout: Duration::from_millis(500),
        between_bytes_timeout: Duration::from_millis(250),
        whole_timeout: Duration::from_secs(2),
    };
    Fetcher::new(rules, &TlsRoots::web().unwrap())
}

fn ask(url: &str) -> Ask<'_> {
    Ask { url, accept: "*/*", authorization: Some("Bearer hunter2token"), bytes_max: BYTES_MAX }
}

async fn fetch(fetcher: &Fetcher, url: &str) -> Result<String, String> {
    let mut taken = Vec::new();
    let mut sink = |bytes: &[u8], _: Option<u64>| {
        taken.extend_from_slice(bytes);
        Ok(())
    };
    fetcher.fetch(ask(url), &mut sink).await.map_err(|error| error.to_string())?;
    Ok(String::from_utf8(taken).unwrap())
}

#[tokio::test]
async fn what_is_there_is_fetched_also_behind_a_few_redirects() {
    let (port, fetcher) = (serve().await, fetcher(&["127.0.0.1"]));
    for (path, expected) in [("/whole", "all of it"), ("/whole?a=b%20c#d", "a=b%20c"), ("/hops/5", "all of it")] {
        assert_eq!(fetch(&fetcher, &format!("http://127.0.0.1:{port}{path}")).await.as_deref(), Ok(expected), "{path}");
    }
}

#[tokio::test]
async fn who_asks_is_told_to_the_server_that_was_asked_and_to_no_other() {
    let (port, other, fetcher) = (serve().await, serve().await, fetcher(&["127.0.0.1"]));
    for (path, expected) in [
        ("/who".to_owned(), "Bearer hunter2token, */*"),
        (format!("/to/{port}"), "Bearer hunter2token, */*"),
        (format!("/to/{other}"), "nobody, */*"),
    ] {
        assert_eq!(fetch(&fetcher, &format!("http://127.0.0.1:{port}{path}")).await.as_deref(), Ok(expected), "{path}");
    }
    let error = fetcher.fetch(ask(&format!("http://127.0.0.1:{port}/locked")), &mut |_, _| Ok(())).await.expect_err("locked");
    assert!(matches!(error.failure, FetchFailure::Unauthorized { challenge } if challenge == "Bearer realm=\"there\""));
}

#[tokio::test]
async fn everything_else_is_an_error_that_says_what_it_was_and_no_secret() {
    let (port, fetcher) = (serve().await, fetcher(&["127.0.0.1"]));
    for (path, expected) in [
        ("/hops/6", "redirected more than 5 times"),
        ("/loop", "redirected more than 5 times"),
        ("/up", "redirects from `http` to `https`"),
        ("/file", "redirects from `http` to `file`"),
        ("/private", "redirected to http://127.0.0.2:1/whole?…: 127.0.0.2 may not be reached"),
        ("/disguised", "redirected to http://127.0.0.2/: 127.0.0.2 may not be reached"),
        ("/user", "it has a user name or a password"),
        ("/nowhere", "redirects to nowhere"),
        ("/gone", "the server answered 404"),
        ("/part", "the server answered 206"),
        ("/encoded", "sent it encoded"),
        ("/large", "larger than 2 MiB"),
        ("/endless", "larger than 2 MiB"),
        ("/drip", "not all of it arrived within 2s"),
        ("/stalled", "nothing more arrived for 250ms"),
        ("/cut", "broke off"),
        ("/silent", "no answer within 500ms"),
    ] {
        let error = fetch(&fetcher, &format!("http://127.0.0.1:{port}{path}")).await.expect_err(path);
        assert!(error.contains(expected) && !error.contains("secret"), "{path}: {error}");
    }
}

#[tokio::test]
async fn only_what_the_operator_lets_be_reached_is_asked() {
    let port = serve().await;
    for (networks, url, expected) in [
        (&[] as &[&str], format!("http://127.0.0.1:{port}/whole"), "127.0.0.1 may not be reached"),
        (&["10.0.0.0/8"], format!("http://localhost:{port}/whole"), "may not be reached"),
        (&["127.0.0.1"], "http://169.254.169.254/latest".to_owned(), "169.254.169.254 may not be reached"),
        (&["127.0.0.1"], format!("http://name:secret@127.0.0.1:{port}/whole"), "it has a user name or a password"),
        (&["127.0.0.1"], format!("ftp://127.0.0.1:{port}/whole"), "neither `http` nor `https`"),
        (&["127.0.0.1"], format!("https://127.0.0.1:{port}/whole"), "it cannot be reached"),
        (&["127.0.0.1"], "http://127.0.0.1:1/whole".to_owned(), "it cannot be reached"),
        (&["127.0.0.1"], format!("http://127.0.0.1:{port}/{}", "x".repeat(20_000)), "the URL cannot be asked"),
        (&["127.0.0.1"], "http://".to_owned(), "the URL cannot be asked"),
    ] {
        let error = fetch(&fetcher(networks), &url).await.expect_err(&url);
        assert!(error.contains(expected) && !error.contains("secret"), "{url}: {error}");
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_not_fetched_on() {
    let (port, fetcher) = (serve().await, fetcher(&["127.0.0.1"]));
    let mut pieces = 0;
    let mut full = |_: &[u8], expected: Option<u64>| {
        assert_eq!(expected, None);
        pieces += 1;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    };
    let error = fetcher.fetch(ask(&format!("http://127.0.0.1:{port}/endless")), &mut full).await.expect_err("a full disk");
    assert!(matches!(error.failure, FetchFailure::NotKept(_)), "{error}");
    assert_eq!(pieces, 1);
}

async fn call(fetcher: &Fetcher, request: http::request::Builder, body: &'static str) -> Result<Response<Bytes>, String> {
    fetcher.call(request.body(Bytes::from(body)).unwrap(), 64 << 10).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_call_sends_what_it_is_given_and_any_status_is_an_answer() {
    let (port, fetcher) = (serve().await, fetcher(&["127.0.0.1"]));
    let url = format!("http://127.0.0.1:{port}");
    let own = format!("spell/{}", env!("CARGO_PKG_VERSION"));
    let posted = || Request::post(format!("{url}/echo?a=b")).header("x-mine", "this").header("connection", "close, x-mine");
    for (request, body, expected) in [
        (posted(), "all of it", format!("POST {own} this 9 - - - all of it")),
        (posted().header("user-agent", "me").header("content-length", "2"), "all", "POST me this 3 - - - all".to_owned()),
        (Request::get(format!("{url}/echo")).header("transfer-encoding", "chunked"), "", format!("GET {own} - - - - - ")),
        (Request::delete(format!("{url}/echo")), "", format!("DELETE {own} - - - - - ")),
    ] {
        let answer = call(&fetcher, request, body).await.unwrap();
        assert_eq!(answer.status(), 418);
        assert_eq!(String::from_utf8_lossy(answer.body()), expected);
    }
    let redirect = call(&fetcher, Request::post(format!("{url}/user")), "all").await.unwrap();
    assert_eq!((redirect.status(), redirect.headers()["location"].to_str().unwrap().contains("secret")), (StatusCode::FOUND, true));
    let encoded = call(&fetcher, Request::get(format!("{url}/encoded")), "").await.unwrap();
    assert_eq!((encoded.status(), encoded.body().as_ref()), (StatusCode::OK, b"squeezed".as_slice()));
}

#[tokio::test]
async fn a_call_goes_where_the_operator_lets_it_and_its_answer_has_bounds() {
    let port = serve().await;
    for (networks, url, expected) in [
        (&[] as &[&str], format!("http://127.0.0.1:{port}/echo"), "127.0.0.1 may not be reached"),
        (&[], format!("http://localhost:{port}/echo"), "may not be reached"),
        (&["127.0.0.1"], "http://0x7f000002/".to_owned(), "127.0.0.2 may not be reached"),
        (&["127.0.0.1"], "http://[::ffff:169.254.169.254]/".to_owned(), "may not be reached"),
        (&["127.0.0.1"], format!("http://name:secret@127.0.0.1:{port}/echo"), "it has a user name or a password"),
        (&["127.0.0.1"], format!("ftp://127.0.0.1:{port}/echo"), "neither `http` nor `https`"),
        (&["127.0.0.1"], "/echo".to_owned(), "the URL cannot be asked"),
        (&["127.0.0.1"], format!("http://127.0.0.1:{port}/large"), "larger than 64 KiB"),
        (&["127.0.0.1"], format!("http://127.0.0.1:{port}/endless"), "larger than 64 KiB"),
        (&["127.0.0.1"], format!("http://127.0.0.1:{port}/head"), "it cannot be reached"),
        (&["127.0.0.1"], format!("http://127.0.0.1:{port}/drip"), "no whole answer within 2s"),
        (&["127.0.0.1"], format!("http://127.0.0.1:{port}/stalled"), "nothing more arrived for 250ms"),
        (&["127.0.0.1"], format!("http://127.0.0.1:{port}/cut"), "broke off"),
        (&["127.0.0.1"], format!("http://127.0.0.1:{port}/silent"), "no answer within 500ms"),
    ] {
        let error = call(&fetcher(networks), Request::post(&url), "all").await.expect_err(&url);
        assert!(error.contains(expected) && !error.contains("secret"), "{url}: {error}");
    }
    let judge = |networks: &[&str], url: &str| fetcher(networks).judge(url).map_err(|error| error.to_string());
    for refused in
        ["https://127.0.0.1/", "https://0x7f.1/", "https://[::1]:8080/a", "https://me@example.com/", "https:///", "a b", "ftp://a"]
    {
        assert!(judge(&[], refused).is_err(), "{refused}");
    }
    assert_eq!((judge(&["127.0.0.1"], "http://127.0.0.1/a?b"), judge(&[], "https://example.com")), (Ok(()), Ok(())));
    let connect = call(&fetcher(&["127.0.0.1"]), Request::connect(format!("http://127.0.0.1:{port}/")), "").await;
    assert!(connect.is_err_and(|error| error.contains("the URL cannot be asked")));
}
