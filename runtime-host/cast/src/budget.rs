//! Budgets: what casts of a tenant may cost in a month, what they have cost, and what is set aside for those that run.
//!
//! It knows numbers and months. It must never know tables, or who asks.

use crate::ledger::Recorded;
use crate::quota::Quotas;
use spell_types::TenantId;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::{Date, OffsetDateTime};

/// The largest cap: more cents than there are, and far from where sums overflow.
pub const CAP_CENTS_MAX: u64 = 1_000_000_000_000_000;
/// The longest day there is.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A month, in UTC: how many there were since January 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(pub u32);

impl Month {
    /// The month of a time. What lies before 1970 or behind 9999 is taken for its beginning.
    ///
    /// ```
    /// use spell_cast::Month;
    /// use std::time::{Duration, SystemTime};
    ///
    /// let leap_day = SystemTime::UNIX_EPOCH + Duration::from_secs(951_782_400);
    /// assert_eq!(Month::of(leap_day).to_string(), "2000-02");
    /// assert_eq!(Month::of(leap_day).end(), leap_day + Duration::from_secs(24 * 60 * 60));
    /// ```
    pub fn of(time: SystemTime) -> Month {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let at = i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        let date = at.unwrap_or(OffsetDateTime::UNIX_EPOCH).date();
        let years = u32::try_from(date.year()).unwrap_or_default().saturating_sub(1970);
        Month(12 * years + u32::from(u8::from(date.month())) - 1)
    }

    /// When the next one begins.
    pub fn end(self) -> SystemTime {
        let (year, month) = Month(self.0.saturating_add(1)).parts();
        let date = time::Month::try_from(month).ok().and_then(|month| Date::from_calendar_date(year, month, 1).ok());
        let seconds = date.map(|date| date.midnight().assume_utc().unix_timestamp()).and_then(|seconds| u64::try_from(seconds).ok());
        seconds.map_or(UNIX_EPOCH, |seconds| UNIX_EPOCH + Duration::from_secs(seconds))
    }

    fn parts(self) -> (i32, u8) {
        (i32::try_from(1970 + u64::from(self.0 / 12)).unwrap_or(i32::MAX), (self.0 % 12 + 1) as u8)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = self.parts();
        write!(to, "{year:04}-{month:02}")
    }
}

/// How long it takes until a month is over.
pub(crate) fn rest_of_month(now: SystemTime) -> Duration {
    Month::of(now).end().duration_since(now).unwrap_or_default()
}

/// How long it takes until a day is over, in UTC.
pub(crate) fn rest_of_day(now: SystemTime) -> Duration {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    DAY - Duration::from_millis((since.as_millis() % DAY.as_millis()) as u64)
}

/// What the operator says of a tenant's budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OperatorCap {
    /// Nothing: it is that of all tenants.
    #[default]
    Default,
    /// There is none.
    Uncapped,
    /// It is this much a month.
    Cents(u64),
}

/// The money of a tenant in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// What the operator says of all tenants.
    pub default_cents: Option<u64>,
    /// What the operator says of this one.
    pub operator: OperatorCap,
    /// What the tenant says, which counts where it is less.
    pub own_cents: Option<u64>,
    /// What casts have cost that were begun in the month.
    pub spent_cents: u64,
    /// What those may still cost that run.
    pub reserved_cents: u64,
}

impl Budget {
    /// The operator's cap, if there is one.
    pub fn operator_cap_cents(&self) -> Option<u64> {
        match self.operator {
            OperatorCap::Default => self.default_cents,
            OperatorCap::Uncapped => None,
            OperatorCap::Cents(cents) => Some(cents),
        }
    }

    /// What may be spent in the month, if anybody set a bound.
    pub fn cap_cents(&self) -> Option<u64> {
        [self.operator_cap_cents(), self.own_cents].into_iter().flatten().min()
    }

    /// Sets aside what a cast may cost, if there is that much left.
    pub fn reserve(mut self, cost_cents_max: u64) -> Result<Budget, OverBudget> {
        let Budget { spent_cents, reserved_cents, .. } = self;
        let sum = spent_cents.saturating_add(reserved_cents).saturating_add(cost_cents_max);
        if let Some(cap_cents) = self.cap_cents().filter(|cap_cents| sum > *cap_cents) {
            return Err(OverBudget { spent_cents, reserved_cents, cap_cents, cost_cents_max });
        }
        self.reserved_cents = reserved_cents.saturating_add(cost_cents_max);
        Ok(self)
    }

    /// Spends what a cast costs in place of what was set aside for it.
    #[must_use]
    pub fn settle(mut self, cost_cents_max: u64, cost_cents: u64) -> Budget {
        self.reserved_cents = self.reserved_cents.saturating_sub(cost_cents_max);
        self.spent_cents = self.spent_cents.saturating_add(cost_cents);
        self
    }

    /// Spends what a cast turned out to cost of which nobody knew, so that all that it may cost was spent.
    #[must_use]
    pub fn correct(mut self, cost_cents_max: u64, cost_cents: u64) -> Budget {
        self.spent_cents = self.spent_cents.saturating_sub(cost_cents_max).saturating_add(cost_cents);
        self
    }
}

