//! Sockets of a guest's own: TCP connections to addresses that the manifest names and the operator allows, and nothing else.
//!
//! This module knows the rules for sockets. It must never know what is sent over one.

use super::asking::Asking;
use spell_policy::Destination;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;

type Verdict = Pin<Box<dyn Future<Output = bool> + Send + Sync>>;
/// Places of the connections that were made; nobody tells when a socket is closed, so they are held until the request ends.
type Places = Arc<Mutex<Vec<OwnedSemaphorePermit>>>;

/// Lets a guest connect. It cannot listen, send datagrams or look up names.
pub(crate) fn allow(wasi: &mut WasiCtxBuilder, asking: Asking) {
    let places = Places::default();
    wasi.allow_tcp(true).socket_addr_check(move |address, use_| -> Verdict {
        match use_ {
            // What the system does by itself when a socket connects.
            SocketAddrUse::TcpBind => Box::pin(std::future::ready(address.ip().is_unspecified() && address.port() == 0)),
            SocketAddrUse::TcpConnect => Box::pin(may_connect(asking.clone(), Arc::clone(&places), address)),
            _ => Box::pin(std::future::ready(false)),
        }
    });
}

async fn may_connect(asking: Asking, places: Places, address: SocketAddr) -> bool {
    if !asking.count() {
        return false;
    }
    let destination = match Destination::parse("tcp", &address.to_string()) {
        Ok(destination) => destination,
        Err(error) => {
            asking.note_unreadable(&format!("tcp://{address}"), &error);
            return false;
        }
    };
    let Some(outbound) = asking.judge(&destination) else { return false };
    if outbound.dial.reachable(&destination, asking.noting(&outbound, &destination.to_string())).await.is_err() {
        if asking.shared.refuse() {
            tracing::warn!(component = %asking.grants.component, %destination, "connection refused: the operator has to allow its address");
        }
        return false;
    }
    let deadline = Instant::now() + outbound.rules.connect_timeout;
    let Ok(taken) = asking.places(&outbound, destination.scheme(), deadline).await else { return false };
    places.lock().unwrap_or_else(PoisonError::into_inner).extend(taken);
    true
}
