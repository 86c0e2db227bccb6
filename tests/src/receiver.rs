//! Whoever is told of something over HTTP: keeps what comes, and answers as a test wants. It must never know who tells.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

const REQUEST_BYTES_MAX: usize = 1 << 20;
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its first line.
    pub line: String,
    /// Names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// What it says.
    pub body: Vec<u8>,
}

impl Received {
    /// The value of a header; empty if it has none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// Answers each request on a connection of its own until the test ends.
#[derive(Debug)]
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    /// Connections that are never answered, held open.
    silent: Arc<Mutex<Vec<TcpStream>>>,
}

impl Receiver {
    /// Starts one that answers the n-th request with a status and headers, the first being 0, or never.
    pub fn start(answer: impl Fn(usize) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = listener.local_addr().expect("address");
        let receiver = Self { address, received: Arc::default(), silent: Arc::default() };
        let (received, silent, answer) = (receiver.received.clone(), receiver.silent.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (received, silent, answer) = (received.clone(), silent.clone(), answer.clone());
                thread::spawn(move || {
                    let Some((mut stream, request)) = read(stream) else { return };
                    let number = {
                        let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
                        received.push(request);
                        received.len() - 1
                    };
                    match answer(number) {
                        Some(head) => {
                            let _ = write!(stream, "HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                        }
                        None => silent.lock().unwrap_or_else(PoisonError::into_inner).push(stream),
                    }
                });
            }
        });
        receiver
    }

    /// A URL of it.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What has come so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(mut stream: TcpStream) -> Option<(TcpStream, Received)> {
    stream.set_read_timeout(Some(SILENCE_MAX)).ok()?;
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(request) = whole(&bytes) {
            return Some((stream, request));
        }
        match stream.read(&mut buffer) {
            Ok(count @ 1..) if bytes.len() < REQUEST_BYTES_MAX => bytes.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}

/// The request, once its body is as long as it says.
fn whole(bytes: &[u8]) -> Option<Received> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.split("\r\n");
    let line = lines.next()?.to_owned();
    let headers = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    let request = Received { line, headers: headers.collect(), body: bytes[end + 4..].to_vec() };
    (request.header("content-length").parse().unwrap_or(0) <= request.body.len()).then_some(request)
}
