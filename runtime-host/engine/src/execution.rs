//! One running guest, driven by whoever polls it: no task of its own, no channel between threads.

use crate::Failure;
use crate::cpu::CpuTime;
use crate::meter::Report;
use crate::waker::GuestWaker;
use http::Response;
use spell_types::Usage;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiBody;

type Run = Pin<Box<dyn Future<Output = wasmtime::Result<()>> + Send>>;

/// A guest at work on one answer. It runs while it is polled and ends when it is dropped.
pub struct Execution<T = Response<WasiBody>> {
    state: State,
    answer: Option<oneshot::Receiver<Result<T, Failure>>>,
    report: Arc<Report>,
    waker: Arc<GuestWaker>,
    cpu: CpuTime,
}

enum State {
    Running(Run),
    Ended(Result<(), Failure>),
}

impl<T> Execution<T> {
    pub(crate) fn new(run: Run, answer: oneshot::Receiver<Result<T, Failure>>, report: Arc<Report>) -> Self {
        Self { state: State::Running(run), answer: Some(answer), report, waker: Arc::default(), cpu: CpuTime::default() }
    }

    /// Runs the guest until its answer has begun. To be asked again only while it is pending.
    pub fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Result<T, Failure>> {
        let guest = self.poll_guest(context);
        if let Some(answer) = &mut self.answer {
            match answer.try_recv() {
                Ok(answer) => {
                    self.answer = None;
                    return Poll::Ready(answer);
                }
                Err(oneshot::error::TryRecvError::Empty | oneshot::error::TryRecvError::Closed) => {}
            }
        }
        guest.map(|ended| Err(ended.err().unwrap_or(Failure::NoResponse)))
    }

    /// Runs the guest on: after its answer has begun it may still be writing the body, or tidying up.
    pub fn poll_guest(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let run = match &mut self.state {
            State::Ended(result) => return Poll::Ready(result.clone()),
            State::Running(run) => run,
        };
        self.report.count_poll();
        let polled = self.cpu.of_poll(|| self.waker.poll(run.as_mut(), context));
        let Poll::Ready(result) = polled else { return Poll::Pending };
        let result = result.map_err(|error| Failure::from_error(&error, self.report.refused()));
        self.state = State::Ended(result.clone());
        Poll::Ready(result)
    }

    /// Ends the guest, if it still runs, and tells what it used: CPU time, fuel and memory.
    pub fn finish(mut self) -> Usage {
        // The usage of a guest is reported when its store is dropped.
        self.state = State::Ended(Ok(()));
        Usage { cpu: self.cpu.spent(), ..self.report.usage() }
    }
}
