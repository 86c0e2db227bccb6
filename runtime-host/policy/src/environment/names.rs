//! Whether a name looks like that of a secret, judged by whole words: `API_KEY`, `apiKey` and `APIKEY` do, `MONKEY` does not.
//!
//! It knows words. It must never know values. Where it errs, it errs towards "secret".

use super::words::{
    ENDING, FAMILIES, GLUE, HARMLESS, INSIDE, LOCATION, LOCATION_AT_END, ORDINARY, SECRET, SECRET_WITH_DIGITS, STORE, STORE_BEGINNING,
    STORE_ENDING,
};

/// Longest glued word that is taken apart, in bytes; a longer one counts as secret.
const GLUED_BYTES_MAX: usize = 64;

/// Whether a variable of this name is taken for a secret. Names that are not ASCII cannot be judged, and count as secret.
///
/// ```
/// use spell_policy::environment::is_secret_name;
/// assert!(is_secret_name("apiKey") && is_secret_name("DBPASSWORD") && is_secret_name("AWS_REGION"));
/// assert!(!is_secret_name("MONKEY") && !is_secret_name("PWD"));
/// ```
pub fn is_secret_name(name: &str) -> bool {
    if !name.is_ascii() {
        return true;
    }
    if HARMLESS.contains(&name) {
        return false;
    }
    let segments = segments(name);
    let of_family = segments.first().is_some_and(|first| FAMILIES.contains(&first.as_str()));
    of_family
        || has_word_with_digits(name)
        || is_location(&segments)
        || has_halves(&segments)
        || segments.iter().any(|segment| is_secret_segment(segment))
}

fn has_word_with_digits(name: &str) -> bool {
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| SECRET_WITH_DIGITS.iter().any(|secret| word.eq_ignore_ascii_case(secret)))
}

/// Whether it is the address of a store: `DATABASE_URL`, but not `STRING_DB`.
fn is_location(segments: &[String]) -> bool {
    let store = segments.iter().position(|segment| is_store(segment));
    let location = segments.iter().rposition(|segment| LOCATION.contains(&singular(segment)));
    let ends = segments.last().is_some_and(|last| LOCATION_AT_END.iter().any(|word| singular(last).ends_with(word)));
    ends || store.zip(location).is_some_and(|(store, location)| store < location)
}

fn is_store(segment: &str) -> bool {
    STORE.contains(&segment)
        || STORE_BEGINNING.iter().any(|beginning| segment.starts_with(beginning))
        || STORE_ENDING.iter().any(|ending| segment.ends_with(ending))
}

/// Whether a secret word was written as two: `KUBE_CONFIG`, `tOKEN`. Short words come together by accident.
fn has_halves(segments: &[String]) -> bool {
    segments.windows(2).any(|pair| {
        let whole = pair.concat();
        whole.len() >= 5 && SECRET.contains(&singular(&whole))
    })
}

fn singular(word: &str) -> &str {
    word.strip_suffix('S').filter(|singular| !singular.ends_with('S')).unwrap_or(word)
}

/// The words of a name in upper case: split at everything but letters, and where camel case begins a word.
fn segments(name: &str) -> Vec<String> {
    let bytes = name.as_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or(b' ');
    let mut segments = vec![String::new()];
    for (index, &byte) in bytes.iter().enumerate() {
        let before = if index == 0 { b' ' } else { at(index - 1) };
        let camel = byte.is_ascii_uppercase()
            && (before.is_ascii_lowercase() || (before.is_ascii_uppercase() && at(index + 1).is_ascii_lowercase()));
        // The `s` of `APIKeys` or `URLs` begins no word of its own.
        let plural = at(index + 1) == b's' && !at(index + 2).is_ascii_lowercase();
        if !byte.is_ascii_alphabetic() || (camel && !(plural && before.is_ascii_uppercase())) {
            segments.push(String::new());
        }
        if byte.is_ascii_alphabetic()
            && let Some(segment) = segments.last_mut()
        {
            segment.push(char::from(byte.to_ascii_uppercase()));
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

/// Whether a segment is secret by its ending, or consists of known words with a secret one among them, or is a glued address
/// such as `DATABASEURL`. Everything of AWS is secret.
fn is_secret_segment(segment: &str) -> bool {
    let singular = singular(segment);
    if segment.len() > GLUED_BYTES_MAX || segment.starts_with("AWS") {
        return true;
    }
    if ORDINARY.contains(&singular) {
        return false;
    }
    let ends = ENDING.iter().any(|word| segment.ends_with(word) || singular.ends_with(word));
    let glued_location = || LOCATION.iter().filter_map(|word| singular.strip_suffix(word)).any(is_store);
    let holds = || INSIDE.iter().any(|word| segment.contains(word));
    ends || holds() || glued_location() || is_glued_secret(segment) || is_glued_secret(singular)
}

/// Finds for every position whether known words lead there, with and without a secret among them. No word reaches past the end
/// of the segment, and no segment past the end of the tables: its caller sees to that.
fn is_glued_secret(segment: &str) -> bool {
    let mut plain = [false; GLUED_BYTES_MAX + 1];
    let mut secret = [false; GLUED_BYTES_MAX + 1];
    plain[0] = true;
    for start in 0..segment.len() {
        let (was_plain, was_secret) = (plain[start], secret[start]);
        let Some(rest) = segment.get(start..).filter(|_| was_plain || was_secret) else { continue };
        for word in SECRET.iter().filter(|word| rest.starts_with(**word)) {
            secret[start + word.len()] = true;
        }
        for word in GLUE.iter().filter(|word| rest.starts_with(**word)) {
            plain[start + word.len()] |= was_plain;
            secret[start + word.len()] |= was_secret;
        }
    }
    secret[segment.len()]
}
