//! What a guest does to the network besides HTTP. Knows the standard library's sockets; must never know which addresses there are.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

/// Most bytes of an answer that are taken.
pub const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// One use of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each argument is explained with its behaviour")]
pub enum Network {
    /// `/connect?address=A&say=T`: opens a TCP connection, says T, and answers "connected" and what comes back until the other side ends.
    Connect { address: String, say: String },
    /// `/connect3?address=A&say=T`: the same through the sockets of WASI 0.3, in a guest that has them.
    Connect3 { address: String, say: String },
    /// `/connect-many?address=A&n=N`: opens N TCP connections, holds them, and answers how many it got.
    ConnectMany { address: String, connections: u64 },
    /// `/bind-many?n=N`: makes N sockets and answers how many it got.
    BindMany { sockets: u64 },
    /// `/listen?address=A`: listens there, then answers "listening".
    Listen { address: String },
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
            Self::Connect { address, say } | Self::Connect3 { address, say } => converse(TcpStream::connect(address)?, say),
            Self::ConnectMany { address, connections } => {
                let open: Vec<_> = (0..*connections).map_while(|_| TcpStream::connect(address).ok()).collect();
                Ok(open.len().to_string().into_bytes())
            }
            Self::BindMany { sockets } => {
                let made: Vec<_> = (0..*sockets).map_while(|_| TcpListener::bind("0.0.0.0:0").ok()).collect();
                Ok(made.len().to_string().into_bytes())
            }
            Self::Listen { address } => TcpListener::bind(address).map(|_| b"listening".to_vec()),
            Self::Datagram { address } => UdpSocket::bind("0.0.0.0:0")?.send_to(b"datagram", address).map(|_| b"sent".to_vec()),
            Self::Resolve { name } => {
                let addresses: Vec<_> = (name.as_str(), 80).to_socket_addrs()?.map(|address| address.ip().to_string()).collect();
                Ok(addresses.join("\n").into_bytes())
            }
        }
    }
}

fn converse(mut stream: TcpStream, say: &str) -> Result<Vec<u8>> {
    let mut answer = b"connected".to_vec();
    if !say.is_empty() {
        stream.write_all(say.as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    }
    Ok(answer)
}
