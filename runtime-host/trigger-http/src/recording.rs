//! The guard that sees to it that every execution leaves exactly one record, whatever path it took.

use crate::admission::Permit;
use crate::app::Component;
use crate::body::BytesIn;
use crate::refusal::Failures;
use crate::routes::Route;
use http::Response;
use spell_engine::{Execution, Failure};
use spell_types::{ExecutionRecord, ExecutionSink, Limit, Outcome, Usage};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::WasiBody;

/// One execution from its admission to its record. Dropped without an outcome, it was cancelled.
pub(crate) struct Recording {
    pub(crate) component: Arc<Component>,
    pub(crate) route: Arc<Route>,
    sink: Arc<dyn ExecutionSink>,
    pub(crate) failures: Failures,
    pub(crate) started: Instant,
    pub(crate) deadline: Instant,
    /// Made only once the guest waits for something: most never do.
    timer: Option<Pin<Box<Sleep>>>,
    execution: Option<Execution>,
    usage: Usage,
    pub(crate) bytes_in: Arc<BytesIn>,
    pub(crate) bytes_out: u64,
    pub(crate) status: u16,
    pub(crate) outcome: Option<Outcome>,
    /// The place that the guest runs in; given back when the guest is gone, not before.
    permit: Option<Permit>,
}

impl Recording {
    pub(crate) fn start(
        component: Arc<Component>,
        route: Arc<Route>,
        sink: Arc<dyn ExecutionSink>,
        failures: Failures,
        started: Instant,
    ) -> Self {
        let deadline = started + component.limits.time().min(FAR_FUTURE);
        Self {
            component,
            route,
            sink,
            failures,
            started,
            deadline,
            timer: None,
            execution: None,
            usage: Usage::default(),
            bytes_in: Arc::default(),
            bytes_out: 0,
            status: 0,
            outcome: None,
            permit: None,
        }
    }

    /// Takes charge of a guest that is about to run.
    pub(crate) fn begin_guest(&mut self, execution: Execution, permit: Permit) {
        self.execution = Some(execution);
        self.permit = Some(permit);
    }

    /// Ends the guest, if there is one, and gives its place back.
    pub(crate) fn end_guest(&mut self) {
        if let Some(execution) = self.execution.take() {
            self.usage = execution.finish();
        }
        self.permit = None;
    }

    /// Leaves the record with this outcome.
    pub(crate) fn end_as(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }

    pub(crate) fn guest_is_running(&self) -> bool {
        self.execution.is_some()
    }

    /// Runs the guest until its answer has begun, or its time is over.
    pub(crate) fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Result<Response<WasiBody>, Failure>> {
        let Some(execution) = &mut self.execution else { return Poll::Ready(Err(Failure::NoResponse)) };
        match execution.poll_answer(context) {
            Poll::Ready(answer) => Poll::Ready(answer),
            Poll::Pending => self.poll_deadline(context).map(|()| Err(Failure::Limit(Limit::Time))),
        }
    }

    /// Runs the guest on after its answer has begun; ready when there is none left to run.
    pub(crate) fn poll_guest(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let Some(execution) = &mut self.execution else { return Poll::Ready(Ok(())) };
        let ended = std::task::ready!(execution.poll_guest(context));
        self.end_guest();
        Poll::Ready(ended)
    }

    /// Like [`Recording::poll_guest`], but ends with an error when the time is over.
    pub(crate) fn poll_guest_or_deadline(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        match self.poll_guest(context) {
            Poll::Ready(ended) => Poll::Ready(ended),
            Poll::Pending => self.poll_deadline(context).map(|()| Err(Failure::Limit(Limit::Time))),
        }
    }

    /// Ready once the time of the whole request is over. A guest that is busy comes by here at every yield.
    pub(crate) fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.deadline <= Instant::now() {
            return Poll::Ready(());
        }
        self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(self.deadline))).as_mut().poll(context)
    }
}

/// A time limit without a bound still has to fit a clock.
const FAR_FUTURE: Duration = Duration::from_secs(365 * 24 * 3600);

impl Drop for Recording {
    fn drop(&mut self) {
        self.end_guest();
        let usage = Usage { wall: self.started.elapsed(), bytes_in: self.bytes_in.total(), bytes_out: self.bytes_out, ..self.usage };
        self.sink.record(ExecutionRecord {
            ended_at: SystemTime::now(),
            component: self.component.id.clone(),
            route: self.route.pattern().clone(),
            status: self.status,
            outcome: self.outcome.unwrap_or(Outcome::Cancelled),
            usage,
        });
    }
}
