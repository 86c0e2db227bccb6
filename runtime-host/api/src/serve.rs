//! The listener of the control plane: a small HTTP/1.1 server, everything bounded. Without a platform, a connection has one request.
//!
//! It knows sockets, connections and deadlines. It must never know what is answered.

use crate::metrics::Metrics;
use crate::patience::{Paced, Patience};
use crate::platform::{Rates, Routes};
use crate::programs::Programs;
use crate::respond::respond;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use spell_cast::Platform;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Most connections at once; further ones wait in the listener's backlog.
const CONNECTIONS_MAX: usize = 128;
/// Most connections at once with a platform, whose casts take their time.
const PLATFORM_CONNECTIONS_MAX: usize = 512;
/// Most headers of a request.
const HEADERS_MAX: usize = 64;
/// Most bytes of a request's line and headers.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Longest wait for the whole head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for a client that is to send a head, or to read an answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait for open connections at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest wait for casts that run at shutdown.
const CASTS_GRACE: Duration = Duration::from_secs(10);
/// Pause after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the control plane shows.
#[derive(Clone)]
pub struct Control {
    /// The metrics behind `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Whether the host takes no new work; `/healthz` then answers 503.
    pub draining: Arc<AtomicBool>,
    /// The platform behind `/api`, if this host is one.
    pub platform: Option<Arc<Platform>>,
    /// How often its clients may ask.
    pub rates: Rates,
    /// What has programs of the platform answer HTTP behind `/s`, if something does.
    pub programs: Option<Arc<dyn Programs>>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = to.debug_struct("Control");
        fields.field("draining", &self.draining).field("is_platform", &self.platform.is_some()).finish_non_exhaustive()
    }
}

/// Why the control plane could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener cannot be used.
    #[error("the control listener cannot be used: {0}")]
    Listener(#[from] std::io::Error),
}

/// Serves the control plane until `shutdown` is ready, then lets casts that run end, for ten seconds at most, and open connections,
/// for two seconds at most. Runs on a tokio runtime with time and I/O enabled.
pub async fn serve(listener: std::net::TcpListener, control: Control, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
    listener.set_nonblocking(true)?;
    let local = listener.local_addr()?;
    let listener = TcpListener::from_std(listener)?;
    let (ending, ends) = watch::channel(());
    let new_routes = |platform| Routes::new(platform, &control, ends.clone());
    let routes = control.platform.clone().map(new_routes);
    let connections_max = if routes.is_some() { PLATFORM_CONNECTIONS_MAX } else { CONNECTIONS_MAX };
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < connections_max => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(converse(stream, [local, peer], control.clone(), routes.clone(), ends.clone()));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop((listener, ending));
    if let Some(platform) = &control.platform {
        // What ends by then is recorded, and who waits for it is told.
        let _ = timeout(CASTS_GRACE, platform.idle()).await;
    }
    let _ = timeout(SHUTDOWN_TIMEOUT, async { while connections.join_next().await.is_some() {} }).await;
    // Those that are not done by then are cut.
    connections.shutdown().await;
    if let Some(platform) = &control.platform {
        // What was cut has ended as well, and is recorded.
        let _ = timeout(SHUTDOWN_TIMEOUT, platform.idle()).await;
    }
    Ok(())
}

/// Answers the requests of a connection. One that breaks is its client's loss and nobody else's.
async fn converse(stream: TcpStream, ends_at: [SocketAddr; 2], control: Control, routes: Option<Routes>, mut ends: watch::Receiver<()>) {
    let keeps_alive = routes.is_some();
    let patience = Patience::new(CONNECTION_TIMEOUT);
    let service = service_fn(|request: Request<Incoming>| {
        let (control, routes, answering) = (&control, routes.clone(), patience.suspended());
        async move {
            let response = respond(control, routes, ends_at, request).await;
            Ok::<_, Infallible>(response.map(|body| Paced::new(body, answering)))
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).keep_alive(keeps_alive);
    server.max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX);
    let mut connection = std::pin::pin!(server.serve_connection(TokioIo::new(stream), service));
    let mut lost = std::pin::pin!(patience.lost());
    tokio::select! {
        _ = connection.as_mut() => return,
        () = lost.as_mut() => return,
        _ = ends.changed() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! { _ = connection => {}, () = lost => {} }
}
