//! Connections: accepting them, spreading them over the cores, and letting them end in peace.

use crate::access::AccessLog;
use crate::app::App;
use crate::client::Client;
use crate::connection::{self, Serving};
use crate::handler::Handler;
use crate::refusal::Failures;
use crate::tls::Tls;
use spell_types::ExecutionSink;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What an operator decides about connections.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Threads that serve connections, each with an event loop of its own.
    pub threads: usize,
    /// Connections that can be open at the same time; others wait in the kernel's queue.
    pub connections_max: usize,
    /// Requests that can run at the same time, all components together.
    pub concurrency_max: usize,
    /// The longest a client may take for the head of a request; an idle connection is closed after it.
    pub header_time_max: Duration,
    /// Bytes of a request's head.
    pub header_bytes_max: usize,
    /// The longest that requests are waited for when the host stops.
    pub drain_time_max: Duration,
    /// What clients are told of failures.
    pub failures: Failures,
    /// What clients are spoken to over TLS with; without it, they are spoken to in the clear.
    pub tls: Option<Tls>,
}

/// The server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A thread or its event loop could not be made.
    #[error("a serving thread could not be started: {0}")]
    Thread(#[source] io::Error),
    /// The listener cannot be used.
    #[error("the listener cannot be used: {0}")]
    Listener(#[source] io::Error),
}

/// A running server. It serves until it is told to drain.
pub struct Server {
    handler: Arc<Handler>,
    workers: Vec<JoinHandle<()>>,
    accepting: tokio::task::JoinHandle<()>,
    stop: watch::Sender<bool>,
    drain_time_max: Duration,
}

/// A connection with the place it holds.
type Accepted = (TcpStream, SocketAddr, Place);

/// A connection's place among all, and among those of its worker; given back when dropped.
struct Place {
    open: Arc<AtomicUsize>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Server {
    /// Starts serving an app on a bound listener. To be called within a runtime, which accepts; the work is done elsewhere.
    pub fn start(
        listener: TcpListener,
        app: App,
        config: &ServerConfig,
        sink: Arc<dyn ExecutionSink>,
        access: Option<Arc<dyn AccessLog>>,
    ) -> Result<Self, ServerError> {
        let handler = Handler::new(app, config.concurrency_max, config.failures, sink, access);
        let (stop, stopped) = watch::channel(false);
        let mut workers = Vec::new();
        let mut queues = Vec::new();
        for index in 0..config.threads.max(1) {
            let (queue, connections) = mpsc::channel(CONNECTION_QUEUE_MAX);
            let serving = Serving { handler: handler.clone(), config: config.clone() };
            workers.push(start_worker(index, serving, connections).map_err(ServerError::Thread)?);
            queues.push(WorkerQueue { queue, open: Arc::default() });
        }
        listener.set_nonblocking(true).map_err(ServerError::Listener)?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(ServerError::Listener)?;
        let permits = Arc::new(Semaphore::new(config.connections_max.min(Semaphore::MAX_PERMITS)));
        let accepting = tokio::spawn(accept(listener, queues, permits, stopped));
        Ok(Self { handler, workers, accepting, stop, drain_time_max: config.drain_time_max })
    }

    /// What answers, by which the app can be replaced.
    pub fn handler(&self) -> &Arc<Handler> {
        &self.handler
    }

    /// Stops accepting and waits for what is running, within the drain time. Tells whether all of it ended.
    pub async fn drain(self) -> bool {
        let _ = self.stop.send(true);
        let _ = self.accepting.await;
        // The workers see the end of their queues now, and bound their waiting themselves.
        let bound = self.drain_time_max + DRAIN_SLACK;
        let joined = tokio::task::spawn_blocking(move || self.workers.into_iter().all(|worker| worker.join().is_ok()));
        matches!(timeout(bound, joined).await, Ok(Ok(true)))
    }
}

/// Connections on their way to a worker.
const CONNECTION_QUEUE_MAX: usize = 1_024;
const DRAIN_SLACK: Duration = Duration::from_secs(1);
/// Connections that the kernel may have let in without our knowing.
const BACKLOG_MAX: usize = 4_096;
/// Pause after a failed accept, which mostly means that descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

struct WorkerQueue {
    queue: mpsc::Sender<Accepted>,
    open: Arc<AtomicUsize>,
}

async fn accept(listener: tokio::net::TcpListener, workers: Vec<WorkerQueue>, permits: Arc<Semaphore>, mut stopped: watch::Receiver<bool>) {
    loop {
        let next = async {
            let permit = permits.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        let accepted = tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => break,
            accepted = next => accepted,
        };
        match accepted {
            (Ok(permit), Ok((stream, client))) => hand_over(stream, client, permit, &workers).await,
            (_, Err(error)) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            (Err(_), _) => return,
        }
    }
    // Clients that the kernel let in before the stop are served as well.
    for _ in 0..BACKLOG_MAX {
        let Ok(permit) = permits.clone().try_acquire_owned() else { return };
        let Ok(Ok((stream, client))) = timeout(Duration::ZERO, listener.accept()).await else { return };
        hand_over(stream, client, permit, &workers).await;
    }
}

async fn hand_over(stream: tokio::net::TcpStream, client: SocketAddr, permit: OwnedSemaphorePermit, workers: &[WorkerQueue]) {
    let Some(worker) = workers.iter().min_by_key(|worker| worker.open.load(Ordering::Relaxed)) else { return };
    // Without this, an answer in two writes waits for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    if let Ok(stream) = stream.into_std() {
        worker.open.fetch_add(1, Ordering::Relaxed);
        let place = Place { open: worker.open.clone(), _permit: permit };
        let _ = worker.queue.send((stream, client, place)).await;
    }
}

/// Threads of a worker for what the system has no asynchronous way to do: files, and looking up names.
const BLOCKING_THREADS_MAX: usize = 64;
const BLOCKING_THREAD_IDLE_TIME: Duration = Duration::from_secs(2);

fn start_worker(index: usize, serving: Serving, connections: mpsc::Receiver<Accepted>) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(BLOCKING_THREAD_IDLE_TIME)
        .build()?;
    std::thread::Builder::new().name(format!("spell-http-{index}")).spawn(move || {
        runtime.block_on(work(serving, connections));
        // Guests that outlive their answers end here.
        runtime.shutdown_background();
    })
}

