//! Whether a request that reached a loopback address was meant for it. A web page can make a browser ask a name that resolves
//! to this machine (DNS rebinding); such a request carries the page's name, and is refused.
//!
//! It knows the host that a request names. It must never know what is asked.

use http::uri::Authority;
use http::{HeaderMap, Uri, header::HOST};
use std::net::{IpAddr, SocketAddr};

/// Whether a request to a listener at `local` names a host that this listener answers for. Listeners that others can reach
/// by design, those not on a loopback address, answer for every name.
pub(crate) fn is_meant_for(local: SocketAddr, uri: &Uri, headers: &HeaderMap) -> bool {
    if !local.ip().to_canonical().is_loopback() {
        return true;
    }
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).and_then(|host| host.parse::<Authority>().ok());
    let one_good_host = hosts.next().is_none() && host.is_some_and(|host| is_local(&host));
    one_good_host && uri.authority().is_none_or(is_local)
}

fn is_local(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let loopback = address.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    !authority.as_str().contains('@') && (loopback || host.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn meant(local: &str, uri: &str, hosts: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_str(host).unwrap());
        }
        is_meant_for(local.parse().unwrap(), &uri.parse().unwrap(), &headers)
    }

    #[test]
    fn loopback_listeners_answer_for_loopback_names_only() {
        for host in ["localhost", "LOCALHOST:9", "127.0.0.1", "127.0.0.1:1", "127.9.9.9", "[::1]", "[::1]:9", "[::ffff:127.0.0.1]"] {
            assert!(meant("127.0.0.1:1", "/", &[host]) && meant("[::1]:1", "/", &[host]), "{host}");
        }
        for host in
            ["", "evil", "evil:1", "localhost.evil", "127.0.0.1.evil", "a@localhost", "10.0.0.1", "127.1", "[::2]", "0.0.0.0", "a b"]
        {
            assert!(!meant("127.0.0.1:1", "/", &[host]), "{host}");
        }
        assert!(!meant("127.0.0.1:1", "/", &[]), "no host");
        assert!(!meant("127.0.0.1:1", "/", &["localhost", "localhost"]), "two hosts");
        assert!(!meant("127.0.0.1:1", "http://evil/", &["localhost"]), "absolute form");
        assert!(meant("127.0.0.1:1", "http://localhost/", &["localhost"]));
    }

    #[test]
    fn other_listeners_answer_for_every_name() {
        assert!(meant("0.0.0.0:1", "/", &["metrics.example"]) && meant("10.0.0.1:1", "/", &[]));
    }
}
