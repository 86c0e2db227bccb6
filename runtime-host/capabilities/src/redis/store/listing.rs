//! The keys of a store, in order of their bytes, of a server that gives them in none.
//!
//! This module knows how many keys are held at a time. It must never know how a command reaches the server.

use super::super::resp::{Part, Reply};
use super::{Failure, RedisStore};
use spell_types::{KEY_BYTES_MAX, KEYS_LISTED_BYTES_MAX, KEYS_LISTED_MAX, KeyPage, KeyValueError};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Keys that the server is asked for at a time; it may give somewhat more.
const KEYS_PER_REPLY: &[u8] = b"200";

/// The first keys of those that were added, as many as one listing holds.
#[derive(Default)]
struct Page {
    keys: BTreeSet<String>,
    bytes: usize,
    is_cut: bool,
}

impl Page {
    fn add(&mut self, key: String) {
        let bytes = key.len();
        if self.keys.insert(key) {
            self.bytes += bytes;
        }
        while self.keys.len() > KEYS_LISTED_MAX || self.bytes > KEYS_LISTED_BYTES_MAX {
            self.bytes -= self.keys.pop_last().map_or(0, |last| last.len());
            self.is_cut = true;
        }
    }
}

impl RedisStore {
    /// All keys, or a refusal as soon as there are too many.
    pub(super) async fn all_keys(&self) -> Result<Vec<String>, KeyValueError> {
        let mut page = Page::default();
        self.scan(|key| {
            page.add(key);
            if page.is_cut { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .await?;
        if page.is_cut { Err(KeyValueError::TooManyKeys { keys_max: page.keys.len() }) } else { Ok(page.keys.into_iter().collect()) }
    }

    /// The keys that follow one. The server is asked for all of them each time: it knows no order.
    pub(super) async fn keys_after(&self, after: Option<String>) -> Result<KeyPage, KeyValueError> {
        let mut page = Page::default();
        self.scan(|key| {
            if after.as_ref().is_none_or(|after| key > *after) {
                page.add(key);
            }
            ControlFlow::Continue(())
        })
        .await?;
        Ok(KeyPage { keys: page.keys.into_iter().collect(), is_last: !page.is_cut })
    }

    /// Gives every key at least once, in the time of one operation. Keys that no guest can name are left out.
    async fn scan(&self, mut take: impl FnMut(String) -> ControlFlow<()>) -> Result<(), KeyValueError> {
        let scanning = async {
            let mut cursor = b"0".to_vec();
            loop {
                let mut parts = match self.exchange(&[b"SCAN", &cursor, b"COUNT", KEYS_PER_REPLY]).await? {
                    Reply::Parts(parts) => parts.into_iter(),
                    Reply::Error(text) => return Ok(Err(self.refused(&text))),
                };
                cursor = match parts.next() {
                    Some(Part::Bytes(cursor)) => cursor,
                    _ => return Ok(Err(self.strange())),
                };
                for part in parts {
                    let Part::Bytes(key) = part else { return Ok(Err(self.strange())) };
                    let key = String::from_utf8(key).ok().filter(|key| !key.is_empty() && key.len() <= KEY_BYTES_MAX);
                    if key.is_some_and(|key| take(key).is_break()) {
                        return Ok(Ok(()));
                    }
                }
                if cursor == b"0" {
                    return Ok::<_, Failure>(Ok(()));
                }
            }
        };
        self.in_time(scanning).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_first_keys_whatever_order_they_come_in() {
        let mut page = Page::default();
        for number in (0..KEYS_LISTED_MAX + 5).rev() {
            page.add(format!("{number:06}"));
            page.add(format!("{number:06}"));
        }
        assert!(page.is_cut && page.keys.len() == KEYS_LISTED_MAX);
        assert_eq!((page.keys.first().map(String::as_str), page.keys.last().map(String::as_str)), (Some("000000"), Some("009999")));
        assert_eq!(page.bytes, KEYS_LISTED_MAX * 6);
        let mut page = Page::default();
        for number in 0..2_000 {
            page.add(format!("{number:0width$}", width = KEY_BYTES_MAX));
        }
        assert!(page.is_cut && page.bytes <= KEYS_LISTED_BYTES_MAX && page.keys.len() == KEYS_LISTED_BYTES_MAX / KEY_BYTES_MAX);
    }
}
