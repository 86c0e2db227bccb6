//! Whether a value looks like a secret, by the shapes that issuers give to their tokens.
//!
//! It knows shapes. It must never know names, and never keeps what it has seen. A value without a shape of its own, such as a
//! password, cannot be told from any other word: that is what the rules for names are for.

/// Beginnings of tokens, and how many characters follow at least.
#[rustfmt::skip]
const PREFIXES: &[(&str, usize)] = &[
    ("AGE-SECRET-KEY-1", 20), ("AKIA", 16), ("ASIA", 16), ("ATATT3", 40), ("AIza", 30), ("GOCSPX-", 20), ("NRAK-", 20), ("PMAK-", 20),
    ("SG.", 20), ("dckr_pat_", 10), ("dop_v1_", 20), ("dp.ct.", 30), ("dp.pt.", 30), ("dp.st.", 30), ("figd_", 20), ("gho_", 10),
    ("ghp_", 10), ("ghr_", 10), ("ghs_", 10), ("ghu_", 10), ("github_pat_", 10), ("glcbt-", 10), ("gldt-", 10), ("glpat-", 10),
    ("glptt-", 10), ("glrt-", 10), ("glsa_", 20), ("gsk_", 40), ("hf_", 20), ("hvb.", 20), ("hvs.", 20), ("lin_api_", 20), ("npm_", 20),
    ("pplx-", 40), ("pypi-", 20), ("r8_", 30), ("rk_live_", 8), ("rk_test_", 8), ("rubygems_", 40), ("shpat_", 20), ("shpca_", 20),
    ("shppa_", 20), ("shpss_", 20), ("sk-", 20), ("sk_live_", 8), ("sk_test_", 8), ("sntrys_", 20), ("sntryu_", 20), ("sq0csp-", 20),
    ("tskey-", 10), ("whsec_", 10), ("xai-", 40), ("xapp-", 10), ("xoxa-", 10), ("xoxb-", 10), ("xoxe-", 10), ("xoxe.", 10),
    ("xoxp-", 10), ("xoxr-", 10), ("xoxs-", 10), ("ya29.", 20),
];

/// Fields of connection strings, queries, headers and JSON, in lower case; the long ones count at the end of a longer word too.
#[rustfmt::skip]
const FIELDS: &[&str] = &[
    "\"auth\"", "accesskey", "accesstoken", "accountkey", "api-key", "api_key", "apikey", "authtoken", "clientsecret", "pass",
    "passphrase", "passwd", "password", "private_key", "privatekey", "pwd", "refreshtoken", "secret", "secret_access_key", "secret_key",
    "secretaccesskey", "secretkey", "sharedaccesskey", "sig", "signature", "token",
];
const LONG_FIELD_BYTES: usize = 8;

/// Where whoever knows the address may post, in lower case.
#[rustfmt::skip]
const HOOKS: &[&str] = &[
    "hooks.slack.com/services/", "hooks.slack.com/triggers/", "hooks.slack.com/workflows/", "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/", "outlook.office.com/webhook", ".webhook.office.com/webhook",
];

/// Marks of a password's hash, which may be guessed from.
const HASHES: &[&str] = &["$2a$", "$2b$", "$2y$", "$5$", "$6$", "$apr1$", "$argon2", "$scrypt$"];

/// What stands before a colon without being a user: `mailto:a@b`, `npm:a@1`.
const NO_USERS: &[&str] = &["acct", "cid", "jsr", "mailto", "mid", "npm", "pkg", "sip", "sips", "xmpp"];

/// From this length on a user without a password is a token.
const TOKEN_BYTES_MIN: usize = 20;

/// Whether a value looks like a secret: a token of a known issuer, a private key, a JWT, credentials in a URL or in a header.
///
/// ```
/// use spell_policy::environment::is_secret_value;
/// assert!(is_secret_value("postgres://user:pass@db/app"));
/// assert!(!is_secret_value("https://example.com/a@b:c"));
/// ```
pub fn is_secret_value(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    has_private_key(value)
        || has_url_credentials(value)
        || value.split_whitespace().any(is_user_and_password)
        || has_authorization(value, &lower)
        || FIELDS.iter().any(|field| has_field(&lower, field))
        || HOOKS.iter().any(|hook| lower.contains(hook))
        || HASHES.iter().any(|hash| value.contains(hash))
        || words(value).any(is_token)
        || value.split(['/', ' ', '"', '=']).any(is_bot_token)
        || is_access_key(value.trim())
}

fn has_private_key(value: &str) -> bool {
    let armour = value.split("-- BEGIN ").chain(value.split("--BEGIN ")).any(|rest| {
        let label = rest.split("--").next().unwrap_or(rest);
        label.trim_end_matches([' ', '-']).trim_end_matches(" BLOCK").ends_with("PRIVATE KEY")
    });
    armour || value.contains("PuTTY-User-Key-File")
}

