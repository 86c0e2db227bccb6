//! Who asks: the key in `Authorization`, and the tenant that it gives access to.
//!
//! It knows the header and the two refusals without details. It must never know what is asked for: a route gets the tenant only by
//! naming the scope that it needs.

use crate::platform::Api;
use crate::platform::problem::{Problem, Refusal};
use crate::platform::rate::Client;
use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use spell_cast::{ApiKey, Scope};
use spell_types::TenantId;
use std::sync::Arc;

/// Whoever showed a key that is worth something.
pub(crate) struct Caller(ApiKey);

impl Caller {
    /// The tenant of the key, if the key allows this.
    pub(crate) fn may(&self, scope: Scope) -> Result<&TenantId, Problem> {
        if self.0.allows(scope) {
            return Ok(&self.0.tenant);
        }
        let detail = format!("this needs an API key with the scope `{}`", scope.name());
        Err(Problem::new(Refusal::ScopeMissing, detail).with("scope", scope.name()))
    }
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let client = parts.extensions.get::<Arc<Client>>().cloned();
        let found = match bearer(&parts.headers) {
            Some(secret) => api.platform.principal(secret).await?.ok_or(Refusal::UnknownKey),
            None => Err(Refusal::NoCredentials),
        };
        // Every request comes with its client.
        let client = client.ok_or_else(|| Problem::new(Refusal::HostFailed, "nobody asks"))?;
        match found {
            Ok(key) => {
                api.gate.enter_with(&key, &client)?;
                Ok(Caller(key))
            }
            Err(refusal) => {
                api.gate.enter_without_key(&client)?;
                let is_unknown = refusal == Refusal::UnknownKey;
                Err(Problem::new(
                    refusal,
                    if is_unknown { "Invalid or inactive API key" } else { "Missing or invalid Authorization header" },
                ))
            }
        }
    }
}

/// The key in the one header that there is.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
    let is_key = secret.starts_with("sk_") && secret.bytes().all(|byte| byte.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("bearer") && is_key).then_some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_key_is_read_from_one_bearer_header_and_nothing_else() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            }
            bearer(&headers).map(str::to_owned)
        };
        for good in ["Bearer sk_x", "bearer sk_x", "BEARER sk_x"] {
            assert_eq!(read(&[good]).as_deref(), Some("sk_x"), "{good}");
        }
        let two = ["Bearer sk_x", "Bearer sk_x"];
        for bad in [&[][..], &two, &[""], &["sk_x"], &["Bearer"], &["Bearer "], &["Bearer  sk_x"], &["Bearer sk_x y"], &["Basic sk_x"]] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
