//! An HTTP/1.1 client that says exactly what it is told to, one request per connection.
//!
//! This file knows sockets. It must never follow, retry or correct anything.

use crate::Answer;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

/// The longest silence of a server before a test takes it for dead.
const SILENCE_MAX: Duration = Duration::from_secs(60);
const ANSWER_BYTES_MAX: u64 = 64 << 20;
const CHUNK_BYTES: usize = 16 << 10;

/// A value for a query string, percent-encoded.
pub fn encode(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02x}") }).collect()
}

/// Speaks to one address.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// The server's address.
    pub address: SocketAddr,
}

impl Client {
    /// GET.
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    /// A request to be completed and sent.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request {
            client: *self,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![("host".to_owned(), self.address.to_string())],
            body: None,
            is_chunked: false,
        }
    }

    /// Sends these very bytes and reads until the server closes the connection.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        Answer::parse(&self.exchange(bytes), bytes.starts_with(b"HEAD "))
    }

    /// Sends these very bytes, and tells everything that came back until the server closed the connection, or fell silent for so
    /// long; and whether it closed.
    pub fn dialogue(&self, bytes: &[u8], silence_max: Duration) -> (Vec<u8>, bool) {
        let mut stream = self.connect();
        stream.set_read_timeout(Some(silence_max)).expect("timeout");
        let _ = stream.write_all(bytes);
        let (mut received, mut buffer) = (Vec::new(), [0; CHUNK_BYTES]);
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return (received, true),
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) => return (received, error.kind() == std::io::ErrorKind::ConnectionReset),
            }
        }
    }

    /// Whether the server takes connections.
    pub fn is_refused(&self) -> bool {
        TcpStream::connect(self.address).is_err()
    }

    /// Writes and reads side by side, so that a body that is echoed cannot fill both directions.
    fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        Self::exchange_on(self.connect(), bytes)
    }

    fn exchange_on(mut stream: TcpStream, bytes: &[u8]) -> Vec<u8> {
        let mut received = Vec::new();
        if bytes.len() <= CHUNK_BYTES {
            // A server that refuses early may close before it has read everything: that is its answer, not an error.
            let _ = stream.write_all(bytes);
            let _ = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut received);
            return received;
        }
        thread::scope(|scope| {
            let mut writing = stream.try_clone().expect("clone");
            scope.spawn(move || writing.write_all(bytes));
            let _ = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut received);
        });
        received
    }

    fn connect(&self) -> TcpStream {
        self.try_connect().expect("connect")
    }

    fn try_connect(&self) -> Option<TcpStream> {
        let stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(SILENCE_MAX)).expect("timeout");
        stream.set_write_timeout(Some(SILENCE_MAX)).expect("timeout");
        Some(stream)
    }
}

/// A request that was sent and not answered yet.
#[derive(Debug)]
pub struct Pending(TcpStream);

impl Pending {
    /// Reads so many bytes, and tells how many there were. The rest stays for later, or for nobody.
    pub fn read_some(&mut self, bytes_max: u64) -> usize {
        let mut received = Vec::new();
        let _ = (&mut self.0).take(bytes_max).read_to_end(&mut received);
        received.len()
    }

    /// Reads the answer.
    pub fn answer(self) -> Answer {
        let mut received = Vec::new();
        let _ = self.0.take(ANSWER_BYTES_MAX).read_to_end(&mut received);
        Answer::parse(&received, false)
    }
}

/// A request that is put together.
#[derive(Debug, Clone)]
pub struct Request {
    client: Client,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    is_chunked: bool,
}

impl Request {
    /// Adds a header, also one that is there already.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives it a body with its length announced.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Some(bytes.into());
        self
    }

    /// Sends the body in chunks, its length not announced.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.is_chunked = true;
        self
    }

    /// Sends it and reads the answer.
    pub fn send(self) -> Answer {
        self.client.raw(&self.bytes())
    }

    /// Sends it and reads the answer; `None` if nobody takes the connection.
    pub fn send_if_taken(self) -> Option<Answer> {
        let stream = self.client.try_connect()?;
        Some(Answer::parse(&Client::exchange_on(stream, &self.bytes()), self.method == "HEAD"))
    }

    /// Sends it and leaves the answer for later; for requests without a long body.
    pub fn begin(self) -> Pending {
        let mut stream = self.client.connect();
        stream.write_all(&self.bytes()).expect("write");
        Pending(stream)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = self.body.as_deref().unwrap_or_default();
        if self.is_chunked {
            text.push_str("transfer-encoding: chunked\r\n");
        } else if self.body.is_some() {
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        if !self.is_chunked {
            bytes.extend_from_slice(body);
            return bytes;
        }
        for chunk in body.chunks(CHUNK_BYTES) {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes
    }
}
