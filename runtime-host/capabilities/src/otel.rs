//! What components tell of themselves: `wasi:otel@0.2.0-rc.2`, handed on to the collector that the operator names.
//!
//! This module knows how much one request may tell, and notes what is too much. Nothing here waits: what is taken goes into a bounded
//! queue, and one task of the host sends it. It must never know what a span, a metric or a log record is about.

mod collector;
mod exporter;
mod logs;
mod metrics;
mod otlp;
mod payload;
mod queue;
mod source;
mod spans;
mod trace;

pub use collector::{TelemetryError, TelemetrySettings};
pub use exporter::Telemetry;
pub use queue::Dropped;
pub use source::TelemetrySource;

use crate::bindings::otel::{logs as log_interface, metrics as metric_interface, tracing as trace_interface, types};
use crate::{Host, Rule};
use http::HeaderMap;
use otlp::TooLarge;
use payload::Signal;
use serde::Serialize;
use source::Told;
use std::sync::Arc;
use trace_interface::{SpanContext, TraceFlags};

/// Most things (spans, log records, points of metrics) that one request may tell.
const REQUEST_ITEMS_MAX: usize = 1_000;
/// Most bytes of what one request tells, as it is sent.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// What one request has told, and may still tell.
pub(crate) struct RequestTelemetry {
    items_left: usize,
    bytes_left: usize,
    /// Set once something was too much: nothing more is taken then.
    is_cut: bool,
    /// Whether it was shown that something was wrong.
    is_shown: bool,
    trace: Option<Box<SpanContext>>,
}

impl Default for RequestTelemetry {
    fn default() -> Self {
        Self { items_left: REQUEST_ITEMS_MAX, bytes_left: REQUEST_BYTES_MAX, is_cut: false, is_shown: false, trace: None }
    }
}

/// Why something is not handed on, in words for a guest.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("this host takes no telemetry")]
    NoTelemetry,
    #[error("the request has told more than {REQUEST_ITEMS_MAX} things, or {REQUEST_BYTES_MAX} bytes: the rest is dropped")]
    TooMuch,
    #[error("the host's queue of telemetry is full")]
    QueueFull,
}

impl Host {
    /// The same for a request with these headers, which may say what trace it belongs to.
    #[must_use]
    pub fn in_trace(mut self, headers: &HeaderMap) -> Host {
        if self.grants.telemetry.is_some() {
            self.telemetry.trace = trace::of_request(headers).map(Box::new);
        }
        self
    }

    /// The way for something that counts as so many; `None` if nobody wants it. To be asked before any work is done for it.
    fn way(&mut self, signal: Signal, count: usize) -> Result<Option<Arc<TelemetrySource>>, NotTaken> {
        let source = self.grants.telemetry.clone().ok_or(NotTaken::NoTelemetry)?;
        if !source.telemetry.takes(signal) {
            source.telemetry.drop_some(Dropped::NoEndpoint, count);
            return Ok(None);
        }
        if self.telemetry.is_cut || count > self.telemetry.items_left {
            return Err(self.cut(&source, count));
        }
        Ok(Some(source))
    }

    /// Hands something on.
    fn tell<T: Serialize>(&mut self, source: &TelemetrySource, told: Told<'_, T>) -> Result<(), NotTaken> {
        let left = self.telemetry.bytes_left;
        let count = told.count;
        let item = match source.item(told, left) {
            Ok(item) if item.bytes() <= left => item,
            Ok(_) | Err(TooLarge) => return Err(self.cut(source, count)),
        };
        self.telemetry.items_left = self.telemetry.items_left.saturating_sub(count);
        self.telemetry.bytes_left -= item.bytes();
        if source.telemetry.offer(item) { Ok(()) } else { Err(NotTaken::QueueFull) }
    }

