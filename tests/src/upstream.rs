//! A service on loopback for components to call. This file knows one fixed answer; it must never know who asks.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

const HEAD_BYTES_MAX: usize = 64 << 10;
const REQUESTS_KEPT_MAX: usize = 1_000;
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Answers every request the same way, one after the other, until it is dropped.
#[derive(Debug)]
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
}

impl Upstream {
    /// Starts a service that answers 200 with this body.
    pub fn start(body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let upstream = Self { address: listener.local_addr().expect("address"), requests: Arc::default(), stopped: Arc::default() };
        let (requests, stopped) = (upstream.requests.clone(), upstream.stopped.clone());
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let keep = |head: String| {
                    let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
                    if !head.is_empty() && requests.len() < REQUESTS_KEPT_MAX {
                        requests.push(head);
                    }
                };
                serve(stream, keep, &answer);
            }
        });
        upstream
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of the requests that came.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // The thread waits for a connection: this is its last.
        let _ = TcpStream::connect(self.address);
    }
}

/// Keeps a request before it is answered: who has the answer looks for the request at once.
fn serve(mut stream: TcpStream, keep: impl FnOnce(String), answer: &str) {
    let _ = stream.set_read_timeout(Some(SILENCE_MAX));
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|window| window == b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => head.extend_from_slice(&buffer[..count]),
            Ok(0) | Err(_) => break,
        }
    }
    keep(String::from_utf8_lossy(&head).into_owned());
    let _ = stream.write_all(answer.as_bytes());
}
