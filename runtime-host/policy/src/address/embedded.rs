//! IPv4 addresses inside of IPv6 addresses: a translator or a tunnel somewhere on the way may unpack them.
//!
//! It knows where they sit. It must never know which of them are allowed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The IPv4 addresses that an address carries, in every reading that a network may have of it; at most four.
pub(super) fn ipv4_within(address: IpAddr) -> impl Iterator<Item = Ipv4Addr> {
    let found = match address {
        IpAddr::V4(_) => [None; 4],
        IpAddr::V6(v6) => decode(v6),
    };
    found.into_iter().flatten()
}

fn decode(address: Ipv6Addr) -> [Option<Ipv4Addr>; 4] {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let last = from_halves(g, h);
    match [a, b, c, d, e, f] {
        // Compatible: ::a.b.c.d, without :: and ::1, which are what they are.
        [0, 0, 0, 0, 0, 0] if g != 0 || h > 1 => [Some(last), None, None, None],
        // Mapped, ::ffff:a.b.c.d, and translated, ::ffff:0:a.b.c.d.
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] => [Some(last), None, None, None],
        // NAT64, the well-known prefix 64:ff9b::/96.
        [0x64, 0xff9b, 0, 0, 0, 0] => [Some(last), None, None, None],
        // NAT64, local use, 64:ff9b:1::/48: around the eighth byte by a prefix of 48, 56 or 64 bits, or at the end. Nobody can
        // tell which prefix the translator has; zeros are no address but the rest of a longer prefix.
        [0x64, 0xff9b, 1, ..] => [
            (d != 0).then_some(from_halves(d, (e << 8) | (f >> 8))),
            (d & 0xff != 0).then_some(from_halves((d << 8) | (e & 0xff), f)),
            (e & 0xff != 0).then_some(from_halves((e << 8) | (f >> 8), (f << 8) | (g >> 8))),
            (g != 0 || h != 0).then_some(last),
        ],
        // 6to4, 2002::/16.
        [0x2002, b, c, ..] => [Some(from_halves(b, c)), isatap(e, f, last), None, None],
        // Teredo, 2001::/32: the server, and the client with its bits inverted.
        [0x2001, 0, c, d, ..] => [Some(from_halves(c, d)), Some(from_halves(!g, !h)), None, None],
        _ => [isatap(e, f, last), None, None, None],
    }
}

/// ISATAP: any prefix, then 0:5efe or 200:5efe.
fn isatap(e: u16, f: u16, last: Ipv4Addr) -> Option<Ipv4Addr> {
    (matches!(e, 0 | 0x200) && f == 0x5efe).then_some(last)
}

fn from_halves(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low))
}