    /// Takes nothing more of this request.
    fn cut(&mut self, source: &TelemetrySource, count: usize) -> NotTaken {
        source.telemetry.drop_some(Dropped::RequestLimit, count);
        if !std::mem::replace(&mut self.telemetry.is_cut, true) {
            self.note_cut();
        }
        NotTaken::TooMuch
    }

    fn note_cut(&self) {
        let component = &self.grants.component;
        self.grants.audit.refused(component, Rule::Telemetry, &format!("{REQUEST_ITEMS_MAX} items, {REQUEST_BYTES_MAX} bytes"), true);
        tracing::warn!(%component, "telemetry of a request cut: it told more than {REQUEST_ITEMS_MAX} things, or {REQUEST_BYTES_MAX} bytes");
    }

    /// Drops something that cannot be sent as it is.
    fn drop_invalid(&mut self, what: &str, count: usize) {
        if let Some(source) = &self.grants.telemetry {
            source.telemetry.drop_some(Dropped::Invalid, count);
        }
        if !std::mem::replace(&mut self.telemetry.is_shown, true) {
            tracing::warn!(component = %self.grants.component, "telemetry dropped: {what}");
        }
    }
}

impl types::Host for Host {}

impl trace_interface::Host for Host {
    // A span is taken when it has ended: then it says all that there is to say.
    fn on_start(&mut self, _: SpanContext) -> wasmtime::Result<()> {
        Ok(())
    }

    fn on_end(&mut self, span: trace_interface::SpanData) -> wasmtime::Result<()> {
        // Whoever does not want a trace recorded says so here.
        if !span.span_context.trace_flags.contains(TraceFlags::SAMPLED) {
            return Ok(());
        }
        // There is nobody to tell what is not taken: it is counted.
        let Ok(Some(source)) = self.way(Signal::Traces, 1) else { return Ok(()) };
        let scope = Some(&span.instrumentation_scope);
        match spans::view(&span) {
            Some(view) => _ = self.tell(&source, Told { signal: Signal::Traces, count: 1, resource: None, scope, data: &view }),
            None => self.drop_invalid("the ids of a span have to be 32 and 16 hexadecimal digits, and not zeros alone", 1),
        }
        Ok(())
    }

    fn outer_span_context(&mut self) -> wasmtime::Result<SpanContext> {
        if let Some(context) = &self.telemetry.trace {
            return Ok(SpanContext::clone(context));
        }
        let context = trace::begin()?;
        self.telemetry.trace = Some(Box::new(context.clone()));
        Ok(context)
    }
}

impl log_interface::Host for Host {
    fn on_emit(&mut self, record: log_interface::LogRecord) -> wasmtime::Result<()> {
        // As for spans, what is not taken is counted.
        let Ok(Some(source)) = self.way(Signal::Logs, 1) else { return Ok(()) };
        let (resource, scope) = (record.resource.as_ref(), record.instrumentation_scope.as_ref());
        _ = self.tell(&source, Told { signal: Signal::Logs, count: 1, resource, scope, data: &logs::view(&record) });
        Ok(())
    }
}

impl metric_interface::Host for Host {
    fn export(&mut self, exported: metric_interface::ResourceMetrics) -> wasmtime::Result<Result<(), String>> {
        Ok(self.export_metrics(&exported))
    }
}

impl Host {
    fn export_metrics(&mut self, exported: &metric_interface::ResourceMetrics) -> Result<(), String> {
        for scope in &exported.scope_metrics {
            for metric in &scope.metrics {
                let count = metrics::count(&metric.data);
                let Some(source) = self.way(Signal::Metrics, count).map_err(|error| error.to_string())? else { continue };
                let view = metrics::view(metric).map_err(|error| {
                    self.drop_invalid(&error.to_string(), count);
                    error.to_string()
                })?;
                let (resource, scope) = (Some(&exported.resource), Some(&scope.scope));
                let told = Told { signal: Signal::Metrics, count, resource, scope, data: &view };
                self.tell(&source, told).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
