//! Pure decisions: which outbound destinations and addresses may be reached, and which environment variables a guest may see.
//!
//! This room knows rules and facts that it is handed. It must never know clocks, sockets, SQL or HTTP: it opens nothing,
//! resolves nothing and reads no environment of its own.
//!
//! An outbound request is decided in three steps, and all three must agree: [`Destination::parse`] turns what the guest wrote
//! into the one form that is judged and dialled, [`AllowedHosts`] says whether the manifest asked for it, and
//! [`AddressPolicy`] says whether the operator lets the resolved address be reached.

mod address;
mod allowed_hosts;
mod destination;
pub mod environment;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;

pub use address::{AddressPolicy, AddressRefused, NetworkError, Reason, parse_network};
pub use allowed_hosts::{AllowedHostError, AllowedHostReason, AllowedHosts, Grant};
pub use destination::{Destination, DestinationError, Host, default_port};
