//! Where a request goes, and whether the manifest and the default address policy let it: what is judged must be what is
//! dialled, however it is written.
//!
//! The first line is a scheme, the second an authority, every other line an entry of `allowed_outbound_hosts`. This target
//! knows the parsers that come after ours: that of `http`, that of browsers, and the resolver's. It must never look up a name.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spell_policy::{AddressPolicy, AllowedHosts, Destination, Host, default_port, parse_network};
use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let (scheme, authority) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let entries: Vec<&str> = lines.collect();
    let allowed = AllowedHosts::parse(entries.iter().copied());
    if let Err(error) = &allowed {
        assert!(!error.to_string().chars().any(char::is_control), "{error:?} could command the terminal");
    }
    let Ok(destination) = Destination::parse(scheme, authority) else { return };
    check_canonical(&destination);
    check_entry_of_itself(&destination);
    check_other_parsers(scheme, authority, &destination);
    check_addresses(&destination);
    if let Ok(allowed) = allowed {
        check_rules(&entries, &allowed, &destination);
    }
});

fn check_canonical(destination: &Destination) {
    let again = Destination::parse(destination.scheme(), &destination.authority());
    assert_eq!(again.as_ref(), Ok(destination), "it reads otherwise when written anew");
    let shown = destination.to_string();
    let (scheme, authority) = shown.split_once("://").expect("a URL");
    assert_eq!(Destination::parse(scheme, authority).as_ref(), Ok(destination));
    assert_ne!(destination.port(), 0);
}

fn check_entry_of_itself(destination: &Destination) {
    let nothing = AllowedHosts::default();
    assert!(!nothing.allows(destination) && nothing.grant(destination).is_none());
    let (host, port) = (destination.host(), destination.port());
    let mut entries = vec!["*://*:*".to_owned(), format!("*://{host}:{port}"), format!("*://{host}:*")];
    // The scheme of an entry is made of letters only.
    if destination.scheme().bytes().all(|byte| byte.is_ascii_alphabetic()) {
        entries.extend([destination.to_string(), format!("{}://{}", destination.scheme(), destination.authority())]);
    }
    for entry in &entries {
        let allowed = AllowedHosts::parse([entry.as_str()]).expect(entry);
        assert!(allowed.allows(destination), "{entry} does not allow {destination}");
        let names_address = allowed.grant(destination).expect(entry).names_address;
        assert!(!names_address || !entry.contains("//*"), "{entry}");
    }
    // One label more is another host.
    if let Host::Name(name) = host {
        let below = Destination::parse(destination.scheme(), &format!("a.{name}:{port}"));
        let entry = format!("*://*.{name}:*");
        let allowed = AllowedHosts::parse([entry.as_str()]).expect(&entry);
        assert!(!allowed.allows(destination), "{entry} allows {destination}");
        assert!(below.is_err() || below.is_ok_and(|below| allowed.allows(&below)), "{entry} allows nothing below");
    }
}

/// One entry after another, each on its own.
fn check_rules(entries: &[&str], allowed: &AllowedHosts, destination: &Destination) {
    let alone = |entry: &str| AllowedHosts::parse([entry]).expect(entry);
    assert_eq!(allowed.allows(destination), entries.iter().any(|entry| alone(entry).allows(destination)));
    let Some(grant) = allowed.grant(destination) else {
        assert!(!allowed.allows(destination), "allowed by nothing");
        return;
    };
    assert!(alone(grant.entry).allows(destination), "{} does not allow {destination}", grant.entry);
    // An entry without a star and without a network names one host: the destination's.
    let (scheme, rest) = grant.entry.split_once("://").expect("an entry");
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if scheme == "*" || rest.contains(['*', '/']) || rest.contains("..") {
        return;
    }
    let named = Destination::parse(scheme, rest).expect("an entry without patterns is a destination");
    let both_itself = named.is_self() && destination.is_self();
    assert!(&named == destination || both_itself && named.port() == destination.port(), "{} allows {destination}", grant.entry);
}

