//! What the operator's file lets tenants have: what casts cost, how often clients may ask, and how much is kept for each.
//!
//! It knows settings. It must never know who is told, or how it is held to.

use anyhow::Result;
use spell_api::Rates;
use spell_cast::{Prices, Quota, Quotas};
use spell_manifest::{Setting, Settings};

/// How often clients may ask.
pub(crate) fn rates(settings: &Settings) -> Result<Rates> {
    let rate = |setting| u32::try_from(settings.get(setting));
    Ok(Rates {
        key: rate(Setting::RateKey)?,
        tenant: rate(Setting::RateTenant)?,
        address: rate(Setting::RateAddress)?,
        without_key: rate(Setting::RateWithoutKey)?,
    })
}

/// What casts cost.
pub(crate) fn prices(settings: &Settings) -> Prices {
    Prices {
        wasm_second: settings.get(Setting::PriceWasmSecond),
        wasm_mebibyte: settings.get(Setting::PriceWasmMebibyte),
        wasm_cents_min: settings.get(Setting::PriceWasmMin),
        github_minute: settings.get(Setting::PriceGithubMinute),
        github_cents_min: settings.get(Setting::PriceGithubMin),
    }
}

/// How much of each thing a tenant may have.
pub(crate) fn quotas(settings: &Settings) -> Quotas {
    let quota = |quotas: Quotas, (quota, setting)| quotas.with(quota, settings.get(setting));
    let all = [
        (Quota::Spells, Setting::QuotaSpells),
        (Quota::Versions, Setting::QuotaVersions),
        (Quota::Stored, Setting::QuotaStored),
        (Quota::Keys, Setting::QuotaKeys),
        (Quota::Running, Setting::QuotaRunning),
        (Quota::CastsPerDay, Setting::QuotaCastsPerDay),
    ];
    all.into_iter().fold(Quotas::unbounded(), quota)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_file_says_costs_what_is_documented_and_everything_is_bounded() {
        assert_eq!(prices(&Settings::default()), Prices::default());
        let quotas = quotas(&Settings::default());
        assert!(Quota::ALL.into_iter().all(|quota| quotas.get(quota) < u64::MAX));
    }
}
