//! The kernels that are other people's code, as most of what a guest computes is: a map, a JSON parser, a hash.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

/// Counts words of a made-up text in a map, then looks up as many, half of which are not there.
pub fn hashmap(words: u64) -> u64 {
    // The default hasher, without the random numbers that would make each run another one.
    let mut counts: HashMap<u64, u64, BuildHasherDefault<DefaultHasher>> = HashMap::default();
    let word = |index: u64| index.wrapping_mul(0x9e37_79b9_7f4a_7c15) % words;
    (0..words).for_each(|index| *counts.entry(word(index)).or_default() += index);
    (0..words).filter_map(|index| counts.get(&(index * 2))).fold(0, |sum, count| sum.wrapping_mul(31).wrapping_add(*count))
}

/// Prints a document of so many entries, parses it, and prints what was parsed; the checksum is of the bytes.
pub fn json(entries: u64) -> u64 {
    let entry = |id: u64| {
        json!({
            "id": id,
            "name": format!("entry \"{id}\" \u{e9}"),
            "score": id as f64 / 8.0,
            "tags": ["first", "second", null, id.is_multiple_of(2)],
            "place": { "latitude": 52.5, "longitude": -13.25 },
        })
    };
    let document = Value::Array((0..entries).map(entry).collect()).to_string();
    let parsed: Value = serde_json::from_str(&document).unwrap_or_default();
    parsed.to_string().bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

/// The first eight bytes of the SHA-256 of so many KiB.
pub fn sha256(kibibytes: usize) -> u64 {
    let data: Vec<u8> = (0..kibibytes << 10).map(|index| index as u8).collect();
    Sha256::digest(&data).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_work_counts() {
        // SHA-256 of nothing begins so.
        assert_eq!(sha256(0), 0xe3b0_c442_98fc_1c14);
        assert_ne!(hashmap(100), hashmap(101));
        assert_ne!(json(2), json(3));
    }
}
