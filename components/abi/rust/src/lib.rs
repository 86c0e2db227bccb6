//! The spells: bytes in, bytes out, or why not. The build says which one [`spell`] is.
//!
//! Knows what spells answer; must never know how they are called.

use serde_json::Value;

/// The spell that is built: `SPELL` in the environment of the build.
const SPELL: &str = match option_env!("SPELL") {
    Some(name) => name,
    None => "processed",
};

/// The spell that was chosen when this was built.
///
/// # Errors
/// If the spell fails.
pub fn spell(input: &[u8]) -> Result<Vec<u8>, String> {
    match SPELL {
        "processed" => Ok(processed(input)),
        "suffix" => Ok(suffix(input)),
        "json" => json(input),
        "rle" => Ok(rle(input)),
        "churn" => Ok(churn(input)),
        _ => fails(input),
    }
}

/// `Processed: ` and the input.
pub fn processed(input: &[u8]) -> Vec<u8> {
    [b"Processed: ", input].concat()
}

/// The input and `-wasm`.
pub fn suffix(input: &[u8]) -> Vec<u8> {
    [input, b"-wasm"].concat()
}

/// A JSON object with its `name` in capitals, and `seen`.
///
/// # Errors
/// If the input is no JSON object.
pub fn json(input: &[u8]) -> Result<Vec<u8>, String> {
    let Ok(Value::Object(mut object)) = serde_json::from_slice(input) else {
        return Err("Input is no JSON object".to_owned());
    };
    if let Some(Value::String(name)) = object.get_mut("name") {
        *name = name.to_uppercase();
    }
    object.insert("seen".to_owned(), true.into());
    serde_json::to_vec(&object).map_err(|error| error.to_string())
}

/// Each run of a character as its length and the character. A character is a byte and the continuation bytes behind it.
pub fn rle(input: &[u8]) -> Vec<u8> {
    let characters: Vec<&[u8]> = input.chunk_by(|_, next| next & 0xc0 == 0x80).collect();
    let mut answer = Vec::new();
    for run in characters.chunk_by(|one, next| one == next) {
        answer.extend_from_slice(run.len().to_string().as_bytes());
        answer.extend(run.first().copied().unwrap_or_default());
    }
    answer
}

/// A checksum of many texts, of which a few hundred are kept at any time.
pub fn churn(input: &[u8]) -> Vec<u8> {
    let mut kept = vec![String::new(); 256];
    let mut sum = u32::try_from(input.len()).unwrap_or(u32::MAX);
    for (number, slot) in (0..10_000_usize).zip((0..256).cycle()) {
        let text = number.to_string().repeat(number % 7 + 1);
        sum = text.bytes().fold(sum, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        if let Some(place) = kept.get_mut(slot) {
            *place = text;
        }
    }
    sum.to_string().into_bytes()
}

/// Fails, whatever it is given.
///
/// # Errors
/// Always.
pub fn fails(_input: &[u8]) -> Result<Vec<u8>, String> {
    Err("Input is required".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_in_characters() {
        for (input, answer) in [
            (&b""[..], &b""[..]),
            (b"hello world", b"1h1e2l1o1 1w1o1r1l1d"),
            ("éé漢".as_bytes(), "2é1漢".as_bytes()),
            (b"\xff\xff\xc3", b"2\xff1\xc3"),
        ] {
            assert_eq!(rle(input), answer);
        }
    }

    #[test]
    fn an_object_is_seen_and_nothing_else_is() {
        assert_eq!(json(br#"{"name":"ada"}"#), Ok(br#"{"name":"ADA","seen":true}"#.to_vec()));
        assert!(json(b"[]").is_err());
    }
}
