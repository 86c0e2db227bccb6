//! The key-value store as guests see it; implemented by the database room, used by the capabilities room.

use std::pin::Pin;

/// Longest key, in bytes of UTF-8.
pub const KEY_BYTES_MAX: usize = 8 << 10;
/// Longest value, in bytes.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// Most keys in one listing.
pub const KEYS_LISTED_MAX: usize = 10_000;
/// Most bytes of keys in one listing: long keys meet it before [`KEYS_LISTED_MAX`].
pub const KEYS_LISTED_BYTES_MAX: usize = 8 << 20;

/// A boxed future, for traits that are used as objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a key-value operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyValueError {
    /// The key is empty or longer than allowed.
    #[error("key of {bytes} bytes: keys have 1 to {bytes_max} bytes")]
    BadKey {
        /// Length of the key.
        bytes: usize,
        /// Longest key allowed.
        bytes_max: usize,
    },
    /// The value is longer than allowed.
    #[error("value of {bytes} bytes: values have at most {bytes_max} bytes")]
    ValueTooLarge {
        /// Length of the value.
        bytes: usize,
        /// Longest value allowed.
        bytes_max: usize,
    },
    /// The store holds as much as it may.
    #[error("store is full: it holds at most {bytes_max} bytes")]
    Full {
        /// Most bytes of keys and values in one store.
        bytes_max: u64,
    },
    /// More keys than can be listed at once.
    #[error("more than {keys_max} keys: too many to list at once")]
    TooManyKeys {
        /// Most keys in one listing.
        keys_max: usize,
    },
    /// The value under the key is no number that can be counted on.
    #[error("the value of {bytes} bytes is not a counter: counters have 8 bytes, the lowest first")]
    NotACounter {
        /// Length of the value.
        bytes: usize,
    },
    /// The same in a store whose counters are numbers as text.
    #[error("the value is not a counter: counters are whole numbers in decimal here")]
    NotADecimal,
    /// The store has something else under the key than a value; another program put it there.
    #[error("what is under the key is not a value")]
    NotAValue,
    /// The store answers with more than the host takes.
    #[error("the answer of the store is larger than {bytes_max} bytes")]
    AnswerTooLarge {
        /// Largest answer taken.
        bytes_max: u64,
    },
    /// The sum does not fit into a counter.
    #[error("the counter would leave the range of 64 bits")]
    CounterOverflow,
    /// This kind of store cannot do it.
    #[error("this store has no {operation}")]
    NotOffered {
        /// What was asked for.
        operation: &'static str,
    },
    /// The database could not do it; the reason is in the host's log.
    #[error("the key-value database is unavailable")]
    Unavailable,
}

/// Some keys of a store, in order of their bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<String>,
    /// Whether there are none after them.
    pub is_last: bool,
}

/// Named stores of byte values. A write that was acknowledged survives a power loss.
pub trait KeyValueStore: Send + Sync {
    /// The value under a key.
    fn get<'a>(&'a self, store: &'a str, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeyValueError>>;
    /// Puts a value under a key, in place of any other.
    fn set<'a>(&'a self, store: &'a str, key: &'a str, value: Vec<u8>) -> BoxFuture<'a, Result<(), KeyValueError>>;
    /// Removes a key; removing what is not there succeeds.
    fn delete<'a>(&'a self, store: &'a str, key: &'a str) -> BoxFuture<'a, Result<(), KeyValueError>>;
    /// Whether there is such a key.
    fn exists<'a>(&'a self, store: &'a str, key: &'a str) -> BoxFuture<'a, Result<bool, KeyValueError>>;
    /// All keys, in order of their bytes.
    fn get_keys<'a>(&'a self, store: &'a str) -> BoxFuture<'a, Result<Vec<String>, KeyValueError>>;

    /// As many keys as one listing holds, in order of their bytes, from the first one after `after` on.
    fn get_keys_after<'a>(&'a self, store: &'a str, after: Option<String>) -> BoxFuture<'a, Result<KeyPage, KeyValueError>> {
        Box::pin(async move {
            let mut keys = self.get_keys(store).await?;
            keys.sort_unstable();
            keys.retain(|key| after.as_ref().is_none_or(|after| key > after));
            Ok(KeyPage { keys, is_last: true })
        })
    }

    /// Adds to the counter under a key, which begins at 0, and gives the sum. Nobody else's write comes between.
    fn increment<'a>(&'a self, _store: &'a str, _key: &'a str, _delta: i64) -> BoxFuture<'a, Result<i64, KeyValueError>> {
        Box::pin(std::future::ready(Err(KeyValueError::NotOffered { operation: "increment" })))
    }

    /// Puts a value under a key if what is there is still what was expected, `None` being nothing. False where it is not. Nobody else's
    /// write comes between.
    fn replace_if<'a>(
        &'a self,
        _store: &'a str,
        _key: &'a str,
        _expected: Option<Vec<u8>>,
        _value: Vec<u8>,
    ) -> BoxFuture<'a, Result<bool, KeyValueError>> {
        Box::pin(std::future::ready(Err(KeyValueError::NotOffered { operation: "compare and swap" })))
    }
}
