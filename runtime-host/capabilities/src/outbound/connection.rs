//! Connections to databases and brokers: counted, judged and dialled like requests, then held by a guest.
//!
//! This module knows the order of the rules, and that a connection serves one operation at a time. It must never know a protocol.

use super::asking::{Asking, NoPlace};
use super::dial::{self, ConnectError};
use super::{Address, AnswerBound, CheckedStream, Outbound, OutboundSession};

use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why there is no connection, or no answer, in words that may be shown to a guest: neither addresses nor credentials are in them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    /// The address is none.
    #[error("{0}")]
    BadAddress(String),
    /// The destination is not in the manifest.
    #[error("the destination is not in allowed_outbound_hosts")]
    NotAllowed,
    /// The operator lets nobody reach the address.
    #[error("the destination's address may not be reached")]
    AddressRefused,
    /// The component or the request holds as many connections as it may, or has opened as many.
    #[error("too many connections")]
    TooMany,
    /// Nobody answered in time.
    #[error("no connection within the time allowed")]
    ConnectTimeout,
    /// The name leads nowhere.
    #[error("the name cannot be resolved")]
    UnknownName,
    /// Nobody listens there, or there is no way.
    #[error("the connection was refused")]
    Unreachable,
    /// TLS could not be agreed upon.
    #[error("TLS failed")]
    Tls,
    /// An operation took longer than the limit `outbound.query_time`.
    #[error("no whole answer within the time allowed, the limit outbound.query_time")]
    QueryTimeout,
    /// The connection was lost, or given up in the middle of an earlier answer.
    #[error("the connection is closed")]
    Closed,
}

impl From<ConnectError> for ConnectionError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Timeout => Self::ConnectTimeout,
            ConnectError::BadDestination => Self::BadAddress("the destination cannot be read".to_owned()),
            ConnectError::Lookup(_) | ConnectError::NoAddress => Self::UnknownName,
            ConnectError::Refused(_) => Self::AddressRefused,
            ConnectError::Tcp(_) => Self::Unreachable,
            ConnectError::Tls(_) => Self::Tls,
        }
    }
}

/// Leave to open one connection.
pub(crate) struct Passage {
    asking: Asking,
    outbound: Arc<Outbound>,
    /// Where to, and as whom.
    pub(crate) address: Address,
    /// What bounds each answer.
    pub(crate) bound: AnswerBound,
    /// By when the connection has to be open.
    deadline: Instant,
}

impl OutboundSession {
    /// Reads and judges the address of a server that speaks something else than HTTP: everything that needs no network.
    pub(crate) fn admit_connection(&mut self, text: &str, schemes: &[&str]) -> Result<Passage, ConnectionError> {
        let read = Address::parse(text, schemes);
        self.admit(read, schemes)
    }

    /// The same for an address that was read by others.
    pub(crate) fn admit<E: std::fmt::Display>(&mut self, read: Result<Address, E>, schemes: &[&str]) -> Result<Passage, ConnectionError> {
        let asking = self.asking();
        if !asking.count() {
            return Err(ConnectionError::TooMany);
        }
        let address = read.map_err(|error| {
            // Never what was given: a password may be anywhere in what cannot be read.
            let subject = format!("{}://… ({error})", schemes.first().unwrap_or(&""));
            asking.note_unreadable(&subject, &error);
            ConnectionError::BadAddress(error.to_string())
        })?;
        let outbound = asking.judge(&address.destination).ok_or(ConnectionError::NotAllowed)?;
        let bound = AnswerBound::new(outbound.rules.query_bytes_max);
        let deadline = Instant::now() + outbound.rules.connect_timeout;
        Ok(Passage { asking, outbound, address, bound, deadline })
    }
}

impl Passage {
    /// A connection to an address that was checked.
    pub(crate) async fn open(&self) -> Result<CheckedStream, ConnectionError> {
        let places = self
            .asking
            .places(&self.outbound, self.address.destination.scheme(), self.deadline)
            .await
            .map_err(|NoPlace| ConnectionError::TooMany)?;
        self.in_connect_time(async {
            let destination = &self.address.destination;
            let note = self.asking.noting(&self.outbound, &destination.to_string());
            let tcp = self.outbound.dial.connect(destination, note).await?;
            Ok(CheckedStream::new(tcp, self.bound.clone(), places))
        })
        .await
        .inspect_err(|error| self.report(error))
    }

