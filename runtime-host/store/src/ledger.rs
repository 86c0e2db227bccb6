//! Casts and the keys that stand for them, as tables. It knows how far each cast is; it must never know how a cast is executed, or who asks.

mod admission;
mod engines;
mod idempotency;
mod records;

pub(crate) use records::without_output as cast_without_output;

use crate::queue::JobError;
use crate::{Database, webhooks};
use idempotency::Standing;
use rusqlite::Connection;
use spell_cast::{CastRecord, Ending, EngineChoice, Event, Idempotency, Ledger, LedgerError, Recorded, Reserved, WorkflowRun};
use spell_types::TenantId;
use std::time::SystemTime;

type Failure = JobError<LedgerError>;

impl Database {
    /// Says of every cast that is still running that nobody knows what it did, and tells how many these are.
    ///
    /// For the host alone, once, when it has opened the database and before it casts: what runs then, ran in a host that ended. Whoever
    /// opens the file beside a host must not call it.
    pub async fn claim_casts(&self) -> Result<u64, LedgerError> {
        let end_all = |connection: &Connection| {
            // Nobody says what time it is: it is the time at which it is noticed.
            webhooks::post(connection, Event::Indeterminate, SystemTime::now(), "casts.state = ?4", "running")?;
            records::end_all(connection)
        };
        self.write(end_all).await.map_err(to_error)
    }

    /// What a key came to. Records are read where nobody's writes wait for an output.
    async fn reserved(&self, standing: Standing) -> Result<Reserved, LedgerError> {
        match standing {
            Standing::Free => Ok(Reserved::New),
            Standing::Other => Ok(Reserved::OtherRequest),
            Standing::Same(id) => {
                let record = self.read(move |connection| records::known(connection, &id)).await.map_err(to_error)?;
                Ok(Reserved::Known(Box::new(record)))
            }
        }
    }
}

impl Ledger for Database {
    fn reserve<'a>(&'a self, cast: CastRecord, idempotency: Option<Idempotency>, cost_cents_max: u64) -> Recorded<'a, Reserved> {
        let allowance = self.allowance();
        let reserve = move |connection: &Connection| {
            let standing = match &idempotency {
                Some(idempotency) => idempotency::stands(connection, &cast.tenant, idempotency, Some(cast.created_at))?,
                None => Standing::Free,
            };
            // A key that stands for something costs nothing, and is refused nothing.
            let refused = match standing {
                Standing::Free => admission::admit(connection, &cast, cost_cents_max, &allowance)?,
                Standing::Same(_) | Standing::Other => None,
            };
            if standing == Standing::Free && refused.is_none() {
                records::insert(connection, &cast, cost_cents_max)?;
                if let Some(idempotency) = &idempotency {
                    idempotency::keep(connection, &cast, idempotency)?;
                }
            }
            idempotency::delete_old(connection, cast.created_at)?;
            Ok((standing, refused))
        };
        Box::pin(async move {
            let (standing, refused) = self.write(reserve).await.map_err(to_error)?;
            match refused {
                Some(refused) => Ok(refused),
                None => self.reserved(standing).await,
            }
        })
    }

    fn known<'a>(&'a self, tenant: &'a TenantId, idempotency: &'a Idempotency) -> Recorded<'a, Option<Reserved>> {
        let (tenant, idempotency) = (tenant.clone(), idempotency.clone());
        // Nobody says what time it is, so a key stands here until the first reservation after its time removes it.
        let find = move |connection: &Connection| idempotency::stands(connection, &tenant, &idempotency, None);
        Box::pin(async move {
            let reserved = self.reserved(self.read(find).await.map_err(to_error)?).await?;
            Ok((reserved != Reserved::New).then_some(reserved))
        })
    }

    fn finish<'a>(&'a self, id: &'a str, ending: Ending) -> Recorded<'a, ()> {
        let id = id.to_owned();
        let finish = move |connection: &Connection| {
            records::finish(connection, &id, &ending)?;
            let event = if ending.result.is_ok() { Event::Completed } else { Event::Failed };
            Ok(webhooks::post(connection, event, ending.ended_at, "casts.id = ?4", &id)?)
        };
        Box::pin(async move { self.write(finish).await.map_err(to_error) })
    }

    fn lose<'a>(&'a self, id: &'a str) -> Recorded<'a, ()> {
        let id = id.to_owned();
        let lose = move |connection: &Connection| {
            webhooks::post(connection, Event::Indeterminate, SystemTime::now(), "casts.id = ?4", &id)?;
            records::lose(connection, &id)
        };
        Box::pin(async move { self.write(lose).await.map_err(to_error) })
    }

    fn note_engine<'a>(&'a self, id: &'a str, engine: EngineChoice, reason: &'a str, run: Option<&'a WorkflowRun>) -> Recorded<'a, ()> {
        let (id, reason, run) = (id.to_owned(), reason.to_owned(), run.cloned());
        let note = move |connection: &Connection| engines::note(connection, &id, engine, &reason, run.as_ref());
        Box::pin(async move { self.write(note).await.map_err(to_error) })
    }

    fn cast<'a>(&'a self, tenant: &'a TenantId, id: &'a str) -> Recorded<'a, Option<CastRecord>> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        let find = move |connection: &Connection| records::find(connection, &tenant, &id);
        Box::pin(async move { self.read(find).await.map_err(to_error) })
    }

    fn casts<'a>(&'a self, tenant: &'a TenantId, before: Option<&'a str>, count_max: usize) -> Recorded<'a, Vec<CastRecord>> {
        let (tenant, before) = (tenant.clone(), before.map(str::to_owned));
        let list = move |connection: &Connection| records::list(connection, &tenant, None, before.as_deref(), count_max);
        Box::pin(async move { self.read(list).await.map_err(to_error) })
    }

    fn casts_of_spell<'a>(
        &'a self,
        tenant: &'a TenantId,
        spell_id: &'a str,
        before: Option<&'a str>,
        count_max: usize,
    ) -> Recorded<'a, Vec<CastRecord>> {
        let (tenant, spell_id, before) = (tenant.clone(), spell_id.to_owned(), before.map(str::to_owned));
        let list = move |connection: &Connection| records::list(connection, &tenant, Some(&spell_id), before.as_deref(), count_max);
        Box::pin(async move { self.read(list).await.map_err(to_error) })
    }

    fn forget_some<'a>(&'a self, before: SystemTime) -> Recorded<'a, u64> {
        let forget = move |connection: &Connection| records::delete_some(connection, before);
        Box::pin(async move { self.write(forget).await.map_err(to_error) })
    }

    fn cost_cents_mean<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, engine: EngineChoice) -> Recorded<'a, Option<u64>> {
        let (tenant, spell_id) = (tenant.clone(), spell_id.to_owned());
        let average = move |connection: &Connection| records::cost_cents_mean(connection, &tenant, &spell_id, engine);
        Box::pin(async move { self.read(average).await.map_err(to_error) })
    }
}

fn to_error(error: Failure) -> LedgerError {
    error.reason("ledger", LedgerError::Full, LedgerError::Unavailable)
}
