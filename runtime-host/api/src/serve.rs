//! The listener of the control plane: a small HTTP/1.1 server, one request per connection, everything bounded.
//!
//! It knows sockets, connections and deadlines. It must never know what is answered.

use crate::metrics::Metrics;
use crate::respond::respond;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Most connections at once; further ones wait in the listener's backlog.
const CONNECTIONS_MAX: usize = 128;
/// Most headers of a request.
const HEADERS_MAX: usize = 64;
/// Most bytes of a request's line and headers.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Longest wait for the whole head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest life of a connection, a slow reader's included.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait for open connections at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the control plane shows.
#[derive(Debug, Clone)]
pub struct Control {
    /// The metrics behind `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Whether the host takes no new work; `/healthz` then answers 503.
    pub draining: Arc<AtomicBool>,
}

/// Why the control plane could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener cannot be used.
    #[error("the control listener cannot be used: {0}")]
    Listener(#[from] std::io::Error),
}

/// Serves the control plane until `shutdown` is ready, then lets open connections end, for two seconds at most. Runs on a
/// tokio runtime with time and I/O enabled.
pub async fn serve(listener: std::net::TcpListener, control: Control, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
    listener.set_nonblocking(true)?;
    let local = listener.local_addr()?;
    let listener = TcpListener::from_std(listener)?;
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(timeout(CONNECTION_TIMEOUT, answer_one(stream, local, control.clone())));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop(listener);
    // Those that are not done by then are cut when the set is dropped.
    let _ = timeout(SHUTDOWN_TIMEOUT, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

/// Answers one request and closes. A connection that breaks is its client's loss and nobody else's.
async fn answer_one(stream: TcpStream, local: SocketAddr, control: Control) {
    let service = service_fn(|request| {
        let response = respond(&control, local, &request);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).keep_alive(false);
    server.max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX);
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}
