//! Whom the host believes to be who they say they are, and what it shows of itself, by the host that is spoken to.
//!
//! This module knows certificates and names. It must never know what is said over a connection.

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use spell_policy::{Destination, Host};
use std::sync::Arc;

/// Which certificates are trusted. Made once and shared by all components, but for those that the operator has trust others.
#[derive(Clone)]
pub struct TlsRoots {
    everywhere: Trust,
    hosts: Arc<Vec<(Host, Trust)>>,
}

#[derive(Clone)]
pub(super) struct Trust {
    pub(super) http: Arc<ClientConfig>,
    /// The same without a word about HTTP.
    pub(super) other: Arc<ClientConfig>,
}

/// What is trusted at some hosts, and shown to them.
#[derive(Debug, Clone, Default)]
pub struct HostTrust {
    /// The hosts, without ports.
    pub hosts: Vec<String>,
    /// Whether the certificate authorities of the operating system are trusted.
    pub platform_roots: bool,
    /// Whether those are that browsers trust, as compiled in.
    pub web_roots: bool,
    /// Further authorities, in PEM.
    pub roots: Option<Vec<u8>>,
    /// The certificate that is shown, with what leads to its authority, and its key, both in PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// Why certificates cannot be used. What was read is never repeated.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The TLS library refused its own configuration.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// A host that cannot be read.
    #[error("\"{host}\" is no host: {source}")]
    BadHost {
        /// As it was written.
        host: String,
        /// What is wrong with it.
        source: spell_policy::DestinationError,
    },
    /// Two say what one host is trusted by.
    #[error("the host \"{0}\" is named twice")]
    HostTwice(String),
    /// A file that is not PEM.
    #[error("{what} cannot be read as PEM: {source}")]
    Pem {
        /// What should be in it.
        what: &'static str,
        /// The reason.
        source: pem::Error,
    },
    /// There is nobody to trust.
    #[error("no certificate authority is trusted")]
    NoRoots,
}

impl TlsRoots {
    /// The certificate authorities that browsers trust, as compiled in.
    pub fn web() -> Result<TlsRoots, TrustError> {
        Self::of_roots(web_roots())
    }

    /// Those and the ones of the operating system: for connections that the operator asks for.
    pub fn machine() -> Result<TlsRoots, TrustError> {
        let mut roots = web_roots();
        add_platform_roots(&mut roots);
        Self::of_roots(roots)
    }

    fn of_roots(roots: RootCertStore) -> Result<TlsRoots, TrustError> {
        Ok(TlsRoots { everywhere: Trust::new(roots, None)?, hosts: Arc::default() })
    }

    /// The same but for some hosts. Each host can be named once.
    pub fn with_hosts(&self, trust: &HostTrust) -> Result<TlsRoots, TrustError> {
        let trusted = Trust::of(trust)?;
        let mut hosts = Vec::clone(&self.hosts);
        for text in &trust.hosts {
            let bad = |source| TrustError::BadHost { host: text.clone(), source };
            let host = Destination::parse("https", text).map_err(bad)?.host().clone();
            if hosts.iter().any(|(known, _)| *known == host) {
                return Err(TrustError::HostTwice(text.clone()));
            }
            hosts.push((host, trusted.clone()));
        }
        Ok(TlsRoots { everywhere: self.everywhere.clone(), hosts: Arc::new(hosts) })
    }

    pub(super) fn of(&self, host: &Host) -> &Trust {
        self.hosts.iter().find(|(known, _)| known == host).map_or(&self.everywhere, |(_, trust)| trust)
    }

    /// What is trusted for everything but HTTP.
    pub(crate) fn other(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.everywhere.other)
    }
}

impl Trust {
    fn of(trust: &HostTrust) -> Result<Trust, TrustError> {
        let mut roots = if trust.web_roots { web_roots() } else { RootCertStore::empty() };
        if trust.platform_roots {
            add_platform_roots(&mut roots);
        }
        for root in trust.roots.iter().flat_map(|pem| CertificateDer::pem_slice_iter(pem)) {
            roots.add(root.map_err(|source| TrustError::Pem { what: "the file of roots", source })?)?;
        }
        if roots.is_empty() {
            return Err(TrustError::NoRoots);
        }
        Trust::new(roots, trust.identity.as_ref())
    }

    fn new(roots: RootCertStore, identity: Option<&(Vec<u8>, Vec<u8>)>) -> Result<Trust, TrustError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let builder = builder.with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let unread = |what| move |source| TrustError::Pem { what, source };
                let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
                let key = PrivateKeyDer::from_pem_slice(key).map_err(unread("the key"))?;
                builder.with_client_auth_cert(chain.map_err(unread("the certificate"))?, key)?
            }
        };
        let other = Arc::new(config.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Trust { http: Arc::new(config), other })
    }
}

fn web_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// What cannot be read among them is left out: every machine has some old ones.
fn add_platform_roots(roots: &mut RootCertStore) {
    let found = rustls_native_certs::load_native_certs();
    let (_, unusable) = roots.add_parsable_certificates(found.certs);
    if unusable > 0 || !found.errors.is_empty() {
        tracing::info!(unusable, unread = found.errors.len(), "some certificate authorities of the operating system are left out");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(hosts: &[&str]) -> HostTrust {
        HostTrust { hosts: hosts.iter().map(|host| (*host).to_owned()).collect(), web_roots: true, ..HostTrust::default() }
    }

    #[test]
    fn only_the_hosts_that_are_named_are_trusted_otherwise() {
        let web = TlsRoots::web().unwrap();
        let roots = web.with_hosts(&trust(&["API.example.com.", "[::1]"])).unwrap().with_hosts(&trust(&["10.0.0.1"])).unwrap();
        for (authority, is_named) in
            [("api.example.com", true), ("[0:0::1]:8443", true), ("10.0.0.1", true), ("example.com", false), ("x.api.example.com", false)]
        {
            let destination = Destination::parse("https", authority).unwrap();
            let is_everywhere = Arc::ptr_eq(&roots.of(destination.host()).http, &roots.everywhere.http);
            assert_eq!(!is_everywhere, is_named, "{authority}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        let web = TlsRoots::web().unwrap();
        let pem = || Some(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_vec());
        let table = [
            (trust(&["*.example.com"]), "\"*.example.com\" is no host"),
            (trust(&["a", "A"]), "the host \"A\" is named twice"),
            (HostTrust { web_roots: false, ..trust(&["a"]) }, "no certificate authority is trusted"),
            (HostTrust { roots: pem(), ..trust(&["a"]) }, "the file of roots cannot be read as PEM"),
            (HostTrust { identity: pem().zip(pem()), ..trust(&["a"]) }, "the key cannot be read as PEM"),
        ];
        for (trust, expected) in table {
            let error = web.with_hosts(&trust).map(drop).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
