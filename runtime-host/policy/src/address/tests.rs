//! Which addresses are refused, in all the disguises that IPv6 has for them.

use super::*;

fn refusal(policy: &AddressPolicy, address: &str) -> Option<Reason> {
    policy.check(address.parse().expect(address)).err().map(|refused| refused.reason)
}

fn policy(allow: &[&str], block: &[&str]) -> AddressPolicy {
    let read = |list: &[&str]| list.iter().map(|text| parse_network(text).unwrap()).collect();
    AddressPolicy { allow: read(allow), block: read(block) }
}

#[test]
fn special_addresses_are_refused() {
    use Reason::*;
    let cases: &[(Reason, &[&str])] = &[
        (Loopback, &["127.0.0.1", "127.127.127.127", "127.255.255.255", "::1", "::ffff:127.0.0.1", "::7f00:1", "64:ff9b::7f00:1"]),
        (Loopback, &["2002:7f00:1::", "2002:7f00:1::1", "::ffff:0:127.0.0.1", "2a00:1450::5efe:7f00:1", "2a00:1450::200:5efe:7f00:1"]),
        (Loopback, &["64:ff9b:1::7f00:1", "64:ff9b:1:7f00:0:100::", "2001:0:808:808::80ff:fffe", "2001:0:7f00:1::f7f7:f7f7"]),
        (Unspecified, &["0.0.0.0", "::", "::ffff:0.0.0.0", "64:ff9b::"]),
        (Metadata, &["169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"]),
        (Metadata, &["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "::ffff:168.63.129.16", "fd20:ce::254"]),
        (Private, &["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255", "fc00::", "fec0::1"]),
        (Private, &["fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::"]),
        (Shared, &["100.64.0.0", "100.127.255.255"]),
        (LinkLocal, &["169.254.0.1", "fe80::1", "febf::1"]),
        (Reserved, &["0.0.0.1", "0.255.255.255", "192.0.0.0", "192.0.0.255", "240.0.0.0", "255.255.255.254", "192.88.99.1"]),
        (Reserved, &["4000::1", "5f00::1", "8000::1", "100::1", "1fff::1", "2001:10::1", "2001:20::1", "2001:2f:ffff::1", "::8.8.8.8"]),
        (Reserved, &["2001:0:808:808::f7f7:f7f7", "2001:1::1", "2001:3::1", "2001:4:112::1", "2001:30::1", "2001:1ff:ffff::1"]),
        (Benchmark, &["198.18.0.0", "198.19.255.255", "2001:2::1"]),
        (Documentation, &["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1", "3fff:fff::1"]),
        (Multicast, &["224.0.0.0", "239.255.255.255", "ff00::", "ff02::1", "::ffff:224.0.0.1"]),
        (Broadcast, &["255.255.255.255", "64:ff9b::ffff:ffff"]),
        (LocalTranslation, &["64:ff9b:1::", "64:ff9b:1::808:808", "64:ff9b:1:808:8:800::"]),
    ];
    for (reason, addresses) in cases {
        for address in *addresses {
            assert_eq!(refusal(&AddressPolicy::default(), address), Some(*reason), "{address}");
        }
    }
}

#[test]
fn public_addresses_pass_and_so_do_the_neighbours_of_every_range() {
    for address in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2000::1",
        "2606:4700::1111",
        "2a00:1450:4001::200e",
        "2000:ffff::1",
        "2001:200::",
        "2001:db9::1",
        "2001:4860:4860::8888",
        "3ffe::1",
        "64:ff9b::808:808",
        "::ffff:8.8.8.8",
        "2002:808:808::1",
        "2a00:1450::5efe:808:808",
    ] {
        assert_eq!(refusal(&AddressPolicy::default(), address), None, "{address}");
    }
}

#[test]
fn a_grant_opens_its_range_and_nothing_else() {
    let granted = policy(&["127.0.0.0/8", "fd00::/8"], &[]);
    for address in ["127.0.0.1", "127.255.255.255", "fd12::1", "8.8.8.8"] {
        assert_eq!(refusal(&granted, address), None, "{address}");
    }
    for address in ["::1", "10.0.0.1", "fc00::1", "169.254.169.254", "::10.0.0.1", "fd12::5efe:10.0.0.1"] {
        assert!(refusal(&granted, address).is_some(), "{address}");
    }
}

/// Safe, because the kernel connects to the IPv4 address, and to nothing else, when it is given the mapped one.
#[test]
fn a_grant_opens_the_mapped_spelling_too() {
    let granted = policy(&["127.0.0.0/8"], &[]);
    for address in ["::ffff:127.0.0.1", "::ffff:7f00:1"] {
        assert_eq!(refusal(&granted, address), None, "{address}");
    }
    assert_eq!(refusal(&granted, "::ffff:10.0.0.1"), Some(Reason::Private));
}

/// Safe, because the operator who grants a range of its own network has said nothing of what stands behind a translator.
#[test]
fn a_grant_opens_no_address_that_only_carries_the_range() {
    let carriers = [
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::127.0.0.1",
        "64:ff9b:1:7f00:0:100::",
        "2002:7f00:1::1",
        "2001:0:7f00:1::f7f7:f7f7",
        "2001:0:808:808::80ff:fffe",
        "2606:4700::5efe:127.0.0.1",
    ];
    for address in carriers {
        assert!(refusal(&policy(&["127.0.0.0/8"], &[]), address).is_some(), "{address}");
        assert!(refusal(&policy(&["0.0.0.0/0"], &[]), address).is_some(), "{address}");
        assert_eq!(refusal(&policy(&["::/0"], &[]), address), Some(Reason::Loopback), "{address}");
        assert_eq!(refusal(&policy(&["::/0", "0.0.0.0/0"], &[]), address), None, "{address}");
    }
    let translated = policy(&["64:ff9b::/96", "10.0.0.0/8"], &[]);
    assert_eq!(refusal(&translated, "64:ff9b::10.0.0.1"), None);
    assert_eq!(refusal(&translated, "64:ff9b::127.0.0.1"), Some(Reason::Loopback));
}

/// RFC 6052 puts the same IPv4 address in another place for each length of the translator's prefix.
#[test]
fn every_reading_of_the_local_translation_is_judged() {
    let granted = policy(&["64:ff9b:1::/48"], &[]);
    for (address, reason) in [
        ("64:ff9b:1:a9fe:a9:fe00::", Reason::Metadata),
        ("64:ff9b:1:aaa9:fe:a9fe::", Reason::Metadata),
        ("64:ff9b:1:aaaa:a9:fea9:fe00:0", Reason::Metadata),
        ("64:ff9b:1::a9fe:a9fe", Reason::Metadata),
        ("64:ff9b:1:a0a:a:a00::", Reason::Private),
    ] {
        assert_eq!(refusal(&granted, address), Some(reason), "{address}");
    }
    for address in ["64:ff9b:1:808:8:800::", "64:ff9b:1:aa08:8:808::", "64:ff9b:1:aaaa:8:808:800:0", "64:ff9b:1::808:808", "64:ff9b:1::"] {
        assert_eq!(refusal(&granted, address), None, "{address}");
        assert_eq!(refusal(&AddressPolicy::default(), address), Some(Reason::LocalTranslation), "{address}");
    }
}

#[test]
fn a_grant_of_all_ipv6_opens_no_ipv4_address() {
    let granted = policy(&["::/0"], &[]);
    assert_eq!(refusal(&granted, "::1"), None);
    assert_eq!(refusal(&granted, "64:ff9b:1::808:808"), None);
    for address in ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "64:ff9b:1::7f00:1"] {
        assert_eq!(refusal(&granted, address), Some(Reason::Loopback), "{address}");
    }
}

