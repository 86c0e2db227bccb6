//! Who is at the other end of a connection.

use http::HeaderValue;
use http::uri::Scheme;
use std::net::SocketAddr;

/// The client of a connection. It is made once, and asked for with every request.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its address, as guests are told it; none if that could not stand in a header, which is never.
    pub(crate) address: Option<HeaderValue>,
    /// How it speaks to the host.
    pub(crate) scheme: Scheme,
}

impl Client {
    /// The client at an address, without TLS.
    pub fn new(address: SocketAddr) -> Self {
        Self { address: HeaderValue::try_from(address.to_string()).ok(), scheme: Scheme::HTTP }
    }

    /// The same client over TLS.
    #[must_use]
    pub fn over_tls(self) -> Self {
        Self { scheme: Scheme::HTTPS, ..self }
    }

    /// A component of the app, which has no address.
    pub(crate) fn within() -> Self {
        Self { address: Some(HeaderValue::from_static("0.0.0.0:0")), scheme: Scheme::HTTP }
    }
}
