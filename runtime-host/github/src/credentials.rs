//! How this host shows who it is: with a token, or as an App, whose tokens last an hour.
//!
//! It knows secrets. It must never show one: no type here prints what it keeps.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long before now a proof says that it was made, for clocks that are late.
const ISSUED_BEFORE_S: u64 = 60;
/// How long a proof lasts, the longest that GitHub takes.
const PROOF_TIME_S: u64 = 600;
/// A token is no longer used so long before it ends.
const TOKEN_MARGIN: Duration = Duration::from_secs(60);

/// A text that nobody is shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text to itself, without spaces and line ends around it.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What this host shows.
#[derive(Debug)]
pub enum Credentials {
    /// A token that somebody made.
    Token(Secret),
    /// The key of an App, and where the App is installed.
    App {
        /// The App's id, or its client id.
        app_id: String,
        /// The number of the installation.
        installation_id: u64,
        /// The App's key.
        key: AppKey,
    },
}

/// The file is no key of an App.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no RSA key in PEM, such as GitHub makes for an App")]
pub struct NotAKey;

/// The key of an App.
pub struct AppKey(Box<RsaKeyPair>);

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKey(…)")
    }
}

impl AppKey {
    /// Reads a key in PEM, as PKCS #1 or PKCS #8.
    pub fn from_pem(pem: &[u8]) -> Result<Self, NotAKey> {
        let key = match PrivateKeyDer::from_pem_slice(pem).map_err(|_| NotAKey)? {
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            _ => return Err(NotAKey),
        };
        key.map(|key| Self(Box::new(key))).map_err(|_| NotAKey)
    }

    /// A JSON Web Token (RFC 7519) that proves to be the App, signed by RS256. `None` where the system gives no random bytes.
    pub(crate) fn proof(&self, app_id: &str, now: SystemTime) -> Option<Secret> {
        let now_s = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let claims = json!({ "iat": now_s.saturating_sub(ISSUED_BEFORE_S), "exp": now_s + PROOF_TIME_S, "iss": app_id });
        let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let said = format!("{}.{}", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(&claims));
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), said.as_bytes(), &mut signature).ok()?;
        Some(Secret(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

/// A token of an installation, and when it ends.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) secret: Secret,
    pub(crate) ends_at: SystemTime,
}

impl Token {
    pub(crate) fn lasts(&self, now: SystemTime) -> bool {
        now.checked_add(TOKEN_MARGIN).is_some_and(|soon| soon < self.ends_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_used_in_its_last_minute() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let token = Token { secret: Secret::new("ghs_x"), ends_at: at(3_600) };
        assert!(token.lasts(at(3_539)) && !token.lasts(at(3_540)) && !token.lasts(at(4_000)));
    }

    #[test]
    fn no_secret_is_printed_and_no_other_file_is_a_key() {
        let credentials = Credentials::Token(Secret::new(" ghp_secret\n"));
        assert!(!format!("{credentials:?}").contains("ghp"));
        for pem in ["", "x", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"] {
            assert_eq!(AppKey::from_pem(pem.as_bytes()).err(), Some(NotAKey), "{pem}");
        }
    }
}