fn check_other_parsers(scheme: &str, authority: &str, destination: &Destination) {
    // As the guest wrote it, if hyper reads that at all.
    if let Ok(uri) = format!("{scheme}://{authority}/").parse::<http::Uri>() {
        check_uri(&uri, destination);
    }
    let built = http::Uri::builder().scheme(destination.scheme()).authority(destination.authority()).path_and_query("/").build();
    check_uri(&built.expect("what was judged can be dialled"), destination);
    http::HeaderValue::try_from(destination.authority()).expect("it can stand in a Host header");

    let browsers = url::Host::parse(&destination.host().to_string());
    match (destination.host(), browsers) {
        (Host::Name(name), Ok(url::Host::Domain(domain))) => assert_eq!(*name, domain),
        (Host::Address(IpAddr::V4(address)), Ok(url::Host::Ipv4(other))) => assert_eq!(*address, other),
        (Host::Address(IpAddr::V6(address)), Ok(url::Host::Ipv6(other))) => assert_eq!(*address, other),
        (host, other) => panic!("{host:?} is {other:?} for browsers"),
    }
    if let Host::Name(name) = destination.host() {
        assert!(!resolver_takes_for_address(name), "{name} is an address for the resolver");
    }
}

fn check_uri(uri: &http::Uri, destination: &Destination) {
    let host = uri.host().expect("a host").to_ascii_lowercase();
    assert_eq!(uri.port_u16().or(default_port(destination.scheme())), Some(destination.port()), "{uri}");
    assert_eq!(uri.scheme_str().map(str::to_ascii_lowercase).as_deref(), Some(destination.scheme()), "{uri}");
    match destination.host() {
        Host::Name(name) => assert_eq!(host.strip_suffix('.').unwrap_or(&host), name, "{uri}"),
        Host::Address(address) => {
            let dialled: IpAddr = host.trim_start_matches('[').trim_end_matches(']').parse().expect("an address");
            assert_eq!(dialled.to_canonical(), *address, "{uri}");
        }
    }
}

/// Asks the resolver, which has to answer without looking anything up.
fn resolver_takes_for_address(name: &str) -> bool {
    let name = CString::new(name).expect("no zero byte");
    let mut found = std::ptr::null_mut();
    // SAFETY: `addrinfo` is plain data for which zeros are "nothing asked"; the list is freed exactly if one was given.
    unsafe {
        let hints = libc::addrinfo { ai_flags: libc::AI_NUMERICHOST, ..std::mem::zeroed() };
        let is_address = libc::getaddrinfo(name.as_ptr(), std::ptr::null(), &hints, &mut found) == 0;
        if is_address {
            libc::freeaddrinfo(found);
        }
        is_address
    }
}

/// What the default policy refuses, it refuses in every form.
fn check_addresses(destination: &Destination) {
    let Host::Address(address) = *destination.host() else { return };
    let policy = AddressPolicy::default();
    let refused = policy.check(address).is_err();
    if let Err(refusal) = policy.check(address) {
        assert_eq!(refusal.address, address);
    }
    let open = AddressPolicy { allow: vec![], block: vec![parse_network(&address.to_string()).expect("an address")] };
    assert!(open.check(address).is_err(), "{address} is blocked and passes");
    match address {
        IpAddr::V4(v4) => {
            assert!(refused || !is_local(v4), "{v4} passes");
            for form in forms(v4) {
                let passes = policy.check(IpAddr::V6(form)).is_ok();
                assert!(!(refused && passes), "{v4} is refused, and passes as {form}");
                assert!(open.check(IpAddr::V6(form)).is_err(), "{v4} is blocked, and passes as {form}");
            }
        }
        IpAddr::V6(v6) => {
            let local = v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || v6.is_unique_local() || v6.is_unicast_link_local();
            assert!(refused || !local, "{v6} passes");
            let last = Ipv4Addr::from_octets(v6.octets()[12..].try_into().expect("four bytes"));
            assert!(refused || !(forms(last).contains(&v6) && is_local(last)), "{v6} carries {last} and passes");
        }
    }
}

fn is_local(v4: Ipv4Addr) -> bool {
    let special = v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast();
    special || v4.is_multicast() || v4.is_documentation() || v4.octets()[0] == 0
}

/// The IPv6 addresses that stand for an IPv4 address, or carry it.
fn forms(v4: Ipv4Addr) -> [Ipv6Addr; 10] {
    let [a, b, c, d] = v4.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let last = |[p, q, r, s, t, u]: [u16; 6]| Ipv6Addr::new(p, q, r, s, t, u, high, low);
    [
        v4.to_ipv6_mapped(),
        last([0; 6]),
        last([0, 0, 0, 0, 0xffff, 0]),
        last([0x64, 0xff9b, 0, 0, 0, 0]),
        last([0x64, 0xff9b, 1, 0, 0, 0]),
        last([0x2606, 0x4700, 0, 0, 0, 0x5efe]),
        last([0x2606, 0x4700, 0, 0, 0x200, 0x5efe]),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2001, 0, 0x0808, 0x0808, 0, 0, !high, !low),
        Ipv6Addr::new(0x2001, 0, high, low, 0, 0, 0, 0),
    ]
}
