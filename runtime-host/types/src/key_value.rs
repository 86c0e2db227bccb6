//! The key-value store as guests see it; implemented by the database room, used by the capabilities room.

use std::pin::Pin;

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
    /// The database could not do it; the reason is in the host's log.
    #[error("the key-value database is unavailable")]
    Unavailable,
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
}
