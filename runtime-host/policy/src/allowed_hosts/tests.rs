//! Which entries are read, which are refused, and what they let through.

use super::*;
use crate::DestinationError;

fn allowed(entries: &[&str]) -> AllowedHosts {
    AllowedHosts::parse(entries.iter().copied()).unwrap()
}

fn destination(url: &str) -> Destination {
    let (scheme, authority) = url.split_once("://").unwrap();
    Destination::parse(scheme, authority).unwrap()
}

#[test]
fn an_entry_lets_through_what_it_names_and_nothing_else() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("http://example.com", &["http://example.com", "http://EXAMPLE.com.:80"], &["https://example.com", "http://example.com:81"]),
        ("http://Example.COM./", &["http://example.com"], &["http://a.example.com", "http://evilexample.com", "http://example.com.evil"]),
        ("https://example.com:8443/", &["https://example.com:8443"], &["https://example.com"]),
        ("*://example.com:7777", &["http://example.com:7777", "redis://example.com:7777"], &["http://example.com"]),
        ("http://*.example.com", &["http://a.example.com", "http://a.b.example.com"], &["http://example.com", "http://evilexample.com"]),
        ("http://*.localhost", &["http://a.localhost"], &["http://localhost"]),
        ("https://*", &["https://a", "https://1.2.3.4", "https://[::1]"], &["http://a", "https://a:444"]),
        ("*://*:*", &["http://a", "tcp://1.2.3.4:9", "http://self.alt", "http://a.spin.internal"], &[]),
        ("http://a:4000..4002", &["http://a:4000", "http://a:4001"], &["http://a:4002", "http://a:3999"]),
        ("http://a:*", &["http://a", "http://a:9"], &["http://b"]),
        ("http://192.168.1.1", &["http://192.168.1.1", "http://[::ffff:192.168.1.1]"], &["http://192.168.1.2"]),
        ("http://[::1]:8001", &["http://[0::1]:8001"], &["http://[::1]", "http://[::2]:8001"]),
        ("http://[::1]", &["http://[::1]"], &["http://[::1]:81"]),
        ("*://127.0.0.1/24:63551", &["tcp://127.0.0.200:63551"], &["tcp://127.0.1.1:63551", "tcp://name:63551"]),
        ("http://10.0.0.0/8", &["http://10.255.0.1"], &["http://11.0.0.1", "http://10.0.0.1:81"]),
        ("http://10.0.0.0/8/", &["http://10.255.0.1"], &["http://11.0.0.1"]),
        ("*://ff00::/8:80", &["http://[ff02::1]"], &["http://[fe80::1]"]),
        ("*://[2001:db8::]/32:443", &["https://[2001:db8:1::1]"], &["https://[2001:db9::1]"]),
        ("*://[2001:db8::/32]:443", &["https://[2001:db8:1::1]"], &["https://[2001:db9::1]"]),
        ("http://self", &["http://self", "http://self.alt"], &["http://myself", "https://self"]),
        ("http://self.alt", &["http://self.alt"], &["http://a.self.alt"]),
        ("http://back.spin.internal", &["http://back.spin.internal"], &["http://front.spin.internal"]),
        ("http://*.spin.internal", &["http://back.spin.internal"], &["http://spin.internal"]),
        ("http://bücher.example", &["http://xn--bcher-kva.example", "http://BÜCHER.example"], &["http://bucher.example"]),
        ("redis://db", &["redis://db:6379"], &["redis://db:6380"]),
        ("postgres://db", &["postgres://db"], &["mysql://db"]),
        ("mqtt://db", &["mqtt://db:1883"], &["http://db"]),
        ("HTTP://db", &["http://db"], &["https://db"]),
    ];
    for (entry, good, bad) in cases {
        let allowed = allowed(&[entry]);
        for url in *good {
            assert!(allowed.allows(&destination(url)), "{entry} should allow {url}");
        }
        for url in *bad {
            assert!(!allowed.allows(&destination(url)), "{entry} should not allow {url}");
        }
    }
}