/// Serves connections until no more come, then lets those that are open end, within the drain time.
async fn work(serving: Serving, mut connections: mpsc::Receiver<Accepted>) {
    let (stop, stopping) = watch::channel(false);
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = connections.recv() => match accepted {
                Some((stream, client, place)) => _ = open.spawn(serve(stream, client, place, serving.clone(), stopping.clone())),
                None => break,
            },
            Some(_) = open.join_next(), if !open.is_empty() => {}
        }
    }
    let _ = stop.send(true);
    let all_ended = async { while open.join_next().await.is_some() {} };
    if timeout(serving.config.drain_time_max, all_ended).await.is_err() {
        tracing::warn!("requests were still running when the drain time was over");
    }
}

async fn serve(stream: TcpStream, client: SocketAddr, _place: Place, serving: Serving, mut stopping: watch::Receiver<bool>) {
    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
    let client = Client::new(client);
    let Some(tls) = serving.config.tls.clone() else { return connection::serve(stream, client, serving, stopping).await };
    // A handshake takes no longer than the head of a request may, and is not waited for at the end.
    let shaken = tokio::select! {
        shaken = timeout(serving.config.header_time_max, tls.accept(stream)) => shaken,
        _ = stopping.wait_for(|stopping| *stopping) => return,
    };
    match shaken {
        Ok(Ok(stream)) => connection::serve(stream, client.over_tls(), serving, stopping).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}
