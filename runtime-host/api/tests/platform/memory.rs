//! A platform in memory: what is kept is in one map each, and programs do what their input says.
//!
//! It knows the traits of the pipeline. It must never know HTTP.

use bytes::Bytes;
use semver::Version;
use spell_cast::*;
use spell_types::{BoxFuture, Content, Digest, Limits, TenantId, Usage};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// A word in an input, and how the cast fails then.
pub(crate) const FAILURES: [(&str, FailedKind, &str); 9] = [
    ("refuse", FailedKind::Refused, "bad-input"),
    ("trap", FailedKind::Trapped, "trapped"),
    ("time-out", FailedKind::TimedOut, "time"),
    ("use-memory", FailedKind::Limit, "memory"),
    ("use-fuel", FailedKind::Limit, "fuel"),
    ("busy", FailedKind::Busy, "busy"),
    ("corrupt", FailedKind::Corrupt, "module-corrupt"),
    ("full", FailedKind::Full, "storage-full"),
    ("host", FailedKind::Host, "host"),
];

/// The input of a program that runs until it is released.
pub(crate) const HOLD: &str = "hold";

#[derive(Default)]
pub(crate) struct Memory {
    spells: Mutex<Vec<Spell>>,
    modules: Mutex<Vec<NewModule>>,
    casts: Mutex<Vec<(CastRecord, Option<Idempotency>)>>,
    keys: Mutex<HashMap<[u8; 32], ApiKey>>,
    /// What the registry says to everything, if it says something.
    pub(crate) registry_says: Mutex<Option<RegistryError>>,
    /// The budget of every tenant.
    pub(crate) budget: Mutex<Budget>,
    /// How a reservation is refused, if it is.
    pub(crate) refuses: Mutex<Option<Reserved>>,
    /// What the ledger says to everything.
    pub(crate) ledger_says: Mutex<Option<LedgerError>>,
    /// How many programs ran.
    pub(crate) runs: Mutex<usize>,
    /// Whether programs end whose input is [`HOLD`].
    pub(crate) is_released: watch::Sender<bool>,
    pub(crate) logs: Mutex<HashMap<String, CastLog>>,
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap()
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Memory {
    fn is_usable(&self) -> Result<(), RegistryError> {
        lock(&self.registry_says).clone().map_or(Ok(()), Err)
    }

    fn is_writable(&self) -> Result<(), LedgerError> {
        lock(&self.ledger_says).map_or(Ok(()), Err)
    }

    fn find(&self, tenant: &TenantId, name: &str) -> Result<Spell, RegistryError> {
        self.is_usable()?;
        let spells = lock(&self.spells);
        let found = spells.iter().find(|spell| spell.tenant == *tenant && (spell.key.as_str() == name || spell.id == name));
        found.cloned().ok_or(RegistryError::NoSpell)
    }

    fn update(&self, tenant: &TenantId, id: &str, change: impl FnOnce(&mut Spell)) -> Result<Spell, RegistryError> {
        self.find(tenant, id)?;
        let mut spells = lock(&self.spells);
        let spell = spells.iter_mut().find(|spell| spell.id == id).ok_or(RegistryError::NoSpell)?;
        change(spell);
        Ok(spell.clone())
    }

    fn newest_first(&self, spell_id: &str) -> Vec<Module> {
        lock(&self.modules).iter().rev().map(|new| new.module.clone()).filter(|module| module.spell_id == spell_id).collect()
    }

    /// The last cast is as it was when the host ended.
    pub(crate) fn forget_the_end_of_the_last_cast(&self, state: CastState) {
        lock(&self.casts).last_mut().unwrap().0.state = state;
    }
}

impl Registry for Memory {
    fn create<'a>(&'a self, spell: Spell) -> Registered<'a, Spell> {
        let taken = self.find(&spell.tenant, spell.key.as_str());
        ready(match taken {
            Ok(known) => Err(RegistryError::KeyTaken(known.key)),
            Err(RegistryError::NoSpell) => {
                lock(&self.spells).push(spell.clone());
                Ok(spell)
            }
            Err(error) => Err(error),
        })
    }

    fn spell<'a>(&'a self, tenant: &'a TenantId, key_or_id: &'a str) -> Registered<'a, Spell> {
        ready(self.find(tenant, key_or_id))
    }

    fn spells<'a>(&'a self, tenant: &'a TenantId, after: Option<&'a str>, count_max: usize) -> Registered<'a, Vec<Spell>> {
        let mut own: Vec<Spell> = lock(&self.spells).iter().filter(|spell| spell.tenant == *tenant).cloned().collect();
        own.sort_by(|one, other| one.key.cmp(&other.key));
        ready(Ok(own.into_iter().filter(|spell| after.is_none_or(|after| spell.key.as_str() > after)).take(count_max).collect()))
    }

    fn change<'a>(&'a self, tenant: &'a TenantId, id: &'a str, about: About, at: SystemTime) -> Registered<'a, Spell> {
        ready(self.update(tenant, id, |spell| (spell.about, spell.updated_at) = (about, at)))
    }

    fn delete<'a>(&'a self, tenant: &'a TenantId, id: &'a str) -> Registered<'a, ()> {
        let found = self.find(tenant, id).map(drop);
        lock(&self.spells).retain(|spell| spell.id != id);
        ready(found)
    }

    fn publish<'a>(&'a self, tenant: &'a TenantId, new: NewModule) -> Registered<'a, Module> {
        let module = new.module.clone();
        let known = self.newest_first(&module.spell_id).into_iter().find(|known| known.version == module.version);
        ready(match known {
            Some(known) if known.digest == module.digest => Ok(known),
            Some(known) => Err(RegistryError::VersionTaken(known.version)),
            None => self
                .update(tenant, &module.spell_id, |spell| {
                    if new.activates {
                        spell.active = Some(module.version.clone());
                    }
                })
                .map(|_| {
                    lock(&self.modules).push(new);
                    module
                }),
        })
    }

    fn modules<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str) -> Registered<'a, Vec<Module>> {
        ready(self.find(tenant, spell_id).map(|spell| self.newest_first(&spell.id)))
    }

    fn module<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, version: Option<&'a Version>) -> Registered<'a, Module> {
        ready(self.find(tenant, spell_id).and_then(|spell| {
            let wanted = version.cloned().or(spell.active).ok_or(RegistryError::NoModule)?;
            self.newest_first(&spell.id).into_iter().find(|module| module.version == wanted).ok_or(RegistryError::NoModule)
        }))
    }

    fn castable<'a>(
        &'a self,
        tenant: &'a TenantId,
        key_or_id: &'a str,
        version: Option<&'a Version>,
    ) -> Registered<'a, (Spell, Option<Module>)> {
        ready(self.find(tenant, key_or_id).map(|spell| {
            let wanted = version.cloned().or(spell.active.clone());
            let module = self.newest_first(&spell.id).into_iter().find(|module| Some(&module.version) == wanted.as_ref());
            (spell, module)
        }))
    }

    fn activate<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, version: &'a Version, at: SystemTime) -> Registered<'a, Spell> {
        let is_there = self.newest_first(spell_id).iter().any(|module| module.version == *version);
        let activated = || self.update(tenant, spell_id, |spell| (spell.active, spell.updated_at) = (Some(version.clone()), at));
        ready(if is_there { activated() } else { Err(RegistryError::NoModule) })
    }

    fn delete_module<'a>(&'a self, tenant: &'a TenantId, module_id: &'a str) -> Registered<'a, ()> {
        let found = lock(&self.modules).iter().map(|new| new.module.clone()).find(|module| module.id == module_id);
        ready(found.ok_or(RegistryError::NoModule).and_then(|module| {
            let spell = self.find(tenant, &module.spell_id).map_err(|_| RegistryError::NoModule)?;
            if spell.active.as_ref() == Some(&module.version) {
                return Err(RegistryError::Active(module.version));
            }
            lock(&self.modules).retain(|new| new.module.id != module_id);
            Ok(())
        }))
    }

    fn program<'a>(&'a self, digest: &'a Digest) -> Registered<'a, Bytes> {
        let found = lock(&self.modules).iter().find(|new| new.module.component == *digest).map(|new| new.component.clone());
        ready(found.ok_or(RegistryError::Unavailable))
    }
}

