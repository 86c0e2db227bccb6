//! What a guest does to the network besides HTTP. Knows the standard library's sockets; must never know which addresses there are.

use std::io::Result;
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};

/// One use of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each argument is explained with its behaviour")]
pub enum Network {
    /// `/connect?address=A`: opens a TCP connection, then answers "connected".
    Connect { address: String },
    /// `/udp?address=A`: sends one datagram, then answers "sent".
    Datagram { address: String },
    /// `/resolve?name=N`: answers the addresses of a name, one a line.
    Resolve { name: String },
}

impl Network {
    /// Does it.
    ///
    /// # Errors
    /// What the standard library says of it.
    pub fn run(&self) -> Result<Vec<u8>> {
        match self {
            Self::Connect { address } => TcpStream::connect(address).map(|_| b"connected".to_vec()),
            Self::Datagram { address } => UdpSocket::bind("0.0.0.0:0")?.send_to(b"datagram", address).map(|_| b"sent".to_vec()),
            Self::Resolve { name } => {
                let addresses: Vec<_> = (name.as_str(), 80).to_socket_addrs()?.map(|address| address.ip().to_string()).collect();
                Ok(addresses.join("\n").into_bytes())
            }
        }
    }
}
