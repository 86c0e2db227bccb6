//! A store of keys and values that a Redis server keeps, for whichever label the operator leads there.
//!
//! This module knows commands and the connections that they take turns on. It must never know labels or who was granted what. Keys are
//! those of the database that the address names, as they are: other programs may use them too.

use super::resp::{self, Part, Reply};
use super::{RedisError, SCHEMES, Wire};
use crate::outbound::{Address, AnswerBound, ConnectionError, Duplex, TlsRoots, connect_unjudged, tls_name, too_large};
use futures_util::FutureExt;
use spell_types::{BoxFuture, KEY_BYTES_MAX, KeyPage, KeyValueError, KeyValueStore, VALUE_BYTES_MAX};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

mod listing;

/// Most connections to the server; operations beyond wait.
const CONNECTIONS_MAX: usize = 16;
/// Longest that a connection is kept while nothing uses it.
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);
/// Most bytes of a reply: the largest value, or some of the longest keys.
const REPLY_BYTES_MAX: u64 = 4 << 20;
/// Most characters of a server's complaint that are noted.
const COMPLAINT_CHARACTERS_MAX: usize = 200;
/// Puts a value in place of another, and nothing between.
const REPLACE: &[u8] = b"if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) return 1 end return 0";

/// Keys and values on a Redis server. Nothing is connected before the first operation.
pub struct RedisStore {
    address: Address,
    trusted: Arc<rustls::ClientConfig>,
    connect_time_max: Duration,
    answer_time_max: Duration,
    places: Semaphore,
    idle: Mutex<Vec<(Instant, Wire)>>,
}

/// Why an address is none of a store. It never repeats the address, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisStoreError {
    /// It cannot be read.
    #[error("{0}; write redis://[user:password@]host[:port][/database], or rediss: for TLS")]
    BadAddress(String),
    /// There is something else than a number behind the host.
    #[error("the database is no number: write redis://host/1")]
    BadDatabase,
    /// There is something behind a question mark.
    #[error("an address of Redis has no parameters")]
    Parameters,
}

/// Why an operation has no answer.
enum Failure {
    Late,
    Connecting(RedisError),
    Talking(io::Error),
}

impl RedisStore {
    /// A store at this address. Connecting, and an operation from its beginning to its end, take no longer than they may.
    pub fn new(url: &str, tls: &TlsRoots, connect_time_max: Duration, answer_time_max: Duration) -> Result<RedisStore, RedisStoreError> {
        let mut address = Address::parse(url, &SCHEMES).map_err(|error| RedisStoreError::BadAddress(error.to_string()))?;
        if address.parameters().next().is_some() {
            return Err(RedisStoreError::Parameters);
        }
        let database = if address.path.is_empty() { Ok(0) } else { address.path.parse::<u32>() };
        address.path = database.map_err(|_| RedisStoreError::BadDatabase)?.to_string();
        let (places, idle) = (Semaphore::new(CONNECTIONS_MAX), Mutex::default());
        Ok(RedisStore { address, trusted: tls.other(), connect_time_max, answer_time_max, places, idle })
    }

    /// Which keys these are: the server and the number of the database, without credentials. Two stores of one place are one store.
    pub fn place(&self) -> String {
        let destination = &self.address.destination;
        format!("{}:{}/{}", destination.host(), destination.port(), self.address.path)
    }

    /// One command and its reply.
    async fn ask(&self, words: &[&[u8]]) -> Result<Vec<Part>, KeyValueError> {
        match self.in_time(self.exchange(words)).await? {
            Reply::Parts(parts) => Ok(parts),
            Reply::Error(text) => Err(self.refused(&text)),
        }
    }

    async fn in_time<T>(&self, asking: impl Future<Output = Result<T, Failure>>) -> Result<T, KeyValueError> {
        let asked = tokio::time::timeout(self.answer_time_max, asking).await.unwrap_or(Err(Failure::Late));
        asked.map_err(|failure| self.failed(&failure))
    }

    async fn exchange(&self, words: &[&[u8]]) -> Result<Reply, Failure> {
        // A semaphore that is never closed never fails.
        let _place = self.places.acquire().await;
        let mut wire = match self.kept() {
            Some(wire) => wire,
            None => self.connect().await?,
        };
        wire.bound.renew();
        let reply = wire.exchange(words).await.map_err(Failure::Talking)?;
        self.lock().push((Instant::now(), wire));
        Ok(reply)
    }

    /// A connection of an earlier operation that the server has not closed or spoken on since.
    fn kept(&self) -> Option<Wire> {
        loop {
            let (since, mut wire) = self.lock().pop()?;
            wire.bound.renew();
            if since.elapsed() < IDLE_TIME_MAX && wire.stream.fill_buf().now_or_never().is_none() {
                return Some(wire);
            }
        }
    }

