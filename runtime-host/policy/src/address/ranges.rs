//! The table of ranges that are not the public Internet. The first row that holds an address speaks for it.
//!
//! It knows the registries of special-purpose addresses, and a few metadata services that sit elsewhere. It must never know
//! what an operator grants.

use super::Reason;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The special range that holds an address, and what it is.
pub(super) fn special(address: IpAddr) -> Option<(IpNet, Reason)> {
    match address {
        IpAddr::V4(v4) => {
            let row = IPV4.iter().find(|(range, _)| range.contains(&v4));
            row.map(|(range, reason)| (IpNet::V4(*range), *reason))
        }
        // What passes through the public translator is judged by the IPv4 address inside.
        IpAddr::V6(v6) if NAT64.contains(&v6) => None,
        IpAddr::V6(v6) => {
            let row = IPV6.iter().find(|(range, _)| range.contains(&v6));
            row.map(|(range, reason)| (IpNet::V6(*range), *reason))
        }
    }
}

const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

#[rustfmt::skip]
static IPV4: [(Ipv4Net, Reason); 22] = [
    (v4([0, 0, 0, 0], 32), Reason::Unspecified),
    (v4([0, 0, 0, 0], 8), Reason::Reserved),
    (v4([10, 0, 0, 0], 8), Reason::Private),
    (v4([100, 100, 100, 200], 32), Reason::Metadata),
    (v4([100, 64, 0, 0], 10), Reason::Shared),
    (v4([127, 0, 0, 0], 8), Reason::Loopback),
    (v4([168, 63, 129, 16], 32), Reason::Metadata),
    (v4([169, 254, 169, 254], 32), Reason::Metadata),
    (v4([169, 254, 170, 2], 32), Reason::Metadata),
    (v4([169, 254, 0, 0], 16), Reason::LinkLocal),
    (v4([172, 16, 0, 0], 12), Reason::Private),
    (v4([192, 0, 0, 192], 32), Reason::Metadata),
    (v4([192, 0, 0, 0], 24), Reason::Reserved),
    (v4([192, 0, 2, 0], 24), Reason::Documentation),
    (v4([192, 88, 99, 0], 24), Reason::Reserved),
    (v4([192, 168, 0, 0], 16), Reason::Private),
    (v4([198, 18, 0, 0], 15), Reason::Benchmark),
    (v4([198, 51, 100, 0], 24), Reason::Documentation),
    (v4([203, 0, 113, 0], 24), Reason::Documentation),
    (v4([224, 0, 0, 0], 4), Reason::Multicast),
    (v4([255, 255, 255, 255], 32), Reason::Broadcast),
    (v4([240, 0, 0, 0], 4), Reason::Reserved),
];

#[rustfmt::skip]
static IPV6: [(Ipv6Net, Reason); 16] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), Reason::Unspecified),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Reason::Loopback),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), Reason::LocalTranslation),
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), Reason::Benchmark),
    // Protocol assignments, with Teredo and ORCHID among them: no server that anybody asks for has such an address.
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Reason::Reserved),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Reason::Documentation),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Reason::Documentation),
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), Reason::Metadata),
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), Reason::Metadata),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Reason::Private),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Reason::LinkLocal),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Reason::Private),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Reason::Multicast),
    // Only 2000::/3 is handed out for the public Internet; these three are all the rest.
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 3), Reason::Reserved),
    (v6([0x4000, 0, 0, 0, 0, 0, 0, 0], 2), Reason::Reserved),
    (v6([0x8000, 0, 0, 0, 0, 0, 0, 0], 1), Reason::Reserved),
];

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}