#[test]
fn entries_that_cannot_be_meant_are_refused_with_the_reason() {
    use AllowedHostReason::*;
    for (entry, reason) in [
        ("insecure:allow-all", AllowAll),
        ("example.com", MissingScheme),
        ("example.com:80", MissingScheme),
        ("localhost:3001", MissingScheme),
        ("*", MissingScheme),
        ("://example.com", BadScheme),
        ("h2c://example.com:80", BadScheme),
        ("ht*p://example.com:80", BadScheme),
        ("{http,https}://example.com", List),
        ("http://{a,b}.com", List),
        ("http://example.com:{80,81}", List),
        ("http://example.com/a", Path),
        ("http://example.com:6666/a/b", Path),
        ("http://*.example.com/a", Path),
        ("http://example.com//", Path),
        ("http://example.com?a", Path),
        ("http://*.*.example.com", BadWildcard),
        ("http://a.*.example.com", BadWildcard),
        ("http://exam*ple.com", BadWildcard),
        ("http://**", BadWildcard),
        ("http://*.10.0.0.1", BadWildcard),
        ("http://user@example.com", BadHost(DestinationError::UserInfo)),
        ("http://exam ple.com", BadHost(DestinationError::ControlOrSpace)),
        ("http://exam%2eple.com", BadHost(DestinationError::PercentEncoding)),
        ("http://127.1", BadHost(DestinationError::AmbiguousAddress)),
        ("http://0x7f000001", BadHost(DestinationError::AmbiguousAddress)),
        ("http://:80", BadHost(DestinationError::EmptyHost)),
        ("http:///", BadHost(DestinationError::EmptyHost)),
        ("http://[::1", BadHost(DestinationError::BadAddress)),
        ("http://[::1]x", BadHost(DestinationError::BadAddress)),
        ("http://[2001:db8::/32", Path),
        ("http://2001:db8::/32]", Path),
        ("http://[2001:db8::]/32]", Path),
        ("http://[10.0.0.0]/8", Path),
        ("http://10.0.0.0/33", BadNetwork),
        ("http://[2001:db8::]/129", BadNetwork),
        ("http://10.0.0.0/+8", BadNetwork),
        ("http://10.0.0.0/8/x", BadNetwork),
        ("http://example.com:", BadPort),
        ("http://example.com:0", BadPort),
        ("http://example.com:65536", BadPort),
        ("http://example.com:http", BadPort),
        ("http://example.com:1..", BadPort),
        ("http://example.com:..9", BadPort),
        ("http://example.com:1..2..3", BadPort),
        ("http://example.com:9..9", EmptyRange),
        ("http://example.com:9..1", EmptyRange),
        ("*://example.com", MissingPort),
        ("*://10.0.0.0/8", MissingPort),
        ("tcp://example.com", MissingPort),
    ] {
        let error = AllowedHosts::parse([entry]).expect_err(entry);
        assert_eq!((error.entry.as_str(), error.reason), (entry, reason));
    }
}

#[test]
fn the_old_spelling_is_refused_with_the_new_one_as_a_hint() {
    let error = AllowedHosts::parse(["http://a", "insecure:allow-all"]).unwrap_err();
    assert!(error.to_string().contains("\"*://*:*\""), "{error}");
}

#[test]
fn entries_left_empty_by_a_variable_are_skipped() {
    let none = allowed(&["", "http://", "https://", "  "]);
    assert!(none.is_empty());
    assert!(!none.allows(&destination("http://a")));
}

#[test]
fn a_grant_says_which_entry_and_whether_it_named_an_address() {
    for (entry, url, names_address) in [
        ("http://127.0.0.1", "http://127.0.0.1", true),
        ("http://[::1]", "http://[::1]", true),
        ("http://10.0.0.0/8", "http://10.1.1.1", true),
        ("http://localhost", "http://LOCALHOST.", true),
        ("http://*.localhost", "http://a.localhost", true),
        ("*://*:*", "http://127.0.0.1", false),
        ("http://example.com", "http://example.com", false),
        ("http://self", "http://self", false),
    ] {
        assert_eq!(allowed(&[entry]).grant(&destination(url)), Some(Grant { entry, names_address }));
    }
    let both = allowed(&["*://*:*", "http://10.0.0.1"]);
    assert_eq!(both.grant(&destination("http://10.0.0.1")).map(|grant| grant.entry), Some("http://10.0.0.1"));
    assert_eq!(both.grant(&destination("http://10.0.0.2")).map(|grant| grant.entry), Some("*://*:*"));
    assert_eq!(allowed(&[]).grant(&destination("http://a")), None);
}

#[test]
fn entries_for_other_components_can_be_told() {
    let hosts = allowed(&["http://a", "http://b.spin.internal", "http://*.spin.internal", "http://spin.internal.example"]);
    assert_eq!(hosts.internal_components().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn number_and_length_of_entries_are_bounded() {
    let many = vec!["http://a"; ENTRIES_MAX + 1];
    assert_eq!(AllowedHosts::parse(many).unwrap_err().reason, AllowedHostReason::TooMany);
    let long = format!("http://{}", "\u{1}".repeat(1 << 20));
    let error = AllowedHosts::parse([long.as_str()]).unwrap_err();
    assert_eq!(error.reason, AllowedHostReason::TooLong);
    assert!(error.entry.len() < 100 && !error.entry.contains('\u{1}'), "{error}");
}
