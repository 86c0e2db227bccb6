//! Sockets to listen on.

use anyhow::{Context, Result, bail};
use std::io::ErrorKind;
use std::net::{TcpListener, ToSocketAddrs};

/// Ports tried after one that is taken.
const PORTS_TRIED_MAX: u16 = 10;
/// Connections that wait until they are accepted, where the kernel (`net.core.somaxconn`) allows as many. Of a burst of more, some ask again
/// after a second.
const BACKLOG_CONNECTIONS_MAX: i32 = 4_096;

/// Binds an address, of IPv4 where a name has both.
pub(crate) fn bind(address: &str, find_free_port: bool) -> Result<TcpListener> {
    let resolved = address
        .to_socket_addrs()
        .with_context(|| format!("\"{address}\" is not an address to listen on; write one like 127.0.0.1:3000"))?;
    let Some(mut socket) = resolved.min_by_key(|socket| !socket.is_ipv4()) else { bail!("\"{address}\" has no address") };
    for _ in 0..=PORTS_TRIED_MAX {
        match TcpListener::bind(socket) {
            Ok(listener) => {
                // The standard library has 128 of them wait.
                rustix::net::listen(&listener, BACKLOG_CONNECTIONS_MAX).with_context(|| format!("cannot listen on {socket}"))?;
                return Ok(listener);
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse && find_free_port => socket.set_port(socket.port().saturating_add(1)),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                bail!("{socket} is already in use. To have Spell search for a free port, use the --find-free-port option.")
            }
            Err(error) => return Err(error).with_context(|| format!("cannot listen on {socket}")),
        }
    }
    bail!("no free port found from {address} on")
}