impl Ledger for Memory {
    fn reserve<'a>(&'a self, cast: CastRecord, idempotency: Option<Idempotency>, _: u64) -> Recorded<'a, Reserved> {
        let known = idempotency.as_ref().and_then(|key| self.standing(&cast.tenant, key));
        ready(self.is_writable().map(|()| {
            known.or_else(|| lock(&self.refuses).clone()).unwrap_or_else(|| {
                lock(&self.casts).push((cast, idempotency.clone()));
                Reserved::New
            })
        }))
    }

    fn known<'a>(&'a self, tenant: &'a TenantId, idempotency: &'a Idempotency) -> Recorded<'a, Option<Reserved>> {
        ready(self.is_writable().map(|()| self.standing(tenant, idempotency)))
    }

    fn finish<'a>(&'a self, id: &'a str, ending: Ending) -> Recorded<'a, ()> {
        lock(&self.casts)
            .iter_mut()
            .filter(|(cast, _)| cast.id == id)
            .for_each(|(cast, _)| cast.state = CastState::Ended(Box::new(ending.clone())));
        ready(Ok(()))
    }

    fn lose<'a>(&'a self, id: &'a str) -> Recorded<'a, ()> {
        let mut casts = lock(&self.casts);
        casts.iter_mut().filter(|(cast, _)| cast.id == id).for_each(|(cast, _)| cast.state = CastState::Indeterminate);
        ready(Ok(()))
    }

    fn note_engine<'a>(&'a self, id: &'a str, engine: EngineChoice, reason: &'a str, run: Option<&'a WorkflowRun>) -> Recorded<'a, ()> {
        for (cast, _) in lock(&self.casts).iter_mut().filter(|(cast, _)| cast.id == id) {
            (cast.engine, cast.engine_reason, cast.run) = (engine, reason.to_owned(), run.cloned());
        }
        ready(Ok(()))
    }

    fn cast<'a>(&'a self, tenant: &'a TenantId, id: &'a str) -> Recorded<'a, Option<CastRecord>> {
        let casts = lock(&self.casts);
        ready(Ok(casts.iter().map(|(cast, _)| cast).find(|cast| cast.tenant == *tenant && cast.id == id).cloned()))
    }

    fn casts<'a>(&'a self, tenant: &'a TenantId, before: Option<&'a str>, count_max: usize) -> Recorded<'a, Vec<CastRecord>> {
        let casts = lock(&self.casts);
        let mut own: Vec<_> = casts.iter().map(|(cast, _)| cast.clone()).filter(|cast| cast.tenant == *tenant).collect();
        own.sort_by(|one, other| other.id.cmp(&one.id));
        ready(Ok(own.into_iter().filter(|cast| before.is_none_or(|before| cast.id.as_str() < before)).take(count_max).collect()))
    }

    fn forget_some<'a>(&'a self, _: SystemTime) -> Recorded<'a, u64> {
        ready(Ok(0))
    }

    fn casts_of_spell<'a>(
        &'a self,
        tenant: &'a TenantId,
        spell_id: &'a str,
        before: Option<&'a str>,
        count_max: usize,
    ) -> Recorded<'a, Vec<CastRecord>> {
        let casts = lock(&self.casts);
        let is_wanted = |cast: &&CastRecord| {
            cast.tenant == *tenant && cast.spell_id == spell_id && before.is_none_or(|before| cast.id.as_str() < before)
        };
        let mut own: Vec<_> = casts.iter().map(|(cast, _)| cast).filter(is_wanted).cloned().collect();
        own.sort_by(|one, other| other.id.cmp(&one.id));
        own.truncate(count_max);
        ready(Ok(own))
    }

    fn cost_cents_mean<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, _: EngineChoice) -> Recorded<'a, Option<u64>> {
        let casts = lock(&self.casts);
        let own = casts.iter().filter(|(cast, _)| cast.tenant == *tenant && cast.spell_id == spell_id);
        let costs: Vec<u64> = own
            .filter_map(|(cast, _)| match &cast.state {
                CastState::Ended(ending) => Some(ending.cost_cents),
                CastState::Running | CastState::Indeterminate => None,
            })
            .collect();
        ready(Ok((!costs.is_empty()).then(|| costs.iter().sum::<u64>().div_ceil(costs.len() as u64))))
    }
}

