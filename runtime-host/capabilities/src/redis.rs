//! Redis: `fermyon:spin/redis@2.0.0` and `spin:redis/redis@3.0.0` over one connection that one command at a time may use.
//!
//! This module knows commands and what their replies mean. It must never know how a connection comes about.

mod interfaces;
mod resp;
mod store;

pub use store::{RedisStore, RedisStoreError};

use crate::Host;
use crate::outbound::{Address, AnswerBound, CheckedStream, ConnectionError, Duplex, Passage, Turns, too_large};
use resp::{Part, Reply};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncWriteExt, BufReader};
use wasmtime::component::Resource;

const SCHEMES: [&str; 2] = ["redis", "rediss"];
/// Commands after which a connection no longer gives one reply for each command.
const UNSUPPORTED: [&str; 9] = ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "MONITOR", "SYNC", "PSYNC", "HELLO", "CLIENT"];

/// A connection that a guest has opened.
pub struct RedisConnection(Arc<Turns<Wire>>);

struct Wire {
    stream: BufReader<Box<dyn Duplex>>,
    bound: AnswerBound,
}

/// Why a command has no result.
#[derive(Debug)]
enum RedisError {
    InvalidAddress,
    TooManyConnections,
    Type,
    Other(String),
}

impl From<ConnectionError> for RedisError {
    fn from(error: ConnectionError) -> Self {
        match error {
            // What was wrong with it is in the host's log; the interface has no room for it.
            ConnectionError::BadAddress(_) | ConnectionError::NotAllowed | ConnectionError::AddressRefused => Self::InvalidAddress,
            ConnectionError::TooMany => Self::TooManyConnections,
            error => Self::Other(error.to_string()),
        }
    }
}

impl From<io::Error> for RedisError {
    fn from(error: io::Error) -> Self {
        match too_large(&error) {
            Some(error) => Self::Other(error.to_string()),
            None if error.kind() == io::ErrorKind::InvalidData => Self::Other(error.to_string()),
            None => ConnectionError::Closed.into(),
        }
    }
}

impl Wire {
    async fn exchange(&mut self, words: &[&[u8]]) -> io::Result<Reply> {
        self.stream.write_all(&resp::command(words)).await?;
        self.stream.flush().await?;
        resp::read(&mut self.stream, &self.bound).await
    }

    async fn command(&mut self, words: &[&[u8]]) -> Result<Reply, RedisError> {
        Ok(self.exchange(words).await?)
    }

    /// Says who asks, and for which database.
    async fn introduce(&mut self, address: &Address) -> Result<(), RedisError> {
        match (&address.user, &address.password) {
            (Some(user), Some(password)) => self.greet(&[b"AUTH", user.as_bytes(), password.as_bytes()], "the credentials").await?,
            (None, Some(password)) => self.greet(&[b"AUTH", password.as_bytes()], "the credentials").await?,
            (_, None) => {}
        }
        match address.path.as_str() {
            "" | "0" => Ok(()),
            database => self.greet(&[b"SELECT", database.as_bytes()], "the database").await,
        }
    }

    /// A command of the greeting; what the server says against it may repeat credentials and is not passed on.
    async fn greet(&mut self, words: &[&[u8]], what: &str) -> Result<(), RedisError> {
        match self.command(words).await? {
            Reply::Parts(_) => Ok(()),
            Reply::Error(_) => Err(RedisError::Other(format!("the server refuses {what}"))),
        }
    }
}

async fn open(passage: Passage) -> Result<RedisConnection, RedisError> {
    let address = &passage.address;
    if !address.path.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RedisError::InvalidAddress);
    }
    let stream: CheckedStream = passage.open().await?;
    let stream: Box<dyn Duplex> = match address.destination.scheme() {
        "rediss" => Box::new(passage.secure(stream, passage.trusted()).await?),
        _ => Box::new(stream),
    };
    let mut wire = Wire { stream: BufReader::with_capacity(resp::READ_AHEAD_BYTES, stream), bound: passage.bound.clone() };
    let greeting = async move { wire.introduce(address).await.map(|()| wire) };
    let wire = passage.in_connect_time(greeting).await?;
    Ok(RedisConnection(Arc::new(passage.turns(wire))))
}

impl RedisConnection {
    /// One command and its reply.
    async fn run(connection: &Turns<Wire>, words: &[&[u8]]) -> Result<Vec<Part>, RedisError> {
        let running = async {
            let mut lease = connection.take().await?;
            let reply = lease.held.command(words).await?;
            lease.give_back();
            match reply {
                Reply::Parts(parts) => Ok(parts),
                Reply::Error(text) if is_of_type(&text) => Err(RedisError::Type),
                Reply::Error(text) => Err(RedisError::Other(text)),
            }
        };
        connection.in_time(running).await
    }

    async fn integer(connection: &Turns<Wire>, words: &[&[u8]]) -> Result<i64, RedisError> {
        match Self::run(connection, words).await?.as_slice() {
            [Part::Integer(number)] => Ok(*number),
            _ => Err(RedisError::Type),
        }
    }

    /// How many of something there are.
    async fn count(connection: &Turns<Wire>, words: &[&[u8]]) -> Result<u32, RedisError> {
        u32::try_from(Self::integer(connection, words).await?).map_err(|_| RedisError::Type)
    }

    async fn get(connection: &Turns<Wire>, key: &str) -> Result<Option<Vec<u8>>, RedisError> {
        match Self::run(connection, &[b"GET", key.as_bytes()]).await?.pop() {
            Some(Part::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Part::Nil) => Ok(None),
            _ => Err(RedisError::Type),
        }
    }

    async fn members(connection: &Turns<Wire>, key: &str) -> Result<Vec<String>, RedisError> {
        let parts = Self::run(connection, &[b"SMEMBERS", key.as_bytes()]).await?;
        let member = |part| match part {
            Part::Bytes(bytes) => String::from_utf8(bytes).map_err(|_| RedisError::Type),
            _ => Err(RedisError::Type),
        };
        parts.into_iter().map(member).collect()
    }

    /// Any command, with whatever it answers.
    async fn execute(connection: &Turns<Wire>, command: &str, arguments: Vec<Vec<u8>>) -> Result<Vec<Part>, RedisError> {
        if UNSUPPORTED.iter().any(|name| command.eq_ignore_ascii_case(name)) {
            return Err(RedisError::Other(format!("{} is not supported: every command has one reply here", command.to_ascii_uppercase())));
        }
        Self::run(connection, &words(command, None, &arguments)).await
    }
}

/// A command's name, its key if it has one, and what follows.
fn words<'a>(command: &'a str, key: Option<&'a str>, arguments: &'a [impl AsRef<[u8]>]) -> Vec<&'a [u8]> {
    [command.as_bytes()].into_iter().chain(key.map(str::as_bytes)).chain(arguments.iter().map(AsRef::as_ref)).collect()
}

/// Whether an error says that a value is of another type than the command needs.
fn is_of_type(error: &str) -> bool {
    error.starts_with("WRONGTYPE") || error.starts_with("ERR value is not an integer")
}

impl Host {
    fn redis(&self, opened: &Resource<RedisConnection>) -> wasmtime::Result<Arc<Turns<Wire>>> {
        Ok(Arc::clone(&self.table.get(opened)?.0))
    }

    fn keep_redis(&mut self, opened: Result<RedisConnection, RedisError>) -> Result<Resource<RedisConnection>, RedisError> {
        self.table.push(opened?).map_err(|_| RedisError::TooManyConnections)
    }
}