/// `scheme://user:pass@host`, and `scheme://token@host` where the user alone is as long as a token.
fn has_url_credentials(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| {
        let url = rest.split(char::is_whitespace).next().unwrap_or(rest);
        let authority = url.split(['/', '?', '#']).next().unwrap_or(url);
        match authority.rsplit_once('@') {
            Some((user, _)) => {
                let (user, password) = user.split_once(':').unwrap_or((user, ""));
                !password.is_empty() || user.len() >= TOKEN_BYTES_MIN
            }
            // A password with a slash in it ends the authority early; what stands behind the colon then is no port.
            None if url.contains('@') && !authority.starts_with('[') => {
                authority.split_once(':').is_some_and(|(_, port)| !port.bytes().all(|byte| byte.is_ascii_digit()))
            }
            None => false,
        }
    })
}

/// `user:pass@host` without a scheme. A slash before the `@` belongs to a list of paths, and `tag@sha256:` to a container image.
fn is_user_and_password(word: &str) -> bool {
    let Some((before, host)) = word.rsplit_once('@').filter(|_| !word.contains("://")) else { return false };
    let credentials = before.split_once(':').is_some_and(|(user, password)| !password.is_empty() && !NO_USERS.contains(&user));
    let plain = !before.contains(['/', '\\']) && !host.starts_with("sha256:");
    credentials && plain && host.starts_with(|c: char| c.is_alphanumeric() || c == '[')
}

/// `Bearer …` or `Basic …` as the whole value, or behind the name of the header. A word of lower-case letters is only a word.
fn has_authorization(value: &str, lower: &str) -> bool {
    let ends = lower.match_indices("authorization").map(|(start, name)| start + name.len());
    ends.chain([0]).filter_map(|end| value.get(end..)).any(|rest| {
        let rest = rest.trim_start_matches(|c: char| matches!(c, ':' | '=' | '"') || c.is_whitespace());
        let Some((scheme, credentials)) = rest.split_once("%20").or_else(|| rest.split_once(' ')) else { return false };
        let credentials = credentials.trim();
        let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("basic");
        known && credentials.len() >= 8 && !credentials.contains(' ') && credentials.bytes().any(|byte| !byte.is_ascii_lowercase())
    })
}

/// `password=…`, `password: …`, `"password": "…"`: the name, a colon or an equals sign, and something behind it.
fn has_field(lower: &str, field: &str) -> bool {
    lower.match_indices(field).any(|(start, _)| {
        let before = lower.get(..start).and_then(|before| before.chars().next_back());
        let begins = field.len() >= LONG_FIELD_BYTES || !before.is_some_and(char::is_alphabetic);
        let after = lower.get(start + field.len()..).unwrap_or_default().trim_start_matches(['"', '\'']).trim_start();
        let Some(value) = after.strip_prefix(['=', ':']).map(str::trim_start) else { return false };
        let value = value.strip_prefix(['"', '\'']).unwrap_or(value);
        begins && !value.is_empty() && !value.starts_with([';', ',', '&', '}', '"', '\''])
    })
}

fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))
}

fn is_token(word: &str) -> bool {
    let prefixed = PREFIXES.iter().any(|(prefix, rest_min)| word.strip_prefix(prefix).is_some_and(|rest| rest.len() >= *rest_min));
    prefixed || is_jwt(word) || is_encoded_private_key(word)
}

/// At least three parts, of which the first two are JSON objects in base64; or five, of which the second may be empty.
fn is_jwt(word: &str) -> bool {
    let mut parts = word.split('.');
    let header = parts.next().is_some_and(|header| header.starts_with("eyJ") && header.len() >= 6);
    let payload = parts.next().is_some_and(|payload| payload.len() >= 3);
    let behind = parts.count();
    header && (payload && behind >= 1 || behind >= 3)
}

/// `-----BEGIN ` in base64, and then neither `CERTIFICATE` nor `PUBLIC`.
fn is_encoded_private_key(word: &str) -> bool {
    let label = word.strip_prefix("LS0tLS1CRUdJTi");
    label.is_some_and(|label| !["BDRVJU", "BQVUJM", "BQR1AgUFVC"].iter().any(|public| label.starts_with(public)))
}

/// The token of a Telegram bot: its number, a colon and 35 characters.
fn is_bot_token(word: &str) -> bool {
    let Some((number, rest)) = word.trim_start_matches("bot").split_once(':') else { return false };
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    number.len() >= 8 && number.bytes().all(|byte| byte.is_ascii_digit()) && rest.len() == 35 && rest.bytes().all(good)
}

/// An AWS secret access key: 40 characters of base64, which a hash in hexadecimal is not.
fn is_access_key(value: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| value.as_bytes().iter().any(kind);
    let base64 = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    value.len() == 40 && base64 && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
}
