//! Whoever asks for the network on behalf of one request: what it has asked for is counted, and judged by the manifest.
//!
//! This module knows the request's counters and the rules for destinations. It must never know what is sent.

use super::{Enforcement, Outbound};
use crate::{Grants, Rule};
use spell_policy::{AddressRefused, Destination};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// A request that asks.
#[derive(Clone)]
pub(crate) struct Asking {
    pub(super) grants: Arc<Grants>,
    pub(super) shared: Arc<Shared>,
    pub(super) requests_max: u64,
}

/// There is no place for another connection.
pub(super) struct NoPlace;

/// What everything that asks on behalf of one request has in common.
pub(super) struct Shared {
    /// The places of the request's connections.
    pub(super) concurrent: Arc<Semaphore>,
    requests: AtomicU64,
    refused: AtomicU64,
}

impl Shared {
    pub(super) fn new(concurrent_max: usize) -> Shared {
        let concurrent = Arc::new(Semaphore::new(concurrent_max.min(Semaphore::MAX_PERMITS)));
        Shared { concurrent, requests: AtomicU64::new(0), refused: AtomicU64::new(0) }
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Counts a refusal; true for the first of a request, the only one that is worth a line on the terminal.
    pub(super) fn refuse(&self) -> bool {
        self.refused.fetch_add(1, Ordering::Relaxed) == 0
    }
}

impl Asking {
    /// Counts one more request or connection; false if it is one too many.
    pub(crate) fn count(&self) -> bool {
        let before = self.shared.requests.fetch_add(1, Ordering::Relaxed);
        if before < self.requests_max {
            return true;
        }
        let component = &self.grants.component;
        if before == self.requests_max {
            self.grants.audit.refused(component, Rule::OutboundRequests, &self.requests_max.to_string(), true);
        }
        if self.shared.refuse() {
            tracing::warn!(%component, limit = self.requests_max, "outbound request refused: limit outbound_requests reached");
        }
        false
    }

    /// Notes a request or an address that is none; `subject` is what may be shown of it.
    pub(super) fn note_unreadable(&self, subject: &str, error: &dyn std::fmt::Display) {
        self.grants.audit.refused(&self.grants.component, Rule::OutboundRequest, subject, true);
        if self.shared.refuse() {
            tracing::warn!(component = %self.grants.component, %error, "outbound request refused: it cannot be sent as it is");
        }
    }

    /// The way to a destination that the manifest names; `None` if it is refused.
    pub(super) fn judge(&self, destination: &Destination) -> Option<Arc<Outbound>> {
        let component = &self.grants.component;
        let Some(outbound) = self.grants.outbound.clone() else {
            self.grants.audit.refused(component, Rule::OutboundHost, &destination.to_string(), true);
            self.shared.refuse();
            return None;
        };
        if outbound.rules.allowed.allows(destination) {
            return Some(outbound);
        }
        let is_enforced = outbound.rules.enforcement == Enforcement::Enforce;
        self.grants.audit.refused(component, Rule::OutboundHost, &destination.to_string(), is_enforced);
        if self.shared.refuse() {
            report_not_allowed(component, destination, is_enforced);
        }
        (!is_enforced).then_some(outbound)
    }

    /// What notes each address of a destination that may not be reached.
    pub(super) fn noting(&self, outbound: &Outbound, destination: &str) -> impl Fn(&AddressRefused) + Send + Sync + use<> {
        let (grants, destination) = (Arc::clone(&self.grants), destination.to_owned());
        let is_enforced = outbound.rules.enforcement == Enforcement::Enforce;
        move |reason| grants.audit.refused(&grants.component, Rule::OutboundAddress, &format!("{destination}: {reason}"), is_enforced)
    }

    /// Places of a connection that the guest holds for as long as it likes: one among those of this request, which only the guest
    /// itself can make free; and, as they become free until the deadline, one among the component's and those that all components
    /// share.
    pub(super) async fn places(&self, outbound: &Outbound, scheme: &str, deadline: Instant) -> Result<Vec<OwnedSemaphorePermit>, NoPlace> {
        let own = Arc::clone(&self.shared.concurrent).try_acquire_owned();
        let own = own.map_err(|_| self.note_too_many(&outbound.rules.concurrent_per_request_max.to_string()))?;
        let component = timeout_at(deadline, Arc::clone(&outbound.concurrent).acquire_owned()).await.ok().and_then(Result::ok);
        let component = component.ok_or_else(|| self.note_too_many(&outbound.rules.concurrent_max.to_string()))?;
        let shared = timeout_at(deadline, outbound.places.take(scheme)).await;
        let shared = shared.map_err(|_| self.note_too_many("shared by all components"))?;
        Ok(shared.into_iter().chain([own, component]).collect())
    }

    fn note_too_many(&self, limit: &str) -> NoPlace {
        self.grants.audit.refused(&self.grants.component, Rule::OutboundConnections, limit, true);
        self.shared.refuse();
        NoPlace
    }
}

fn report_not_allowed(component: &str, destination: &Destination, is_enforced: bool) {
    let hint = format!("allowed_outbound_hosts = [\"{}://{}\"]", destination.scheme(), destination.authority());
    let what = if is_enforced { "refused" } else { "only counted" };
    tracing::warn!(component, %destination, "outbound request {what}: the manifest would have to say {hint}");
}
