//! A request as the guest sees it: an absolute URI, and the headers that the host vouches for.

use crate::client::Client;
use crate::routes::Route;
use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, request};
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Why a request cannot be given to any guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRequest {
    #[error("the request has no Host")]
    NoHost,
    #[error("the request has more than one Host")]
    ManyHosts,
    #[error("the Host of the request is not a host")]
    MalformedHost,
    #[error("the Host of the request is not the host it was sent to")]
    OtherHost,
    #[error("the Host of the request ends in .spin.internal, which no request from outside can")]
    InternalHost,
    #[error("the request has no path")]
    NoPath,
}

const SPIN_PREFIX: &str = "spin-";
const PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
const FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
const MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
const BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
const RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
const COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("spin-client-addr");
const INJECTED_MAX: usize = 8;

/// Makes the URI absolute: with the scheme of the connection and the authority that the client asked for.
pub(crate) fn absolute_uri(parts: &request::Parts, scheme: &Scheme) -> Result<Uri, BadRequest> {
    let authority = authority(parts)?;
    // Of a target without a slash (`OPTIONS *`), the absolute URI would read as another host.
    let path = parts.uri.path_and_query().filter(|path| path.as_str().starts_with('/')).cloned().ok_or(BadRequest::NoPath)?;
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(scheme.clone());
    uri.authority = Some(authority);
    uri.path_and_query = Some(path);
    Uri::from_parts(uri).map_err(|_| BadRequest::NoPath)
}

/// The request of a component to its own app, as if it had come to the address where that is served.
pub(crate) fn to_address<B>(mut request: Request<B>, address: SocketAddr) -> Option<Request<B>> {
    let host = HeaderValue::try_from(address.to_string()).ok()?;
    let authority = Authority::try_from(host.as_bytes()).ok()?;
    let uri = with_authority(request.uri(), authority)?;
    *request.uri_mut() = uri;
    request.headers_mut().insert(HOST, host);
    Some(request)
}

/// Tells a component what it is told of a request from another one, which asked for it by name: it stands behind a route that takes
/// every path, on a host without a name.
pub(crate) fn from_within(parts: &mut request::Parts, client: &Client) -> Option<Arc<Route>> {
    let route = Arc::new(Route::everything());
    parts.headers.remove(HOST);
    let uri = with_authority(&parts.uri, Authority::from_static("localhost"))?;
    rewrite(&mut parts.headers, &uri, &route, &[], client);
    Some(route)
}

fn with_authority(uri: &Uri, authority: Authority) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(authority);
    Uri::from_parts(parts).ok()
}

fn authority(parts: &request::Parts) -> Result<Authority, BadRequest> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let named = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err(BadRequest::ManyHosts),
        (Some(host), None) => Some(Authority::try_from(host.as_bytes()).map_err(|_| BadRequest::MalformedHost)?),
        (None, None) => None,
    };
    let authority = match (parts.uri.authority(), named) {
        (Some(target), Some(named)) if *target != named => return Err(BadRequest::OtherHost),
        (Some(target), _) => target.clone(),
        (None, Some(named)) => named,
        (None, None) => return Err(BadRequest::NoHost),
    };
    // `Authority::port` knows no port that is out of range; what stands behind the host does.
    let behind = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
    let has_good_port = behind.is_empty() || behind.strip_prefix(':').is_some_and(|port| port.is_empty() || is_port(port));
    if authority.as_str().contains('@') || !is_host(authority.host()) || !has_good_port {
        return Err(BadRequest::MalformedHost);
    }
    if authority.host().trim_end_matches('.').to_ascii_lowercase().ends_with(".spin.internal") {
        return Err(BadRequest::InternalHost);
    }
    Ok(authority)
}

/// A name that is not empty, or an IPv6 address in brackets: `Authority` lets brackets stand anywhere, with anything between them.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(inside) => inside.strip_suffix(']').is_some_and(|inside| inside.parse::<Ipv6Addr>().is_ok()),
        None => !host.is_empty() && !host.contains(['[', ']']),
    }
}

/// A number that has no sign, which `parse` would take.
fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Takes out what only the host may say, and says it.
pub(crate) fn rewrite(headers: &mut HeaderMap, uri: &Uri, route: &Route, parameters: &[(&str, &str)], client: &Client) {
    headers.remove(CONNECTION);
    // Collecting nothing allocates nothing.
    let forged: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(SPIN_PREFIX)).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
    headers.reserve(INJECTED_MAX + parameters.len());
    let url = Url::of(uri);
    insert(headers, PATH_INFO, url.end_of_path(route.path_info(uri.path()).len()));
    insert(headers, FULL_URL, url.text.clone());
    headers.insert(MATCHED_ROUTE, route.matched.clone());
    headers.insert(BASE_PATH, HeaderValue::from_static("/"));
    headers.insert(RAW_COMPONENT_ROUTE, route.matched.clone());
    headers.insert(COMPONENT_ROUTE, route.without_wildcard.clone());
    if let Some(address) = &client.address {
        headers.insert(CLIENT_ADDRESS, address.clone());
    }
    for (name, value) in parameters {
        let name = format!("spin-path-match-{}", name.to_ascii_lowercase().replace('_', "-"));
        if let Ok(name) = HeaderName::try_from(name) {
            insert(headers, name, Bytes::copy_from_slice(value.as_bytes()));
        }
    }
}

