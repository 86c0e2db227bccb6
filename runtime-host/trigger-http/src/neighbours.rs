//! Components that ask each other: requests that never leave the process.
//!
//! This file knows how one guest's request becomes another's. It must never know who was allowed to ask.

use crate::app::App;
use crate::body::ResponseBody;
use crate::handler::Handler;
use http::{Request, Response};
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use spell_capabilities::{Neighbour, NeighbourAnswer};
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use wasmtime_wasi_http::{Error, WasiBody};

/// Frames of an answer that wait for whoever asked.
const FRAMES_WAITING_MAX: usize = 1;

/// The way from the components of one app to each other. It leads nowhere until the app is served, and to the same app afterwards.
#[derive(Default)]
pub struct Neighbours(OnceLock<(Weak<Handler>, Weak<App>)>);

type Answer = Result<Response<Channel<bytes::Bytes, Error>>, Error>;

impl Neighbours {
    /// Lets the way lead to an app. Later calls change nothing.
    pub(crate) fn lead_to(&self, handler: &Arc<Handler>, app: &Arc<App>) {
        let _ = self.0.set((Arc::downgrade(handler), Arc::downgrade(app)));
    }
}

impl spell_capabilities::Neighbours for Neighbours {
    /// Whoever answers does so in a task of its own: one guest is never run within another, and each pays for itself.
    fn ask(&self, neighbour: Neighbour, request: Request<WasiBody>) -> NeighbourAnswer {
        let served = self.0.get().and_then(|(handler, app)| Some((handler.upgrade()?, app.upgrade()?)));
        Box::pin(async move {
            let (handler, app) = served.ok_or(Error::DestinationUnavailable)?;
            let (head, answer) = oneshot::channel();
            let task = Task(tokio::spawn(answer_to(handler, app, neighbour, request, head)).abort_handle());
            let response = answer.await.map_err(|_| Error::ConnectionTerminated)??;
            Ok(response.map(|body| {
                let body = body.map_frame(move |frame| {
                    // The task is to end with the body.
                    let _held = &task;
                    frame
                });
                body.boxed_unsync()
            }))
        })
    }
}

/// Ends with whoever waits for it.
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn answer_to(handler: Arc<Handler>, app: Arc<App>, neighbour: Neighbour, request: Request<WasiBody>, head: oneshot::Sender<Answer>) {
    match handler.answer_neighbour(&app, &neighbour, request).await {
        Ok(response) => {
            let (parts, body) = response.into_parts();
            let (frames, channel) = Channel::new(FRAMES_WAITING_MAX);
            if head.send(Ok(Response::from_parts(parts, channel))).is_ok() {
                send(body, frames).await;
            }
        }
        // Whoever asked may have gone.
        Err(error) => drop(head.send(Err(error))),
    }
}

async fn send(mut body: ResponseBody, mut frames: Sender<bytes::Bytes, Error>) {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return frames.abort(Error::ConnectionTerminated) };
        if frames.send(frame).await.is_err() {
            return;
        }
    }
}
