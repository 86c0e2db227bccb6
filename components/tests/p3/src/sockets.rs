//! The sockets of WASI 0.3. Knows their functions; must never know HTTP.

use spin_sdk::wasip3::sockets::types::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket};
use spin_sdk::wasip3::wit_stream;
use std::net::SocketAddrV4;
use test_behaviour::ANSWER_BYTES_MAX;

/// Connects, says something, and gives back "connected" and what is answered.
pub(crate) async fn connect(address: &str, say: &str) -> Result<Vec<u8>, String> {
    let address: SocketAddrV4 = address.parse().map_err(|_| "no address".to_owned())?;
    let [a, b, c, d] = address.ip().octets();
    let socket = TcpSocket::create(IpAddressFamily::Ipv4).map_err(|code| format!("create: {code:?}"))?;
    let remote = IpSocketAddress::Ipv4(Ipv4SocketAddress { port: address.port(), address: (a, b, c, d) });
    socket.connect(remote).await.map_err(|code| format!("connect: {code:?}"))?;
    let mut answer = b"connected".to_vec();
    if !say.is_empty() {
        let (mut writer, reader) = wit_stream::new();
        let sent = socket.send(reader);
        writer.write_all(say.as_bytes().to_vec()).await;
        drop(writer);
        sent.await.map_err(|code| format!("send: {code:?}"))?;
        let (mut stream, _) = socket.receive();
        while let Some(byte) = stream.next().await {
            answer.push(byte);
            if answer.len() as u64 > ANSWER_BYTES_MAX {
                break;
            }
        }
    }
    Ok(answer)
}