/// The text of an absolute URI. Whatever is said of a part of it shares its bytes.
struct Url {
    text: Bytes,
    path_end: usize,
}

impl Url {
    fn of(uri: &Uri) -> Self {
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map_or("", Authority::as_str);
        let path = uri.path_and_query().map_or("", PathAndQuery::as_str);
        let text = [scheme, "://", authority, path].concat();
        let query_length = path.len() - uri.path().len();
        Self { path_end: text.len() - query_length, text: text.into() }
    }

    /// So many bytes before the query.
    fn end_of_path(&self, length: usize) -> Bytes {
        self.text.slice(self.path_end - length..self.path_end)
    }
}

/// Paths and hosts come from a parsed URI: every one of their bytes can stand in a header.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: Bytes) {
    if let Ok(value) = HeaderValue::from_maybe_shared(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Routes;

    fn parts(uri: &str, headers: &[(&str, &str)]) -> request::Parts {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("request").into_parts().0
    }

    #[test]
    fn a_host_that_is_missing_doubtful_or_ours_is_refused() {
        for (uri, hosts, expected) in [
            ("/", vec![], Err(BadRequest::NoHost)),
            ("/", vec!["a", "a"], Err(BadRequest::ManyHosts)),
            ("/", vec!["a b"], Err(BadRequest::MalformedHost)),
            ("/", vec!["user@a"], Err(BadRequest::MalformedHost)),
            ("/", vec![""], Err(BadRequest::MalformedHost)),
            ("/", vec!["a:65536"], Err(BadRequest::MalformedHost)),
            ("/", vec!["a:+80"], Err(BadRequest::MalformedHost)),
            ("/", vec!["[]"], Err(BadRequest::MalformedHost)),
            ("/", vec!["[hello.spin.internal]"], Err(BadRequest::MalformedHost)),
            ("/", vec!["-00[]0"], Err(BadRequest::MalformedHost)),
            ("/", vec!["[::2]W"], Err(BadRequest::MalformedHost)),
            ("*", vec!["a"], Err(BadRequest::NoPath)),
            ("http://a/", vec!["b"], Err(BadRequest::OtherHost)),
            ("/", vec!["hello.spin.internal"], Err(BadRequest::InternalHost)),
            ("/", vec!["HELLO.Spin.Internal.:80"], Err(BadRequest::InternalHost)),
            ("/x?y=1", vec!["a:80"], Ok("http://a:80/x?y=1")),
            ("/", vec!["a:"], Ok("http://a:/")),
            ("/", vec!["[::1]:80"], Ok("http://[::1]:80/")),
            ("http://a/x", vec!["a"], Ok("http://a/x")),
            ("http://a/x", vec![], Ok("http://a/x")),
        ] {
            let headers: Vec<(&str, &str)> = hosts.iter().map(|host| ("host", *host)).collect();
            assert_eq!(
                absolute_uri(&parts(uri, &headers), &Scheme::HTTP).map(|uri| uri.to_string()),
                expected.map(str::to_owned),
                "{uri} {hosts:?}"
            );
        }
    }

    #[test]
    fn the_guest_sees_exactly_the_headers_that_the_host_vouches_for() {
        let routes = Routes::new([("/u/:user_id/...".to_owned(), ())]).expect("routes");
        let mut parts = parts(
            "/u/7/a?q=1",
            &[
                ("host", "example:80"),
                ("spin-client-addr", "1.2.3.4:5"),
                ("spin-bogus", "x"),
                ("connection", "close"),
                ("x-a", "1"),
                ("x-a", "2"),
            ],
        );
        let uri = absolute_uri(&parts, &Scheme::HTTP).expect("uri");
        let found = routes.find(uri.path()).expect("route");
        let client = Client::new("127.0.0.1:9".parse().expect("address"));
        rewrite(&mut parts.headers, &uri, found.route, &found.parameters, &client);
        let mut seen: Vec<String> =
            parts.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect();
        seen.sort();
        let expected = [
            "host: example:80",
            "spin-base-path: /",
            "spin-client-addr: 127.0.0.1:9",
            "spin-component-route: /u/:user_id",
            "spin-full-url: http://example:80/u/7/a?q=1",
            "spin-matched-route: /u/:user_id/...",
            "spin-path-info: /a",
            "spin-path-match-user-id: 7",
            "spin-raw-component-route: /u/:user_id/...",
            "x-a: 1",
            "x-a: 2",
        ];
        assert_eq!(seen, expected);
    }
}
