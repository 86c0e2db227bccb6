//! The service that language models are asked of, as the runtime configuration names it.
//!
//! It knows what the operator said of the service. It must never know what it is asked.

use anyhow::{Context, Result, bail};
use spell_capabilities::{ModelService, ModelServiceSettings, OutboundRules, TlsRoots};
use spell_manifest::{Component, LlmApi, LlmCompute};
use spell_policy::{AddressPolicy, parse_network};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The service; `rules` say how long it may take and how much it may answer.
pub(crate) fn service(compute: &LlmCompute, rules: OutboundRules, tls: &TlsRoots) -> Result<Arc<ModelService>> {
    let LlmCompute::RemoteHttp { url, auth_token, api } = compute;
    if *api == LlmApi::Default {
        bail!("[llm_compute]: `api_type = \"default\"` is not spoken; write `api_type = \"open_ai\"`, if the service speaks that");
    }
    let rules = OutboundRules { addresses: everywhere()?, ..rules };
    let settings = ModelServiceSettings { url: url.clone(), token: auth_token.expose().to_owned() };
    Ok(Arc::new(ModelService::new(&settings, rules, tls).context("[llm_compute]")?))
}

/// Whom the operator names may be anywhere, such as on this machine.
pub(crate) fn everywhere() -> Result<AddressPolicy> {
    let allow = ["0.0.0.0/0", "::/0"].map(parse_network).into_iter().collect::<Result<_, _>>()?;
    Ok(AddressPolicy { allow, block: Vec::new() })
}

/// The models that a component may ask, which need somebody to ask.
pub(crate) fn of(component: &Component, service: Option<&Arc<ModelService>>) -> Result<BTreeSet<String>> {
    if !component.ai_models.is_empty() && service.is_none() {
        bail!("`ai_models`: there is no service to ask; name one as `[llm_compute]` in the file of --runtime-config-file");
    }
    Ok(component.ai_models.iter().cloned().collect())
}
