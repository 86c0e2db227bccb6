//! What the one parser makes of honest and of hostile destinations.

use super::DestinationError::*;
use super::*;

/// Authorities that another parser might read differently, and the fact that refuses each.
const HOSTILE: &[(&str, DestinationError)] = &[
    ("127.1", AmbiguousAddress),
    ("127.0.1", AmbiguousAddress),
    ("0", AmbiguousAddress),
    ("2130706433", AmbiguousAddress),
    ("2852039166", AmbiguousAddress),
    ("0x7f000001", AmbiguousAddress),
    ("0X7F000001", AmbiguousAddress),
    ("0x7f.0.0.1", AmbiguousAddress),
    ("127.0.0.0x1", AmbiguousAddress),
    ("0x", AmbiguousAddress),
    ("0177.0.0.1", AmbiguousAddress),
    ("127.0.0.01", AmbiguousAddress),
    ("127.0.0.1.", AmbiguousAddress),
    ("127.0.0.256", AmbiguousAddress),
    ("1.2.3.4.5", AmbiguousAddress),
    ("example.1", AmbiguousAddress),
    ("１２７.0.0.1", AmbiguousAddress),
    ("127。0。0。1", AmbiguousAddress),
    ("①②⑦.0.0.1", AmbiguousAddress),
    ("0𝐱7f000001", AmbiguousAddress),
    ("[fe80::1%25eth0]", ZoneIdentifier),
    ("[fe80::1%eth0]:80", ZoneIdentifier),
    ("[::1", BadAddress),
    ("[]", BadAddress),
    ("[127.0.0.1]", BadAddress),
    ("[::1]x", BadAddress),
    ("[::1]80", BadAddress),
    ("[[::1]]", BadAddress),
    ("[v1.a]", BadAddress),
    ("a]b", BadName),
    ("::1", BadPort),
    ("allowed@evil", UserInfo),
    ("@evil", UserInfo),
    ("user:pass@evil:80", UserInfo),
    ("allowed:80@evil:80", UserInfo),
    ("evil#@allowed", NotAnAuthority),
    ("allowed\\@evil", Backslash),
    ("allowed\\.evil", Backslash),
    ("allowed%00.evil", PercentEncoding),
    ("allowed%2eevil", PercentEncoding),
    ("allowed\t.evil", ControlOrSpace),
    ("allowed\n.evil", ControlOrSpace),
    ("allowed\r\nHost: evil", ControlOrSpace),
    ("allowed\0", ControlOrSpace),
    (" allowed", ControlOrSpace),
    ("allowed ", ControlOrSpace),
    ("al\u{a0}lowed", ControlOrSpace),
    ("al\u{2028}lowed", ControlOrSpace),
    ("al\u{85}lowed", ControlOrSpace),
    ("//evil", NotAnAuthority),
    ("http://evil/", NotAnAuthority),
    ("evil/path", NotAnAuthority),
    ("evil?query", NotAnAuthority),
    ("allowed:99999", BadPort),
    ("allowed:65536", BadPort),
    ("allowed:0", BadPort),
    ("allowed:", BadPort),
    ("allowed:+80", BadPort),
    ("allowed:-1", BadPort),
    ("allowed:８０", BadPort),
    ("allowed:80:80", BadPort),
    ("allowed:000080", BadPort),
    ("", EmptyHost),
    (":80", EmptyHost),
    (".", EmptyHost),
    ("。", EmptyHost),
    ("..", BadName),
    ("a..b", BadName),
    (".a", BadName),
    ("*", BadName),
    ("*.example.com", BadName),
    ("a,b", BadName),
    ("a|b", BadName),
    ("a<b", BadName),
    ("a℀b", BadName),
    ("xn--", BadName),
    ("xn--a", BadName),
    ("xn--0.example", BadName),
];