    async fn connect(&self) -> Result<Wire, Failure> {
        let destination = &self.address.destination;
        let bound = AnswerBound::new(REPLY_BYTES_MAX);
        let connecting = async {
            let stream = connect_unjudged(destination, bound.clone()).await?;
            let stream: Box<dyn Duplex> = if destination.scheme() == "rediss" {
                let secured = TlsConnector::from(Arc::clone(&self.trusted)).connect(tls_name(destination)?, stream).await;
                Box::new(secured.map_err(|_| ConnectionError::Tls)?)
            } else {
                Box::new(stream)
            };
            let mut wire = Wire { stream: BufReader::with_capacity(resp::READ_AHEAD_BYTES, stream), bound };
            wire.introduce(&self.address).await.map(|()| wire)
        };
        let connected = tokio::time::timeout(self.connect_time_max, connecting).await;
        connected.unwrap_or_else(|_| Err(ConnectionError::ConnectTimeout.into())).map_err(Failure::Connecting)
    }

    /// Nothing is ever left half done in there.
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, Wire)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, failure: &Failure) -> KeyValueError {
        let reason = match failure {
            Failure::Talking(error) if too_large(error).is_some() => return KeyValueError::AnswerTooLarge { bytes_max: REPLY_BYTES_MAX },
            Failure::Late => "no whole answer within the time allowed, the limit outbound.query_time".to_owned(),
            Failure::Connecting(RedisError::Other(reason)) => reason.clone(),
            Failure::Connecting(_) => "no connection".to_owned(),
            Failure::Talking(error) => error.to_string(),
        };
        self.note(&reason)
    }

    /// What the server says against a command.
    fn refused(&self, text: &str) -> KeyValueError {
        if text.contains("WRONGTYPE") {
            return KeyValueError::NotAValue;
        }
        match text {
            text if text.starts_with("ERR value is not an integer") => KeyValueError::NotADecimal,
            text if text.contains("would overflow") => KeyValueError::CounterOverflow,
            text => self.note(text),
        }
    }

    /// The operator is told; the guest learns that the store is not there.
    fn note(&self, reason: &str) -> KeyValueError {
        let reason: String = reason.chars().take(COMPLAINT_CHARACTERS_MAX).flat_map(char::escape_default).collect();
        tracing::error!(store = %self.place(), reason, "a key-value operation failed");
        KeyValueError::Unavailable
    }

    async fn number(&self, words: &[&[u8]]) -> Result<i64, KeyValueError> {
        match self.ask(words).await?.as_slice() {
            [Part::Integer(number)] => Ok(*number),
            _ => Err(self.strange()),
        }
    }

    /// The server answers what no Redis would.
    fn strange(&self) -> KeyValueError {
        self.note("the server does not answer as Redis does")
    }
}

impl KeyValueStore for RedisStore {
    fn get<'a>(&'a self, _: &'a str, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeyValueError>> {
        Box::pin(async move {
            check_key(key)?;
            match self.ask(&[b"GET", key.as_bytes()]).await?.pop() {
                Some(Part::Bytes(value)) => check_value(&value).map(|()| Some(value)),
                Some(Part::Nil) => Ok(None),
                _ => Err(self.strange()),
            }
        })
    }

    fn set<'a>(&'a self, _: &'a str, key: &'a str, value: Vec<u8>) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async move {
            check_key(key)?;
            check_value(&value)?;
            self.ask(&[b"SET", key.as_bytes(), &value]).await.map(drop)
        })
    }

    fn delete<'a>(&'a self, _: &'a str, key: &'a str) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async move {
            check_key(key)?;
            self.number(&[b"DEL", key.as_bytes()]).await.map(drop)
        })
    }

    fn exists<'a>(&'a self, _: &'a str, key: &'a str) -> BoxFuture<'a, Result<bool, KeyValueError>> {
        Box::pin(async move {
            check_key(key)?;
            self.number(&[b"EXISTS", key.as_bytes()]).await.map(|count| count > 0)
        })
    }

    fn get_keys<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<String>, KeyValueError>> {
        Box::pin(self.all_keys())
    }

    fn get_keys_after<'a>(&'a self, _: &'a str, after: Option<String>) -> BoxFuture<'a, Result<KeyPage, KeyValueError>> {
        Box::pin(self.keys_after(after))
    }

    /// Counters are kept as the server counts: as a number in decimal.
    fn increment<'a>(&'a self, _: &'a str, key: &'a str, delta: i64) -> BoxFuture<'a, Result<i64, KeyValueError>> {
        Box::pin(async move {
            check_key(key)?;
            self.number(&[b"INCRBY", key.as_bytes(), delta.to_string().as_bytes()]).await
        })
    }

    fn replace_if<'a>(
        &'a self,
        _: &'a str,
        key: &'a str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> BoxFuture<'a, Result<bool, KeyValueError>> {
        Box::pin(async move {
            check_key(key)?;
            check_value(&value)?;
            match &expected {
                Some(expected) => Ok(self.number(&[b"EVAL", REPLACE, b"1", key.as_bytes(), expected, &value]).await? == 1),
                None => match self.ask(&[b"SET", key.as_bytes(), &value, b"NX"]).await?.as_slice() {
                    [Part::Status(_)] => Ok(true),
                    [Part::Nil] => Ok(false),
                    _ => Err(self.strange()),
                },
            }
        })
    }
}

fn check_key(key: &str) -> Result<(), KeyValueError> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(KeyValueError::BadKey { bytes: key.len(), bytes_max: KEY_BYTES_MAX });
    }
    Ok(())
}

fn check_value(value: &[u8]) -> Result<(), KeyValueError> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(KeyValueError::ValueTooLarge { bytes: value.len(), bytes_max: VALUE_BYTES_MAX });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
