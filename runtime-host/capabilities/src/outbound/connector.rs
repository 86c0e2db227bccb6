//! Connections for HTTP: dialled as all are, with TLS where the scheme asks for it.
//!
//! This module knows URLs and time. It must never know requests.

use super::TlsRoots;
use super::dial::{ConnectError, Dial};
use http::Uri;
use hyper_rustls::{DefaultServerNameResolver, HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use spell_policy::{AddressRefused, Destination};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service;

tokio::task_local! {
    /// The request that a connection is made for.
    pub(super) static DIALLING: Dialling;
}

/// What a request tells the connection that is made for it.
pub(super) struct Dialling {
    /// How long it may take.
    pub(super) timeout: Duration,
    /// Notes an address that may not be reached.
    pub(super) refused: Box<dyn Fn(&AddressRefused) + Send + Sync>,
}

type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, ConnectError>> + Send>>;
type Tcp = TokioIo<TcpStream>;

/// Connects over TCP and, where the scheme asks for it, TLS, all within one time limit.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: CheckedTcp,
    timeout: Duration,
    tls: TlsRoots,
    names: Arc<DefaultServerNameResolver>,
}

impl Connector {
    pub(super) fn new(dial: Dial, timeout: Duration, tls: TlsRoots) -> Connector {
        Connector { tcp: CheckedTcp(dial), timeout, tls, names: Arc::default() }
    }

    /// What connects to the host of a URL: hosts can differ in whom they are trusted by.
    fn https(&self, uri: &Uri) -> Result<HttpsConnector<CheckedTcp>, ConnectError> {
        let destination = destination(uri)?;
        let trusted = Arc::clone(&self.tls.of(destination.host()).http);
        let names: Arc<DefaultServerNameResolver> = Arc::clone(&self.names);
        Ok(HttpsConnector::new(self.tcp.clone(), trusted, false, names))
    }
}

/// Read by the same code that judged it.
fn destination(uri: &Uri) -> Result<Destination, ConnectError> {
    let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or(ConnectError::BadDestination)?;
    Destination::parse(scheme, authority.as_str()).map_err(|_| ConnectError::BadDestination)
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Tcp>;
    type Error = ConnectError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let timeout = DIALLING.try_with(|request| request.timeout).unwrap_or(self.timeout);
        let connecting = self.https(&uri).map(|mut https| https.call(uri));
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting?).await {
                Ok(Ok(stream)) => Ok(stream),
                // What is not ours comes from TLS.
                Ok(Err(error)) => Err(error.downcast::<ConnectError>().map_or_else(ConnectError::Tls, |error| *error)),
                Err(_) => Err(ConnectError::Timeout),
            }
        })
    }
}

/// TCP connections to addresses that the operator lets us reach.
#[derive(Clone)]
struct CheckedTcp(Dial);

impl Service<Uri> for CheckedTcp {
    type Response = Tcp;
    type Error = ConnectError;
    type Future = Connecting<Tcp>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dial = self.0.clone();
        Box::pin(async move {
            let destination = destination(&uri)?;
            let note = |reason: &AddressRefused| _ = DIALLING.try_with(|request| (request.refused)(reason));
            dial.connect(&destination, note).await.map(TokioIo::new)
        })
    }
}
