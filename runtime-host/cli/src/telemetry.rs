//! Where the operator has sent what components tell, as OpenTelemetry's environment variables say it.
//!
//! This file knows those variables and when sending begins and ends. It must never know what is sent.

use crate::models;
use anyhow::{Context, Error, Result, anyhow};
use spell_api::Metrics;
use spell_capabilities::{Dropped, OutboundRules, Telemetry, TelemetrySettings, TelemetrySource, TlsRoots};
use spell_engine::LoadError;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The collector of every kind, unless a kind has its own.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const METRICS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
const LOGS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
/// The longest that the host waits, when it ends, for what is still to be sent.
const FINISH_TIME_MAX: Duration = Duration::from_secs(3);

/// What components tell, on its way out.
pub(crate) struct Reporting {
    telemetry: Arc<Telemetry>,
    service: Option<String>,
}

/// The task that sends.
pub(crate) struct Sending {
    telemetry: Arc<Telemetry>,
    task: JoinHandle<()>,
}

impl Reporting {
    /// Reads where to, and says what is sent nowhere.
    pub(crate) fn open() -> Result<Reporting> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let settings = settings(variable);
        if let Some(warning) = nowhere(&settings) {
            eprintln!("warning: {warning}");
        }
        let rules = OutboundRules { addresses: models::everywhere()?, ..OutboundRules::default() };
        let telemetry =
            Telemetry::new(&settings, rules, &TlsRoots::web()?).context("OTEL_EXPORTER_OTLP_…: the collector cannot be used")?;
        Ok(Reporting { telemetry: Arc::new(telemetry), service: variable(SERVICE_NAME) })
    }

    /// A component as it is named to the collector.
    pub(crate) fn source(&self, app: &str, component: &str) -> Arc<TelemetrySource> {
        Arc::new(TelemetrySource::new(&self.telemetry, self.service.as_deref().unwrap_or(app), component))
    }

    /// Begins to send.
    pub(crate) fn start(&self) -> Sending {
        let telemetry = Arc::clone(&self.telemetry);
        let task = tokio::spawn(async move { telemetry.run().await });
        Sending { telemetry: Arc::clone(&self.telemetry), task }
    }
}

impl Sending {
    /// Sends what is left, as far as there is time.
    pub(crate) async fn finish(self) {
        self.telemetry.close();
        if timeout(FINISH_TIME_MAX, self.task).await.is_err() {
            eprintln!("warning: stopped before all telemetry was sent");
        }
    }
}

/// Shows how much was dropped, where anything is told.
pub(crate) fn count(metrics: Metrics, reporting: Option<&Reporting>) -> Metrics {
    let Some(reporting) = reporting else { return metrics };
    let telemetry = Arc::clone(&reporting.telemetry);
    metrics.with_counter(
        "spell_telemetry_dropped",
        "Spans, points of metrics and log records of guests that were dropped",
        "reason",
        move || Dropped::ALL.map(|reason| (reason.name(), telemetry.dropped(reason))).to_vec(),
    )
}

/// Says how to get what a component imports.
pub(crate) fn explain(error: LoadError) -> Error {
    match &error {
        LoadError::Link { reason } if reason.contains("wasi:otel/") => {
            anyhow!("{error}; `wasi:otel` is there only with the flag --experimental-wasi-otel, at version 0.2.0-rc.2")
        }
        _ => error.into(),
    }
}

/// The address for all has the kind behind it; one of a kind is taken as it is.
fn settings(variable: impl Fn(&str) -> Option<String>) -> TelemetrySettings {
    let general = variable(ENDPOINT);
    let endpoint = |name: &str, path: &str| {
        let of_all = || general.as_ref().map(|base| format!("{}/v1/{path}", base.trim_end_matches('/')));
        variable(name).or_else(of_all)
    };
    TelemetrySettings {
        traces: endpoint(TRACES_ENDPOINT, "traces"),
        metrics: endpoint(METRICS_ENDPOINT, "metrics"),
        logs: endpoint(LOGS_ENDPOINT, "logs"),
        headers: variable(HEADERS).unwrap_or_default(),
    }
}

/// What there is no place for.
fn nowhere(settings: &TelemetrySettings) -> Option<String> {
    let kinds = [("spans", &settings.traces), ("metrics", &settings.metrics), ("log records", &settings.logs)];
    let kinds: Vec<&str> = kinds.into_iter().filter(|(_, endpoint)| endpoint.is_none()).map(|(kind, _)| kind).collect();
    (!kinds.is_empty()).then(|| format!("{} of components are counted and dropped: {ENDPOINT} names no collector", kinds.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_for_all_has_the_kind_behind_it_and_one_of_a_kind_is_taken_as_it_is() {
        let read = |variables: &[(&str, &str)]| {
            settings(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        for (variables, [traces, metrics, logs], warning) in [
            (&[][..], [None, None, None], Some("spans, metrics, log records")),
            (
                &[(ENDPOINT, "http://c:4318/"), (LOGS_ENDPOINT, "http://l")],
                [Some("http://c:4318/v1/traces"), Some("http://c:4318/v1/metrics"), Some("http://l")],
                None,
            ),
            (&[(TRACES_ENDPOINT, "http://t/x")], [Some("http://t/x"), None, None], Some("metrics, log records")),
        ] {
            let settings = read(variables);
            assert_eq!([settings.traces.as_deref(), settings.metrics.as_deref(), settings.logs.as_deref()], [traces, metrics, logs]);
            let said = nowhere(&settings);
            assert_eq!(said.is_some(), warning.is_some(), "{said:?}");
            assert!(warning.is_none_or(|kinds| said.is_some_and(|said| said.starts_with(&format!("{kinds} of components")))));
        }
    }
}
