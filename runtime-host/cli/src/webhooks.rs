//! Deliveries to webhooks, sent by the host's own calls: judged and dialled as guests' requests are.
//!
//! It knows what stands in the way of a call, and how much of that a tenant is told. It must never know which cast it is about.

use crate::grants::addresses;
use anyhow::Result;
use spell_api::{WEBHOOK_ANSWER_BYTES_MAX, webhook_answered, webhook_request};
use spell_capabilities::{FetchFailure, FetchRules, Fetcher, TlsRoots};
use spell_cast::{ATTEMPT_TIME_MAX, Courier, Handed, Letter, UrlRefused, Verdict};
use spell_manifest::{OperatorConfig, Setting};
use spell_types::BoxFuture;
use std::time::SystemTime;

/// Delivers over HTTP.
pub(crate) struct HttpCourier {
    fetcher: Fetcher,
    takes_http: bool,
}

impl HttpCourier {
    /// Under what the operator lets be reached.
    pub(crate) fn new(config: &OperatorConfig) -> Result<Self> {
        let settings = &config.settings;
        let rules = FetchRules {
            addresses: addresses(config)?,
            connect_timeout: settings.time(Setting::ConnectTime),
            first_byte_timeout: settings.time(Setting::FirstByteTime).min(ATTEMPT_TIME_MAX),
            between_bytes_timeout: settings.time(Setting::OutboundIdleTime).min(ATTEMPT_TIME_MAX),
            whole_timeout: ATTEMPT_TIME_MAX,
        };
        Ok(Self { fetcher: Fetcher::new(rules, &TlsRoots::machine()?), takes_http: config.webhooks_allow_http })
    }

    async fn send(&self, letter: &Letter) -> Result<Handed, String> {
        self.judge(&letter.url).map_err(|refused| refused.to_string())?;
        let request = webhook_request(letter).map_err(|error| error.to_string())?;
        match self.fetcher.call(request, WEBHOOK_ANSWER_BYTES_MAX).await {
            Ok(answer) => Ok(webhook_answered(&answer, SystemTime::now())),
            Err(error) => {
                tracing::info!(delivery = letter.id, webhook = letter.webhook_id, %error, "a webhook was not reached");
                Err(told(&error.failure).to_owned())
            }
        }
    }
}

impl Courier for HttpCourier {
    fn judge(&self, url: &str) -> Result<(), UrlRefused> {
        let is_https = url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
        if !is_https && !self.takes_http {
            let reason = "it must begin with `https://`; the operator can allow `http` as `webhooks.allow_http`";
            return Err(UrlRefused(reason.to_owned()));
        }
        self.fetcher.judge(url).map_err(|error| UrlRefused(error.to_string()))
    }

    fn hand_over<'a>(&'a self, letter: Letter) -> BoxFuture<'a, Handed> {
        Box::pin(async move {
            let failed = |error| Handed { verdict: Verdict::Again(None), status: None, error: Some(error) };
            self.send(&letter).await.unwrap_or_else(failed)
        })
    }
}

/// What a tenant is told: nothing of the network of the host, such as what a name leads to there.
fn told(failure: &FetchFailure) -> &'static str {
    match failure {
        FetchFailure::AddressRefused(_) => "its address may not be reached",
        FetchFailure::NoAnswer(_) | FetchFailure::AnswerTooSlow(_) | FetchFailure::Silent(_) => "it did not answer in time",
        FetchFailure::TooLarge(_) => "its answer has more than 64 KiB",
        FetchFailure::BadUrl(_) => "its URL cannot be asked",
        FetchFailure::Broken(_) => "its answer broke off",
        _ => "it cannot be reached",
    }
}