/// A cast may cost more than there is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "Budget cap exceeded. Current spend: {}, Monthly cap: {}, Estimated cost: {}",
    money(*spent_cents),
    money(*cap_cents),
    money(*cost_cents_max)
)]
pub struct OverBudget {
    /// What casts of the month have cost.
    pub spent_cents: u64,
    /// What those may still cost that run.
    pub reserved_cents: u64,
    /// What may be spent in the month.
    pub cap_cents: u64,
    /// What the cast may cost.
    pub cost_cents_max: u64,
}

impl OverBudget {
    /// Whether only casts that run are in its way.
    pub fn is_for_now(&self) -> bool {
        self.spent_cents.saturating_add(self.cost_cents_max) <= self.cap_cents
    }
}

fn money(cents: u64) -> String {
    format!("{cents} cents (${}.{:02})", cents / 100, cents % 100)
}

/// Why a tenant's word on its budget is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// It is more than the operator allows.
    #[error("the operator allows {cap_cents} cents a month: a tenant can only have less")]
    AboveOperator {
        /// What the operator allows.
        cap_cents: u64,
    },
    /// It cannot be kept.
    #[error(transparent)]
    Ledger(#[from] crate::LedgerError),
}

/// What every tenant is granted of whom nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How many of everything it can have.
    pub quotas: Quotas,
    /// What its casts may cost in a month.
    pub budget_cents: Option<u64>,
}

impl Default for Allowance {
    /// Everything that there is room for.
    fn default() -> Self {
        Self { quotas: Quotas::unbounded(), budget_cents: None }
    }
}

/// Where budgets are kept. Casts are reserved and settled by the [`crate::Ledger`].
pub trait Budgets: Send + Sync {
    /// The budget of a tenant in a month.
    fn budget<'a>(&'a self, tenant: &'a TenantId, month: Month) -> Recorded<'a, Budget>;

    /// The budgets of all tenants, in the order of their names, that have spent or reserved something in a month, or of whom something is said.
    fn all_budgets<'a>(&'a self, month: Month) -> Recorded<'a, Vec<(TenantId, Budget)>>;

    /// Keeps what the operator says.
    fn set_operator_cap<'a>(&'a self, tenant: &'a TenantId, cap: OperatorCap) -> Recorded<'a, ()>;

    /// Keeps what the tenant says.
    fn set_own_cap<'a>(&'a self, tenant: &'a TenantId, cap_cents: Option<u64>) -> Recorded<'a, ()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn months_and_days_end_when_the_next_ones_begin() {
        for (seconds, name, rest_of_month_s, rest_of_day_s) in [
            (0, "1970-01", 31 * 86_400, 86_400),
            (951_868_799, "2000-02", 1, 1),
            (951_868_800, "2000-03", 31 * 86_400, 86_400),
            (1_798_761_599, "2026-12", 1, 1),
            (1_798_761_600, "2027-01", 31 * 86_400, 86_400),
        ] {
            assert_eq!(Month::of(at(seconds)).to_string(), name);
            assert_eq!(
                (rest_of_month(at(seconds)).as_secs(), rest_of_day(at(seconds)).as_secs()),
                (rest_of_month_s, rest_of_day_s),
                "{name}"
            );
        }
        assert_eq!(Month::of(UNIX_EPOCH - DAY), Month(0));
        let _ = (Month(u32::MAX).end(), Month(u32::MAX).to_string());
    }

    #[test]
    fn the_least_cap_counts_and_the_operators_word_on_a_tenant_goes_before_that_on_all() {
        use OperatorCap::{Cents, Default, Uncapped};
        for (default_cents, operator, own_cents, expected) in [
            (None, Default, None, None),
            (Some(5), Default, None, Some(5)),
            (Some(5), Uncapped, None, None),
            (Some(5), Cents(9), None, Some(9)),
            (Some(5), Cents(9), Some(7), Some(7)),
            (Some(5), Default, Some(7), Some(5)),
            (None, Default, Some(0), Some(0)),
        ] {
            let budget = Budget { default_cents, operator, own_cents, ..Budget::default() };
            assert_eq!(budget.cap_cents(), expected, "{budget:?}");
        }
    }

    #[test]
    fn what_is_reserved_counts_until_it_is_settled() {
        let budget = Budget { default_cents: Some(100), ..Budget::default() };
        let reserved = budget.reserve(60).unwrap().reserve(40).unwrap();
        let over = reserved.reserve(1).unwrap_err();
        assert_eq!(over, OverBudget { spent_cents: 0, reserved_cents: 100, cap_cents: 100, cost_cents_max: 1 });
        assert!(over.is_for_now());
        let settled = reserved.settle(60, 4);
        assert_eq!((settled.spent_cents, settled.reserved_cents), (4, 40));
        assert!(!settled.reserve(97).unwrap_err().is_for_now());
        assert_eq!(settled.settle(40, 40).correct(40, 1).spent_cents, 5);
        let most = Budget::default().reserve(u64::MAX).unwrap().reserve(u64::MAX).unwrap();
        assert_eq!(most.settle(u64::MAX, u64::MAX).settle(0, 1).spent_cents, u64::MAX);
    }

    #[test]
    fn who_is_over_budget_is_told_in_the_documented_words() {
        let over = OverBudget { spent_cents: 1_234, reserved_cents: 5, cap_cents: 1_240, cost_cents_max: 36 };
        let expected =
            "Budget cap exceeded. Current spend: 1234 cents ($12.34), Monthly cap: 1240 cents ($12.40), Estimated cost: 36 cents ($0.36)";
        assert_eq!(over.to_string(), expected);
    }
}
