//! Who is at the other end of a connection.

use http::HeaderValue;
use std::net::SocketAddr;

/// The client of a connection. It is made once, and asked for with every request.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its address, as guests are told it; none if that could not stand in a header, which is never.
    pub(crate) address: Option<HeaderValue>,
}

impl Client {
    /// The client at an address.
    pub fn new(address: SocketAddr) -> Self {
        Self { address: HeaderValue::try_from(address.to_string()).ok() }
    }
}
