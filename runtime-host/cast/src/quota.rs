//! How many of everything a tenant can have.
//!
//! It knows numbers, and what is told to whoever meets one. It must never know what is counted, or where.

/// Something of which a tenant has a bounded number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// Its spells.
    Spells,
    /// Versions of one of them.
    Versions,
    /// Bytes of its programs, and of the components made of them.
    Stored,
    /// Its keys that are worth something.
    Keys,
    /// Its casts that have not ended.
    Running,
    /// Its casts of a day, in UTC.
    CastsPerDay,
}

impl Quota {
    /// Every one, as they stand in [`Quotas`].
    pub const ALL: [Quota; 6] = [Quota::Spells, Quota::Versions, Quota::Stored, Quota::Keys, Quota::Running, Quota::CastsPerDay];

    /// Its name in settings and refusals.
    pub fn name(self) -> &'static str {
        match self {
            Quota::Spells => "spells",
            Quota::Versions => "versions",
            Quota::Stored => "stored",
            Quota::Keys => "keys",
            Quota::Running => "running",
            Quota::CastsPerDay => "casts_per_day",
        }
    }
}

/// The numbers of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas([u64; Quota::ALL.len()]);

impl Quotas {
    /// As many of everything as there is room for.
    pub fn unbounded() -> Self {
        Self([u64::MAX; Quota::ALL.len()])
    }

    /// The most there can be.
    pub fn get(&self, quota: Quota) -> u64 {
        self.0[quota as usize]
    }

    /// Says how many there can be.
    #[must_use]
    pub fn with(mut self, quota: Quota, limit: u64) -> Self {
        self.0[quota as usize] = limit;
        self
    }

    /// Whether there can be this many.
    pub fn check(&self, quota: Quota, count: u64) -> Result<(), QuotaExceeded> {
        let limit = self.get(quota);
        if count > limit { Err(QuotaExceeded { quota, limit }) } else { Ok(()) }
    }
}

/// There can be no more of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct QuotaExceeded {
    /// Of what.
    pub quota: Quota,
    /// How many there can be.
    pub limit: u64,
}

impl QuotaExceeded {
    fn sentence(&self) -> String {
        let limit = self.limit;
        match self.quota {
            Quota::Spells => format!("a tenant has at most {limit} spells: delete one that is not needed"),
            Quota::Versions => format!("a spell has at most {limit} versions: delete one that is not active"),
            Quota::Stored => format!("the programs of a tenant have at most {limit} bytes together: delete versions that are not active"),
            Quota::Keys => format!("a tenant has at most {limit} API keys: revoke one that is not needed"),
            Quota::Running => format!("at most {limit} casts of a tenant run at a time: wait until one has ended"),
            Quota::CastsPerDay => format!("a tenant casts at most {limit} times a day: wait until the day is over, in UTC"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_can_be_as_many_as_the_limit_and_no_more() {
        for quota in Quota::ALL {
            let quotas = Quotas::unbounded().with(quota, 2);
            assert_eq!((quotas.check(quota, 2), quotas.check(quota, 3)), (Ok(()), Err(QuotaExceeded { quota, limit: 2 })));
            let mut others = Quota::ALL.into_iter().filter(|other| *other != quota);
            assert!(others.all(|other| quotas.check(other, u64::MAX).is_ok()));
            assert!(QuotaExceeded { quota, limit: 2 }.to_string().contains('2'));
        }
    }
}
