//! What went wrong on the way out, in the guest's words.
//!
//! This module knows the errors of the libraries below. It must never know rules.

use super::dial::ConnectError;
use rustls::Error as TlsError;
use spell_policy::AddressRefused;
use std::error::Error as StdError;
use std::io;
use wasmtime_wasi_http::Error;

/// How deep a chain of causes is followed.
const CAUSES_MAX: usize = 16;

/// The error that a guest gets. It tells nothing about addresses or the host's network.
pub(super) fn for_guest(error: &hyper_util::client::legacy::Error) -> Error {
    if let Some(error) = cause::<ConnectError>(error) {
        return connect_error(error);
    }
    let Some(error) = cause::<hyper::Error>(error) else { return Error::HttpProtocolError };
    if error.is_incomplete_message() {
        Error::HttpResponseIncomplete
    } else if error.is_parse_too_large() {
        Error::HttpResponseHeaderSectionSize(None)
    } else if error.is_timeout() {
        Error::ConnectionReadTimeout
    } else if error.is_closed() || error.is_canceled() || cause::<io::Error>(error).is_some() {
        Error::ConnectionTerminated
    } else {
        Error::HttpProtocolError
    }
}

/// The operator's rule that stood in the way, if that was it.
pub(super) fn address_refused(error: &hyper_util::client::legacy::Error) -> Option<AddressRefused> {
    match cause::<ConnectError>(error)? {
        ConnectError::Refused(reason) => Some(*reason),
        _ => None,
    }
}

/// The first cause of all, for the host's log.
pub(super) fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    causes(error).last().unwrap_or(error)
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| (*error).source()).take(CAUSES_MAX)
}

fn cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    causes(error).find_map(|error| error.downcast_ref::<E>())
}

fn connect_error(error: &ConnectError) -> Error {
    match error {
        ConnectError::Timeout => Error::ConnectionTimeout,
        ConnectError::BadDestination => Error::HttpRequestUriInvalid,
        ConnectError::Lookup(_) | ConnectError::NoAddress => Error::DnsError { rcode: None, info_code: None },
        ConnectError::Refused(_) => Error::DestinationIpProhibited,
        ConnectError::Tcp(error) => match error.kind() {
            io::ErrorKind::TimedOut => Error::ConnectionTimeout,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Error::DestinationUnavailable,
            _ => Error::ConnectionRefused,
        },
        ConnectError::Tls(error) => tls_error(error.as_ref()),
    }
}

/// TLS errors arrive inside one or two I/O errors.
fn tls_error(error: &(dyn StdError + Send + Sync + 'static)) -> Error {
    let mut error: &(dyn StdError + 'static) = error;
    for _ in 0..CAUSES_MAX {
        if let Some(error) = error.downcast_ref::<TlsError>() {
            return match error {
                TlsError::InvalidCertificate(_) | TlsError::NoCertificatesPresented => Error::TlsCertificateError,
                TlsError::AlertReceived(alert) => Error::TlsAlertReceived { alert_id: Some(u8::from(*alert)), alert_message: None },
                _ => Error::TlsProtocolError,
            };
        }
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match inside.map(|inside| inside as &(dyn StdError + 'static)).or_else(|| error.source()) {
            Some(next) => error = next,
            None => break,
        }
    }
    Error::TlsProtocolError
}
