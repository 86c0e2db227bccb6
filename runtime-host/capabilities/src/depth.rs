//! How deep a request lies in a chain of spells that call spells, told from host to host by the header `CDN-Loop` (RFC 8586): a
//! spell that calls itself would otherwise go on until all places to run are taken.
//!
//! This module knows the header. It must never know how deep is too deep.

use http::{HeaderMap, HeaderName, HeaderValue};

const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");
/// Our name in the header, and the parameter that counts.
const PSEUDONYM: &str = "spell";
const PARAMETER: &str = "depth=";

/// How many spells have called each other until this request came about; 0 for one from outside.
///
/// Others write into the header as well: the deepest of our own entries counts, so that one that was copied or made up changes nothing.
///
/// ```
/// let mut headers = http::HeaderMap::new();
/// assert_eq!(spell_capabilities::depth(&headers), 0);
/// headers.insert("cdn-loop", "example.com; a=b, spell; depth=2".parse().unwrap());
/// assert_eq!(spell_capabilities::depth(&headers), 2);
/// ```
pub fn depth(headers: &HeaderMap) -> u64 {
    let values = headers.get_all(CDN_LOOP).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(depth_of_entry).max().unwrap_or(0)
}

fn depth_of_entry(entry: &str) -> Option<u64> {
    let mut parts = entry.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(PSEUDONYM) {
        return None;
    }
    parts.find_map(|parameter| parameter.strip_prefix(PARAMETER)?.parse().ok())
}

/// Marks a request that a spell at this depth sends.
pub(crate) fn mark(headers: &mut HeaderMap, depth: u64) {
    let entry = format!("{PSEUDONYM}; {PARAMETER}{}", depth.saturating_add(1));
    if let Ok(entry) = HeaderValue::try_from(entry) {
        headers.append(CDN_LOOP, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_entry_of_ours_counts() {
        for (values, expected) in [
            (&[][..], 0),
            (&["spell; depth=1"], 1),
            (&["SPELL;depth=3"], 3),
            (&["spell; depth=1, spell; depth=3", "spell; depth=2"], 3),
            (&["other; depth=9"], 0),
            (&["spell", "spell; depth=x", "spell; depth=-1", "spell; depth", ",;,", ""], 0),
            (&["spell; a=b; depth=5"], 5),
            (&["spell; depth=99999999999999999999"], 0),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CDN_LOOP, HeaderValue::from_static(value));
            }
            assert_eq!(depth(&headers), expected, "{values:?}");
        }
    }

    #[test]
    fn a_mark_is_one_deeper_and_stands_beside_what_was_there() {
        let mut headers = HeaderMap::new();
        headers.append(CDN_LOOP, HeaderValue::from_static("example.com"));
        mark(&mut headers, 2);
        assert_eq!((depth(&headers), headers.get_all(CDN_LOOP).iter().count()), (3, 2));
        mark(&mut headers, u64::MAX);
        assert_eq!(depth(&headers), u64::MAX);
    }
}
