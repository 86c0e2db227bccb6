//! What a platform is put together from: where each thing is kept, what executes, and what the operator decided.
//!
//! It knows the traits and the defaults. It must never know what implements them.

use crate::{
    AdaptHere, Adapter, Budgets, CastLogs, CastObserver, Courier, IDEMPOTENCY_TIME, KeyRing, Ledger, Pepper, Prices, Reachable, Registry,
    Runner, Statistics, Webhooks, Workflows, cast_defaults,
};
use spell_types::Limits;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What a platform is put together from.
pub struct Parts {
    /// Where spells are kept.
    pub registry: Arc<dyn Registry>,
    /// Where casts are recorded.
    pub ledger: Arc<dyn Ledger>,
    /// Who has which key.
    pub keys: Arc<dyn KeyRing>,
    /// What hashes of keys are made with.
    pub pepper: Pepper,
    /// What executes.
    pub runner: Arc<dyn Runner>,
    /// What casts cost.
    pub prices: Prices,
    /// What spells may use that ask for nothing.
    pub defaults: Limits,
    /// What none may use more of.
    pub ceilings: Limits,
    /// How long casts stay on record, a day at least: for that long, their keys stand for them.
    pub retention: Duration,
    /// What time it is.
    pub now: fn() -> SystemTime,
    /// Where casts are summed up.
    pub statistics: Arc<dyn Statistics>,
    /// Where it is kept what casts print.
    pub logs: Arc<dyn CastLogs>,
    /// Who is told of each cast.
    pub observer: Arc<dyn CastObserver>,
    /// What spells may ask to reach.
    pub reachable: Reachable,
    /// Where webhooks are kept.
    pub webhooks: Arc<dyn Webhooks>,
    /// What delivers to them.
    pub courier: Arc<dyn Courier>,
    /// How long a delivery that was not taken waits the first time; later waits are in proportion.
    pub webhook_retry_first: Duration,
    /// Where budgets are kept.
    pub budgets: Arc<dyn Budgets>,
    /// What casts on GitHub, if the operator has set it up.
    pub github: Option<Arc<dyn Workflows>>,
    /// What makes programs components.
    pub adapter: Arc<dyn Adapter>,
}

impl Parts {
    /// Everything in one store, and the rest as it is where nobody says otherwise: no ceilings, nobody who is told, and programs that are
    /// adapted in this process.
    pub fn over<S>(store: &Arc<S>, runner: Arc<dyn Runner>, pepper: Pepper) -> Self
    where
        S: Registry + Ledger + KeyRing + Statistics + CastLogs + Webhooks + Budgets + 'static,
    {
        Self {
            registry: store.clone(),
            ledger: store.clone(),
            keys: store.clone(),
            pepper,
            runner,
            prices: Prices::default(),
            defaults: cast_defaults(),
            ceilings: Limits::unbounded(),
            retention: IDEMPOTENCY_TIME,
            now: SystemTime::now,
            statistics: store.clone(),
            logs: store.clone(),
            observer: Arc::new(()),
            reachable: Reachable::default(),
            webhooks: store.clone(),
            courier: Arc::new(()),
            webhook_retry_first: Duration::from_secs(5),
            budgets: store.clone(),
            github: None,
            adapter: Arc::new(AdaptHere),
        }
    }
}