impl Memory {
    fn standing(&self, tenant: &TenantId, wanted: &Idempotency) -> Option<Reserved> {
        let casts = lock(&self.casts);
        let is_it = |key: &Option<Idempotency>| key.as_ref().is_some_and(|key| key.key == wanted.key);
        let (cast, key) = casts.iter().find(|(cast, key)| cast.tenant == *tenant && is_it(key))?;
        let is_same = key.as_ref() == Some(wanted);
        Some(if is_same { Reserved::Known(Box::new(cast.clone())) } else { Reserved::OtherRequest })
    }
}

impl KeyRing for Memory {
    fn add<'a>(&'a self, key: ApiKey, hash: [u8; 32]) -> BoxFuture<'a, Result<(), KeyRingError>> {
        lock(&self.keys).insert(hash, key);
        ready(Ok(()))
    }

    fn find<'a>(&'a self, hash: [u8; 32]) -> BoxFuture<'a, Result<Option<ApiKey>, KeyRingError>> {
        ready(Ok(lock(&self.keys).get(&hash).cloned()))
    }

    fn list<'a>(&'a self, tenant: Option<&'a TenantId>) -> BoxFuture<'a, Result<Vec<ApiKey>, KeyRingError>> {
        let keys = lock(&self.keys);
        let mut own: Vec<_> = keys.values().filter(|key| tenant.is_none_or(|tenant| key.tenant == *tenant)).cloned().collect();
        own.sort_by(|one, other| one.id.cmp(&other.id));
        ready(Ok(own))
    }

    fn revoke<'a>(&'a self, tenant: Option<&'a TenantId>, id: &'a str, at: SystemTime) -> BoxFuture<'a, Result<bool, KeyRingError>> {
        let mut keys = lock(&self.keys);
        let found = keys.values_mut().find(|key| key.id == id && tenant.is_none_or(|tenant| key.tenant == *tenant));
        ready(Ok(found.map(|key| key.revoked_at = Some(at)).is_some()))
    }
}