#[test]
fn a_mapped_range_is_the_ipv4_range_it_stands_for() {
    assert_eq!(refusal(&policy(&["::ffff:10.0.0.0/104"], &[]), "10.1.1.1"), None);
    assert_eq!(refusal(&policy(&[], &["::ffff:8.8.8.8"]), "8.8.8.8"), Some(Reason::Blocked));
    assert_eq!(refusal(&policy(&[], &["::/0"]), "8.8.8.8"), None);
}

#[test]
fn a_block_wins_over_a_grant() {
    let both = policy(&["0.0.0.0/0", "::/0"], &["8.8.8.8", "10.0.0.0/8", "2a00:1450::/32"]);
    for address in ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::", "10.0.0.1", "2a00:1450::1"] {
        assert_eq!(refusal(&both, address), Some(Reason::Blocked), "{address}");
    }
    assert_eq!(refusal(&both, "127.0.0.1"), None);
}

#[test]
fn a_refusal_names_the_address_and_the_range() {
    let refused = AddressPolicy::default().check("64:ff9b::a00:1".parse().unwrap()).unwrap_err();
    assert_eq!(refused.to_string(), "64:ff9b::a00:1 may not be reached: 10.0.0.0/8 is private");
}

#[test]
fn ranges_are_read_with_and_without_a_length() {
    for (text, range) in [("10.0.0.0/8", "10.0.0.0/8"), ("10.0.0.1", "10.0.0.1/32"), (" ::1 ", "::1/128"), ("fd00::/8", "fd00::/8")] {
        assert_eq!(parse_network(text).map(|range| range.to_string()).as_deref(), Ok(range));
    }
    for text in ["", "10.0.0", "10.0.0.0/33", "private", "example.com", "10.0.0.0/"] {
        assert_eq!(parse_network(text), Err(NetworkError), "{text}");
    }
}
