//! Which resolved addresses may be connected to. By default the public Internet and nothing else.
//!
//! It knows addresses and ranges. It must never know names or who asks: it is called with the very address that is about to be
//! dialled, after resolution, so that no answer of a name server can widen what is reachable.

mod embedded;
mod ranges;
#[cfg(test)]
mod tests;

use ipnet::IpNet;
use std::net::IpAddr;

/// What the operator grants and blocks, on top of the built-in table of special ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    /// Ranges that may be reached although the built-in table refuses them.
    pub allow: Vec<IpNet>,
    /// Ranges that may never be reached, whatever else is said.
    pub block: Vec<IpNet>,
}

/// An address that may not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} may not be reached: {range} is {reason}")]
pub struct AddressRefused {
    /// The address in question.
    pub address: IpAddr,
    /// The range that refuses it; of an IPv4 address inside of an IPv6 address, the IPv4 range.
    pub range: IpNet,
    /// What that range is.
    pub reason: Reason,
}

/// What a refused range is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reason {
    /// On the operator's block list.
    #[error("blocked by the operator")]
    Blocked,
    /// "This host", `0.0.0.0` or `::`; connecting to it reaches this machine.
    #[error("unspecified")]
    Unspecified,
    /// This machine.
    #[error("loopback")]
    Loopback,
    /// A private network.
    #[error("private")]
    Private,
    /// The network of one link.
    #[error("link-local")]
    LinkLocal,
    /// Shared by a carrier's customers (RFC 6598).
    #[error("shared by a carrier")]
    Shared,
    /// A cloud's metadata service, which hands out credentials.
    #[error("a metadata service")]
    Metadata,
    /// Set apart for protocols or for no use at all.
    #[error("reserved")]
    Reserved,
    /// For measurements between network devices.
    #[error("for benchmarks")]
    Benchmark,
    /// For examples in documents.
    #[error("for documentation")]
    Documentation,
    /// For groups of receivers.
    #[error("multicast")]
    Multicast,
    /// For everyone on the link.
    #[error("broadcast")]
    Broadcast,
    /// Translated to IPv4 by rules that are known on the local network only.
    #[error("translated by the local network")]
    LocalTranslation,
}

/// A range that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write an IP address or a network such as \"10.0.0.0/8\"")]
pub struct NetworkError;

/// Reads a range for [`AddressPolicy`]: `10.0.0.0/8`, `fd00::/8`, or one address alone.
pub fn parse_network(text: &str) -> Result<IpNet, NetworkError> {
    let text = text.trim();
    let alone = text.parse::<IpAddr>().map(IpNet::from);
    alone.or_else(|_| text.parse()).map_err(|_| NetworkError)
}

impl AddressPolicy {
    /// Whether this address may be connected to: the block list wins, then the operator's grants, then the table.
    ///
    /// Of an IPv6 address that carries an IPv4 address, both must pass. A grant of the IPv4 address alone does not open the one
    /// that carries it: what a translator or a tunnel makes of it is another machine's network. An IPv4-mapped address carries
    /// nothing, it is the IPv4 address itself.
    ///
    /// ```
    /// use spell_policy::AddressPolicy;
    /// let policy = AddressPolicy::default();
    /// assert!(policy.check("93.184.215.14".parse().unwrap()).is_ok());
    /// assert!(policy.check("64:ff9b::7f00:1".parse().unwrap()).is_err());
    /// ```
    pub fn check(&self, address: IpAddr) -> Result<(), AddressRefused> {
        let refuse = |(range, reason)| Err(AddressRefused { address, range, reason });
        let canonical = address.to_canonical();
        let faces = || embedded::ipv4_within(canonical).map(IpAddr::V4).chain([canonical]);
        if let Some(range) = faces().find_map(|face| covering(&self.block, face)) {
            return refuse((range, Reason::Blocked));
        }
        let carrier_granted = covering(&self.allow, canonical).is_some();
        let not_granted = faces().filter(|face| !carrier_granted || covering(&self.allow, *face).is_none());
        not_granted.filter_map(ranges::special).next().map_or(Ok(()), refuse)
    }
}

/// The range of a list that holds the address. A range of IPv4-mapped addresses is the IPv4 range it stands for.
fn covering(ranges: &[IpNet], address: IpAddr) -> Option<IpNet> {
    let holds = |range: &&IpNet| {
        let mapped = match (range, address) {
            (IpNet::V6(range), IpAddr::V4(v4)) => range.prefix_len() >= 96 && range.contains(&v4.to_ipv6_mapped()),
            _ => false,
        };
        mapped || range.contains(&address)
    };
    ranges.iter().find(holds).copied()
}