#[test]
fn destinations_have_one_canonical_form() {
    for (scheme, authority, canonical) in [
        ("http", "example.com", "http://example.com:80"),
        ("HTTPS", "EXAMPLE.Com", "https://example.com:443"),
        ("https", "example.com.", "https://example.com:443"),
        ("https", "example.com.:8443", "https://example.com:8443"),
        ("http", "example。com", "http://example.com:80"),
        ("http", "ⓔⓧⓐⓜⓟⓛⓔ.ⓒⓞⓜ", "http://example.com:80"),
        ("http", "ｅｘａｍｐｌｅ．ｃｏｍ", "http://example.com:80"),
        ("http", "Bücher.example", "http://xn--bcher-kva.example:80"),
        ("http", "xn--bcher-kva.example", "http://xn--bcher-kva.example:80"),
        ("http", "my_service:8080", "http://my_service:8080"),
        ("http", "LOCALHOST.", "http://localhost:80"),
        ("http", "foo.localhost", "http://foo.localhost:80"),
        ("http", "r3---sn.example", "http://r3---sn.example:80"),
        ("http", "127.0.0.1", "http://127.0.0.1:80"),
        ("http", "255.255.255.255:1", "http://255.255.255.255:1"),
        ("http", "0.0.0.0:65535", "http://0.0.0.0:65535"),
        ("http", "[::1]", "http://[::1]:80"),
        ("http", "[::]:81", "http://[::]:81"),
        ("http", "[0:0:0:0:0:0:0:1]", "http://[::1]:80"),
        ("http", "[FD00:EC2::254]", "http://[fd00:ec2::254]:80"),
        ("http", "[::ffff:127.0.0.1]", "http://127.0.0.1:80"),
        ("http", "[::ffff:7f00:1]", "http://127.0.0.1:80"),
        ("http", "[::7f00:1]", "http://[::7f00:1]:80"),
        ("http", "[64:ff9b::7f00:1]", "http://[64:ff9b::7f00:1]:80"),
        ("redis", "db", "redis://db:6379"),
        ("postgres", "db", "postgres://db:5432"),
        ("mysql", "db", "mysql://db:3306"),
        ("mqtt", "db", "mqtt://db:1883"),
        ("tcp", "db:0070", "tcp://db:70"),
    ] {
        let parsed = Destination::parse(scheme, authority).map(|destination| destination.to_string());
        assert_eq!(parsed.as_deref(), Ok(canonical), "{authority}");
    }
}

#[test]
fn a_canonical_form_parses_to_itself() {
    for authority in ["bücher.example", "[::ffff:10.0.0.1]:8080", "A.B.", "[2001:DB8::1]", "10.1.2.3:99"] {
        let first = Destination::parse("http", authority).unwrap();
        assert_eq!(Destination::parse(first.scheme(), &first.authority()), Ok(first.clone()), "{authority}");
    }
}

#[test]
fn every_ambiguous_or_hostile_spelling_is_refused() {
    for (authority, reason) in HOSTILE {
        assert_eq!(Destination::parse("http", authority), Err(*reason), "{authority:?}");
    }
}

#[test]
fn schemes_are_names_and_nothing_else() {
    for scheme in ["", "http:", "1http", "ht tp", "http://", "hțtp", "*", "\thttp"] {
        assert_eq!(Destination::parse(scheme, "a:1"), Err(DestinationError::BadScheme), "{scheme:?}");
    }
    for scheme in ["file", "ftp", "gopher", "dict", "ws", "tcp"] {
        assert_eq!(Destination::parse(scheme, "a"), Err(DestinationError::MissingPort), "{scheme:?}");
    }
    assert_eq!(Destination::parse(&"a".repeat(33), "a:1"), Err(DestinationError::BadScheme));
}

#[test]
fn lengths_are_bounded() {
    let long_label = "a".repeat(64);
    let long_name = format!("{}a", "abcdefg.".repeat(32));
    assert_eq!(Destination::parse("http", &long_label), Err(DestinationError::BadName));
    assert_eq!(Destination::parse("http", &long_name), Err(DestinationError::BadName));
    assert_eq!(Destination::parse("http", &"a".repeat(1 << 20)), Err(DestinationError::TooLong));
    assert!(Destination::parse("http", &"a".repeat(63)).is_ok());
}

#[test]
fn the_authority_leaves_out_the_schemes_own_port() {
    for (scheme, authority, written) in [("http", "a:80", "a"), ("https", "a:80", "a:80"), ("http", "[::1]:8080", "[::1]:8080")] {
        assert_eq!(Destination::parse(scheme, authority).unwrap().authority(), written);
    }
}

#[test]
fn the_application_and_its_components_are_recognised() {
    assert!(Destination::parse("http", "SELF").unwrap().is_self());
    assert!(Destination::parse("http", "self.alt").unwrap().is_self());
    assert!(!Destination::parse("http", "myself.alt").unwrap().is_self());
    assert_eq!(Destination::parse("http", "a-b.spin.internal").unwrap().internal_component(), Some("a-b"));
    assert_eq!(Destination::parse("http", "spin.internal").unwrap().internal_component(), None);
    assert_eq!(Destination::parse("http", "a.spin.internal.evil").unwrap().internal_component(), None);
}