    /// TLS over a connection, for the host of the address; these certificates are trusted.
    pub(crate) async fn secure(
        &self,
        stream: CheckedStream,
        trusted: Arc<rustls::ClientConfig>,
    ) -> Result<TlsStream<CheckedStream>, ConnectionError> {
        let name = tls_name(&self.address.destination)?;
        let securing = async { TlsConnector::from(trusted).connect(name, stream).await.map_err(|_| ConnectionError::Tls) };
        self.in_connect_time(securing).await.inspect_err(|error| self.report(error))
    }

    /// The certificates that are trusted unless the guest names others.
    pub(crate) fn trusted(&self) -> Arc<rustls::ClientConfig> {
        Arc::clone(&self.outbound.tls.of(self.address.destination.host()).other)
    }

    /// A step of connecting, such as logging in, in what is left of the time that all of them together may take.
    pub(crate) async fn in_connect_time<T, E: From<ConnectionError>>(
        &self,
        connecting: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        tokio::time::timeout_at(self.deadline, connecting).await.unwrap_or_else(|_| Err(ConnectionError::ConnectTimeout.into()))
    }

    /// What a guest holds of an open connection.
    pub(crate) fn turns<T>(&self, connection: T) -> Turns<T> {
        let rules = &self.outbound.rules;
        Turns {
            place: Mutex::new(Some(connection)),
            bound: self.bound.clone(),
            timeout: rules.query_timeout,
            rows_max: rules.query_rows_max,
        }
    }

    fn report(&self, error: &ConnectionError) {
        let (component, destination) = (&self.asking.grants.component, &self.address.destination);
        if matches!(error, ConnectionError::AddressRefused) {
            if self.asking.shared.refuse() {
                tracing::warn!(%component, %destination, "outbound connection refused: the operator has to allow its address");
            }
        } else {
            tracing::info!(%component, %destination, %error, "outbound connection failed");
        }
    }
}

/// A connection that the operator asks for, whose answers are bounded all the same: no rule for guests applies.
pub(crate) async fn connect_unjudged(
    destination: &spell_policy::Destination,
    bound: AnswerBound,
) -> Result<CheckedStream, ConnectionError> {
    Ok(CheckedStream::new(dial::connect_unjudged(destination).await?, bound, Vec::new()))
}

/// The name that a server's certificate must have.
pub(crate) fn tls_name(destination: &spell_policy::Destination) -> Result<rustls::pki_types::ServerName<'static>, ConnectionError> {
    let name = match destination.host() {
        spell_policy::Host::Address(address) => Ok(rustls::pki_types::ServerName::from(*address)),
        spell_policy::Host::Name(name) => rustls::pki_types::ServerName::try_from(name.clone()),
    };
    name.map_err(|_| ConnectionError::Tls)
}

/// An open connection that one operation at a time may use. What was left in the middle of an answer is closed: the rest of it
/// would be taken for the next one.
pub(crate) struct Turns<T> {
    place: Mutex<Option<T>>,
    bound: AnswerBound,
    timeout: Duration,
    /// Most rows of an answer.
    pub(crate) rows_max: u64,
}

/// The connection, for one operation. Dropped, it is closed; [given back](Lease::give_back), it serves the next.
pub(crate) struct Lease<'a, T> {
    place: MutexGuard<'a, Option<T>>,
    /// The connection.
    pub(crate) held: T,
}

impl<T> Turns<T> {
    /// Waits for the operation before to end.
    pub(crate) async fn take(&self) -> Result<Lease<'_, T>, ConnectionError> {
        let mut place = self.place.lock().await;
        let held = place.take().ok_or(ConnectionError::Closed)?;
        self.bound.renew();
        Ok(Lease { place, held })
    }

    /// The time that an operation has, waiting for its turn included.
    pub(crate) async fn in_time<R, E: From<ConnectionError>>(&self, operation: impl Future<Output = Result<R, E>>) -> Result<R, E> {
        tokio::time::timeout(self.timeout, operation).await.unwrap_or_else(|_| Err(ConnectionError::QueryTimeout.into()))
    }
}

impl<T> Lease<'_, T> {
    /// The operation has come to its end.
    pub(crate) fn give_back(mut self) {
        *self.place = Some(self.held);
    }
}

/// Whether an I/O error came from the bound of an answer.
pub(crate) fn too_large(error: &io::Error) -> Option<&super::stream::AnswerTooLarge> {
    error.get_ref()?.downcast_ref()
}
