//! The head of any request on its way to a guest: whatever the client says, the guest is told what the host vouches for.
//!
//! The first line is a request target, every other line a header. This target knows what a `Host` may be, and which headers
//! are the host's. It takes the sources of both and not their crate, which would bring wasmtime.

#![no_main]

#[allow(dead_code, reason = "this target needs a part of it")]
#[path = "../../runtime-host/trigger-http/src"]
mod trigger_http {
    pub(crate) mod client;
    pub(crate) mod headers;
    pub(crate) mod routes;
}

use http::header::{CONNECTION, HOST};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use libfuzzer_sys::fuzz_target;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::LazyLock;
use trigger_http::client::{self, Client};
use trigger_http::headers::{absolute_uri, rewrite};
use trigger_http::routes::{self, Found, Routes};

static ROUTES: LazyLock<Routes<()>> = LazyLock::new(|| {
    let patterns = ["/...", "/exact", "/user/:user_id", "/user/:user_id/:user-id/...", "/file/:name.:ext"];
    Routes::new(patterns.map(|pattern| (pattern.to_owned(), ()))).expect("routes")
});

const CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST), 9);

fuzz_target!(|bytes: &[u8]| {
    let Some(parts) = head(bytes) else { return };
    let Some(found) = ROUTES.find(parts.uri.path()) else { return };
    let Ok(uri) = absolute_uri(&parts, &Scheme::HTTP) else { return };
    check_uri(&uri, &parts.uri, &parts.headers);
    let mut rewritten = parts.headers.clone();
    rewrite(&mut rewritten, &uri, found.route, &found.parameters, &Client::new(CLIENT));
    check_headers(&parts.headers, &rewritten, &uri, &found);
});

/// A head that is well formed; what is not never gets this far.
fn head(bytes: &[u8]) -> Option<http::request::Parts> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut request = Request::new(());
    *request.uri_mut() = Uri::try_from(lines.next()?).ok()?;
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
    }
    Some(request.into_parts().0)
}

fn check_uri(uri: &Uri, target: &Uri, headers: &HeaderMap) {
    let authority = uri.authority().expect("an authority").as_str();
    assert_eq!((uri.scheme_str(), uri.path_and_query()), (Some("http"), target.path_and_query()));
    assert!(headers.get_all(HOST).iter().count() <= 1, "more than one Host");
    for named in headers.get(HOST).map(HeaderValue::as_bytes).into_iter().chain(target.authority().map(|target| target.as_str().as_bytes()))
    {
        assert!(named.eq_ignore_ascii_case(authority.as_bytes()), "{uri} is not what the client asked for");
    }
    check_authority(authority);
    let shown = uri.to_string();
    assert_eq!(shown.parse::<Uri>().ok().as_ref(), Some(uri), "{shown} reads as another URI");
    // What a guest's own library makes of it.
    let read = url::Url::parse(&shown);
    let host = read.as_ref().ok().and_then(url::Url::host_str).unwrap_or_default();
    assert!(!host.trim_end_matches('.').ends_with(".spin.internal"), "{shown} is {host}");
}

/// A name or an address, and perhaps a colon and a port.
fn check_authority(authority: &str) {
    let (host, port) = match authority.rfind(']') {
        Some(bracket) => authority.split_at(bracket + 1),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    assert!(!authority.contains(['@', '/', '\\', '?', '#', ' ', '%']), "{authority}");
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inside) => assert!(inside.parse::<Ipv6Addr>().is_ok(), "{authority} has no address in its brackets"),
        None => assert!(!host.is_empty() && !host.contains(['[', ']']), "{authority} has no host"),
    }
    let number = port.strip_prefix(':').unwrap_or(port);
    assert!(
        number.is_empty() || number.bytes().all(|byte| byte.is_ascii_digit()) && number.parse::<u16>().is_ok(),
        "{authority} has a bad port"
    );
}

fn check_headers(sent: &HeaderMap, rewritten: &HeaderMap, uri: &Uri, found: &Found<'_, '_, ()>) {
    assert!(!rewritten.contains_key(CONNECTION));
    let mut told: Vec<(String, Vec<u8>)> = vec![
        ("spin-base-path".to_owned(), b"/".to_vec()),
        ("spin-client-addr".to_owned(), CLIENT.to_string().into_bytes()),
        ("spin-component-route".to_owned(), found.route.without_wildcard.as_bytes().to_vec()),
        ("spin-full-url".to_owned(), uri.to_string().into_bytes()),
        ("spin-matched-route".to_owned(), found.route.matched.as_bytes().to_vec()),
        ("spin-path-info".to_owned(), found.route.path_info(uri.path()).as_bytes().to_vec()),
        ("spin-raw-component-route".to_owned(), found.route.matched.as_bytes().to_vec()),
    ];
    // Of parameters that are one header, the last one counts.
    for (name, value) in &found.parameters {
        let name = format!("spin-path-match-{}", name.replace('_', "-"));
        told.retain(|(other, _)| *other != name);
        told.push((name, value.as_bytes().to_vec()));
    }
    told.sort();
    let (spin, others): (HeaderLines, HeaderLines) = lines(rewritten).into_iter().partition(|(name, _)| name.starts_with("spin-"));
    assert_eq!(spin, told);
    let kept = |(name, _): &(String, Vec<u8>)| !name.starts_with("spin-") && name != "connection";
    assert_eq!(others, lines(sent).into_iter().filter(kept).collect::<Vec<_>>());
}

type HeaderLines = Vec<(String, Vec<u8>)>;

/// Names in order; the values of one name in the order in which they were sent.
fn lines(headers: &HeaderMap) -> HeaderLines {
    let mut lines: HeaderLines = headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    lines.sort_by(|(one, _), (other, _)| one.cmp(other));
    lines
}
