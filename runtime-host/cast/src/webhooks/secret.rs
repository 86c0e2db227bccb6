//! Secrets that sign what is delivered: symmetric, as Standard Webhooks 1.0 has them, and sealed where they are kept.
//!
//! It knows keys and signatures. It must never know what is signed, or where a sealed secret lies.

use crate::ids::NoRandomness;
use crate::keys::Pepper;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

/// Bytes of a secret; the standard asks for 24 to 64.
const SECRET_BYTES: usize = 32;
/// What the key that seals is derived for.
const SEAL: &str = "spell 2026 webhook secrets";

/// What signs deliveries to one endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret([u8; SECRET_BYTES]);

/// A secret as it is kept: worth nothing without the pepper, nor for another endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

/// A sealed secret cannot be opened: it was changed, or sealed with another pepper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret cannot be opened: `keys.pepper` is not the one that it was kept with")]
pub struct SecretLost;

impl WebhookSecret {
    pub(crate) fn new() -> Result<Self, NoRandomness> {
        random().map(Self)
    }

    /// Its bytes, for its owner.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The HMAC-SHA256 of a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), message);
        let mut signature = [0; 32];
        signature.copy_from_slice(tag.as_ref());
        signature
    }

    /// Seals it for an endpoint: a random nonce, and what ChaCha20-Poly1305 makes of it.
    pub(crate) fn seal(&self, pepper: &Pepper, webhook_id: &str) -> Result<Sealed, NoRandomness> {
        let nonce = random::<NONCE_LEN>()?;
        let mut sealed = self.0.to_vec();
        let aad = Aad::from(webhook_id.as_bytes());
        let key = key(pepper).map_err(|_| NoRandomness)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).map_err(|_| NoRandomness)?;
        Ok(Sealed([&nonce[..], &sealed].concat()))
    }
}

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("WebhookSecret(…)")
    }
}

impl Sealed {
    pub(crate) fn open(&self, pepper: &Pepper, webhook_id: &str) -> Result<WebhookSecret, SecretLost> {
        let (nonce, sealed) = self.0.split_first_chunk::<NONCE_LEN>().ok_or(SecretLost)?;
        let (mut sealed, aad) = (sealed.to_vec(), Aad::from(webhook_id.as_bytes()));
        let opened = key(pepper)?.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut sealed).map_err(|_| SecretLost)?;
        opened.try_into().map(WebhookSecret).map_err(|_| SecretLost)
    }
}

fn key(pepper: &Pepper) -> Result<LessSafeKey, SecretLost> {
    UnboundKey::new(&CHACHA20_POLY1305, &pepper.derive(SEAL)).map(LessSafeKey::new).map_err(|_| SecretLost)
}

fn random<const COUNT: usize>() -> Result<[u8; COUNT], NoRandomness> {
    let mut bytes = [0; COUNT];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_with_its_pepper_for_its_endpoint_and_not_otherwise() {
        let (pepper, other) = (Pepper::from_bytes([1; 32]), Pepper::from_bytes([2; 32]));
        let secret = WebhookSecret::new().unwrap();
        let sealed = secret.seal(&pepper, "hook_1").unwrap();
        assert!(!sealed.0.windows(8).any(|part| secret.bytes().windows(8).any(|own| own == part)));
        assert_ne!(sealed, secret.seal(&pepper, "hook_1").unwrap());
        assert_eq!(sealed.open(&pepper, "hook_1"), Ok(secret));
        assert_eq!(sealed.open(&other, "hook_1"), Err(SecretLost));
        assert_eq!(sealed.open(&pepper, "hook_2"), Err(SecretLost));
        for broken in [Vec::new(), vec![0; NONCE_LEN], sealed.0[1..].to_vec(), sealed.0.iter().map(|byte| byte ^ 1).collect()] {
            assert_eq!(Sealed(broken).open(&pepper, "hook_1"), Err(SecretLost));
        }
    }

    #[test]
    fn signatures_are_hmac_sha256() {
        // RFC 4231, test case 1, whose key is filled up with zeros as HMAC does.
        let mut key = [0; SECRET_BYTES];
        key[..20].fill(0x0b);
        let signature: String = WebhookSecret(key).sign(b"Hi There").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(signature, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    }
}
