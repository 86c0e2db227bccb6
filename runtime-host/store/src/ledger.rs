//! Casts and the keys that stand for them, as tables. It knows how far each cast is; it must never know how a cast is executed, or who asks.

mod idempotency;
mod records;

use crate::Database;
use crate::queue::JobError;
use idempotency::Standing;
use rusqlite::Connection;
use spell_cast::{CastRecord, Ending, Idempotency, Ledger, LedgerError, Recorded, Reserved, Trend};
use spell_types::TenantId;
use std::time::SystemTime;

type Failure = JobError<LedgerError>;

impl Database {
    /// Says of every cast that is still running that nobody knows what it did, and tells how many these are.
    ///
    /// For the host alone, once, when it has opened the database and before it casts: what runs then, ran in a host that ended. Whoever
    /// opens the file beside a host must not call it.
    pub async fn claim_casts(&self) -> Result<u64, LedgerError> {
        self.write(records::end_all).await.map_err(to_error)
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
    fn reserve<'a>(&'a self, cast: CastRecord, idempotency: Option<Idempotency>) -> Recorded<'a, Reserved> {
        let reserve = move |connection: &Connection| {
            let standing = match &idempotency {
                Some(idempotency) => idempotency::stands(connection, &cast.tenant, idempotency, Some(cast.created_at))?,
                None => Standing::Free,
            };
            if standing == Standing::Free {
                records::insert(connection, &cast)?;
                if let Some(idempotency) = &idempotency {
                    idempotency::keep(connection, &cast, idempotency)?;
                }
            }
            idempotency::delete_old(connection, cast.created_at)?;
            Ok(standing)
        };
        Box::pin(async move { self.reserved(self.write(reserve).await.map_err(to_error)?).await })
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
        let finish = move |connection: &Connection| records::finish(connection, &id, &ending);
        Box::pin(async move { self.write(finish).await.map_err(to_error) })
    }

    fn record<'a>(&'a self, casts: Vec<CastRecord>) -> Recorded<'a, ()> {
        let record = move |connection: &Connection| casts.iter().try_for_each(|cast| records::insert_ended(connection, cast));
        Box::pin(async move { self.write(record).await.map_err(to_error) })
    }

    fn cast<'a>(&'a self, tenant: &'a TenantId, id: &'a str) -> Recorded<'a, Option<CastRecord>> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        let find = move |connection: &Connection| records::find(connection, &tenant, &id);
        Box::pin(async move { self.read(find).await.map_err(to_error) })
    }

    fn casts<'a>(&'a self, tenant: &'a TenantId, before: Option<&'a str>, count_max: usize) -> Recorded<'a, Vec<CastRecord>> {
        let (tenant, before) = (tenant.clone(), before.map(str::to_owned));
        let list = move |connection: &Connection| records::list(connection, &tenant, before.as_deref(), count_max);
        Box::pin(async move { self.read(list).await.map_err(to_error) })
    }

    fn forget_some<'a>(&'a self, before: SystemTime) -> Recorded<'a, u64> {
        let forget = move |connection: &Connection| records::delete_some(connection, before);
        Box::pin(async move { self.write(forget).await.map_err(to_error) })
    }

    fn trends<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, since: SystemTime) -> Recorded<'a, Vec<Trend>> {
        let (tenant, spell_id) = (tenant.clone(), spell_id.to_owned());
        let sum_up = move |connection: &Connection| records::trends(connection, &tenant, &spell_id, since);
        Box::pin(async move { self.read(sum_up).await.map_err(to_error) })
    }
}

fn to_error(error: Failure) -> LedgerError {
    error.reason("ledger", LedgerError::Full, LedgerError::Unavailable)
}