impl Budgets for Memory {
    fn budget<'a>(&'a self, _: &'a TenantId, _: Month) -> Recorded<'a, Budget> {
        ready(self.is_writable().map(|()| *lock(&self.budget)))
    }

    fn all_budgets<'a>(&'a self, _: Month) -> Recorded<'a, Vec<(TenantId, Budget)>> {
        ready(Ok(Vec::new()))
    }

    fn set_operator_cap<'a>(&'a self, _: &'a TenantId, cap: OperatorCap) -> Recorded<'a, ()> {
        lock(&self.budget).operator = cap;
        ready(Ok(()))
    }

    fn set_own_cap<'a>(&'a self, _: &'a TenantId, cap_cents: Option<u64>) -> Recorded<'a, ()> {
        lock(&self.budget).own_cents = cap_cents;
        ready(Ok(()))
    }
}

impl Runner for Memory {
    fn check<'a>(&'a self, _: Abi, _: Digest, _: Bytes) -> BoxFuture<'a, Result<(), Failed>> {
        ready(Ok(()))
    }

    fn run<'a>(&'a self, _: Digest, input: Content, _: &'a Limits, _: &'a Reach, witness: &'a Arc<Witness>) -> BoxFuture<'a, Executed> {
        *lock(&self.runs) += 1;
        if let Some(printed) = input.bytes.strip_prefix(b"print ") {
            witness.prints(Stream::Stdout, printed);
        }
        let failure = FAILURES.iter().find(|(word, ..)| input.bytes == *word.as_bytes());
        let failed =
            |(_, kind, code): &(&str, FailedKind, &str)| Failed { kind: *kind, code: (*code).into(), message: format!("it says {code}") };
        let usage = Usage {
            wall: Duration::from_millis(1_500),
            memory_bytes_peak: 50 << 20,
            fuel: 9,
            bytes_in: 1,
            bytes_out: 2,
            ..Usage::default()
        };
        let is_held = input.bytes == *HOLD.as_bytes();
        let executed = Executed { result: failure.map_or(Ok(input), |failure| Err(failed(failure))), usage };
        let mut released = self.is_released.subscribe();
        Box::pin(async move {
            let _ = released.wait_for(|is_released| *is_released || !is_held).await;
            executed
        })
    }
}

/// Nothing is delivered: nobody polls.
impl Courier for Memory {
    fn judge(&self, url: &str) -> Result<(), UrlRefused> {
        if url.starts_with("https://") { Ok(()) } else { Err(UrlRefused("it must begin with `https://`".into())) }
    }

    fn hand_over<'a>(&'a self, _: Letter) -> BoxFuture<'a, Handed> {
        Box::pin(std::future::pending())
    }
}
