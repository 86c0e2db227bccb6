//! One connection, from its first byte to its last.
//!
//! This file knows how long a client may be silent, and how a connection ends in peace. It must never know what is answered.

use crate::body::ResponseBody;
use crate::client::Client;
use crate::handler::Handler;
use crate::server::ServerConfig;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// What all connections of a worker are served with.
#[derive(Clone)]
pub(crate) struct Serving {
    pub(crate) handler: Arc<Handler>,
    pub(crate) config: ServerConfig,
}

/// How long a connection may take to bring its first request after the host was told to stop.
const FIRST_REQUEST_TIME: Duration = Duration::from_secs(1);

/// Serves a connection until its client leaves, is silent for too long, or the host stops.
pub(crate) async fn serve<S>(stream: S, client: Client, serving: Serving, mut stopping: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Serving { handler, config } = serving;
    let activity = Arc::new(Activity::new(config.header_time_max));
    let service = {
        let (activity, client) = (activity.clone(), Arc::new(client));
        service_fn(move |request| {
            let (handler, client, under_way) = (handler.clone(), client.clone(), activity.clone().begin());
            async move {
                let response = handler.answer(request, &client).await;
                Ok::<_, Infallible>(response.map(|body| Tracked { body, _under_way: under_way }))
            }
        })
    };
    let builder = protocols(&config);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let is_silent = tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = activity.silence() => true,
        _ = stopping.wait_for(|stopping| *stopping) => false,
    };
    if is_silent {
        // The client may learn why, if it is one that can.
        connection.as_mut().graceful_shutdown();
        let _ = poll_fn(|context| Poll::Ready(connection.as_mut().poll(context))).await;
        return;
    }
    // A client that has only just been let in has its first request on the way: closing now would lose it.
    if !activity.has_begun() {
        tokio::select! {
            biased;
            _ = connection.as_mut() => return,
            () = activity.first_request.notified() => {}
            () = sleep(FIRST_REQUEST_TIME) => {}
        }
    }
    connection.as_mut().graceful_shutdown();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// What a connection is doing. One timer watches it, which is set anew at most once in the time that it measures: a timer for each
/// request would cost more than reading its head.
struct Activity {
    opened: Instant,
    silence_max: Duration,
    requests_under_way: AtomicUsize,
    has_begun: AtomicBool,
    first_request: Notify,
    /// When the last request ended, in nanoseconds since the connection was opened.
    silent_since_ns: AtomicU64,
}

impl Activity {
    fn new(silence_max: Duration) -> Self {
        Self {
            opened: Instant::now(),
            silence_max,
            requests_under_way: AtomicUsize::new(0),
            has_begun: AtomicBool::new(false),
            first_request: Notify::new(),
            silent_since_ns: AtomicU64::new(0),
        }
    }

    /// The head of a request is there.
    fn begin(self: Arc<Self>) -> UnderWay {
        self.requests_under_way.fetch_add(1, Ordering::Relaxed);
        if !self.has_begun.swap(true, Ordering::Relaxed) {
            self.first_request.notify_one();
        }
        UnderWay(self)
    }

    fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// Ready when no head of a request has come for as long as a client may take for one.
    async fn silence(&self) {
        let mut timer = pin!(sleep_until(self.opened + self.silence_max));
        loop {
            timer.as_mut().await;
            let now = Instant::now();
            let silent_since = match self.requests_under_way.load(Ordering::Relaxed) {
                0 => self.opened + Duration::from_nanos(self.silent_since_ns.load(Ordering::Relaxed)),
                _ => now,
            };
            let end = silent_since + self.silence_max;
            if end <= now {
                return;
            }
            timer.as_mut().reset(end);
        }
    }
}

/// A request from its head to the end of its answer.
struct UnderWay(Arc<Activity>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let activity = &self.0;
        let now_ns = u64::try_from(activity.opened.elapsed().as_nanos()).unwrap_or(u64::MAX);
        activity.silent_since_ns.store(now_ns, Ordering::Relaxed);
        activity.requests_under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that tells its connection when it has ended.
struct Tracked {
    body: ResponseBody,
    _under_way: UnderWay,
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = <ResponseBody as Body>::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn protocols(config: &ServerConfig) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        // How long a client may take is watched over here.
        .header_read_timeout(None)
        .max_buf_size(config.header_bytes_max.max(HTTP1_BUFFER_BYTES_MIN));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(u32::try_from(config.header_bytes_max).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(HTTP2_KEEP_ALIVE))
        .keep_alive_timeout(config.header_time_max);
    builder
}

/// The least that hyper works with.
const HTTP1_BUFFER_BYTES_MIN: usize = 8_192;
const HTTP2_STREAMS_MAX: u32 = 128;
const HTTP2_KEEP_ALIVE: Duration = Duration::from_secs(30);
