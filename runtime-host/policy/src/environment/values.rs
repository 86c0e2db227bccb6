//! Whether a value looks like a secret, by the shapes that issuers give to their tokens.
//!
//! It knows shapes. It must never know names, and never keeps what it has seen.

/// Beginnings of tokens, and how many characters follow at least.
#[rustfmt::skip]
const PREFIXES: &[(&str, usize)] = &[
    ("AKIA", 16), ("ASIA", 16), ("AIza", 30), ("GOCSPX-", 20), ("SG.", 20), ("dckr_pat_", 10), ("dop_v1_", 20), ("gho_", 10),
    ("ghp_", 10), ("ghr_", 10), ("ghs_", 10), ("ghu_", 10), ("github_pat_", 10), ("glpat-", 10), ("hf_", 20), ("hvs.", 20),
    ("npm_", 20), ("pypi-", 20), ("rk_live_", 8), ("rk_test_", 8), ("shpat_", 20), ("sk-", 20), ("sk_live_", 8), ("sk_test_", 8),
    ("whsec_", 10), ("xapp-", 10), ("xoxa-", 10), ("xoxb-", 10), ("xoxp-", 10), ("xoxr-", 10), ("xoxs-", 10), ("ya29.", 20),
];

/// Fields of connection strings, in lower case.
const FIELDS: &[&str] =
    &["password=", "passwd=", "pwd=", "accountkey=", "sharedaccesskey=", "secret=", "client_secret=", "api_key=", "token="];

/// Whether a value looks like a secret: a token of a known issuer, a private key, a JWT, credentials in a URL or in a header.
///
/// ```
/// use spell_policy::environment::is_secret_value;
/// assert!(is_secret_value("postgres://user:pass@db/app"));
/// assert!(!is_secret_value("https://example.com/a@b:c"));
/// ```
pub fn is_secret_value(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    has_private_key(value) || has_url_credentials(value) || has_authorization(&lower) || has_field(&lower) || words(value).any(is_token)
}

fn has_private_key(value: &str) -> bool {
    value.split("-----BEGIN ").skip(1).any(|rest| {
        let label = rest.split("-----").next().unwrap_or(rest);
        label.trim_end_matches(" BLOCK").ends_with("PRIVATE KEY")
    })
}

/// `scheme://user:pass@host`, and `scheme://token@host` where the user alone is as long as a token.
fn has_url_credentials(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| {
        let url = rest.split(char::is_whitespace).next().unwrap_or(rest);
        let authority = url.split(['/', '?', '#']).next().unwrap_or(url);
        match authority.rsplit_once('@') {
            Some((user, _)) => user.split_once(':').map_or(user.len() >= 20, |(_, password)| !password.is_empty()),
            // A password with a slash in it ends the authority early; what stands behind the colon then is no port.
            None if url.contains('@') && !authority.starts_with('[') => {
                authority.split_once(':').is_some_and(|(_, port)| !port.bytes().all(|byte| byte.is_ascii_digit()))
            }
            None => false,
        }
    })
}

fn has_authorization(lower: &str) -> bool {
    let value = lower.trim_start();
    let value = value.strip_prefix("authorization:").map_or(value, str::trim_start);
    ["bearer ", "basic "]
        .iter()
        .any(|scheme| value.strip_prefix(scheme).is_some_and(|rest| rest.trim().len() >= 8 && !rest.trim().contains(' ')))
}

fn has_field(lower: &str) -> bool {
    let mut fields = lower.split(|c: char| matches!(c, ';' | '&' | '?' | ',') || c.is_whitespace());
    fields.any(|field| FIELDS.iter().any(|name| field.strip_prefix(name).is_some_and(|rest| !rest.is_empty())))
}

fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))
}

fn is_token(word: &str) -> bool {
    let prefixed = PREFIXES.iter().any(|(prefix, rest_min)| word.strip_prefix(prefix).is_some_and(|rest| rest.len() >= *rest_min));
    prefixed || is_jwt(word)
}

/// Three parts, of which the first two are JSON objects in base64 and the third may be empty.
fn is_jwt(word: &str) -> bool {
    let mut parts = word.split('.');
    let json = |part: Option<&str>| part.is_some_and(|part| part.starts_with("eyJ") && part.len() >= 6);
    json(parts.next()) && parts.next().is_some_and(|part| part.len() >= 3) && parts.next().is_some()
}
