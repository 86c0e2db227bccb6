//! Ranges of addresses as operators write them. What they permit is decided elsewhere.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A range of addresses: all that share the first bits of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    /// An address of the range.
    pub address: IpAddr,
    /// How many of its first bits count: at most 32, or 128 in IPv6.
    pub prefix_length: u8,
}

/// The text is neither an address nor an address, a slash and a number of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a range of addresses")]
pub struct NotARange;

impl FromStr for AddressRange {
    type Err = NotARange;

    /// ```
    /// use spell_manifest::AddressRange;
    /// assert!("10.0.0.0/8".parse::<AddressRange>().is_ok());
    /// assert_eq!("::1".parse::<AddressRange>().unwrap().to_string(), "::1/128");
    /// ```
    fn from_str(text: &str) -> Result<Self, NotARange> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotARange)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix_length = match bits {
            None => most,
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().map_err(|_| NotARange)?,
            Some(_) => return Err(NotARange),
        };
        if prefix_length > most { Err(NotARange) } else { Ok(Self { address, prefix_length }) }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ranges_are_read() {
        for (text, range) in [
            ("127.0.0.0/8", Some("127.0.0.0/8")),
            ("10.1.2.3", Some("10.1.2.3/32")),
            ("fd00::/8", Some("fd00::/8")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("10.0.0.0/33", None),
            ("10.0.0.0/", None),
            ("10.0.0.0/+8", None),
            ("10.0.0/8", None),
            ("private", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<AddressRange>().ok().map(|range| range.to_string()).as_deref(), range, "{text}");
        }
    }
}
