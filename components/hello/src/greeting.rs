//! What to say. Knows text only; must never know HTTP.

use percent_encoding::percent_decode_str;

/// The greeting for a path segment, percent-decoded; a missing or undecodable name greets the world.
#[must_use]
pub fn greeting(segment: Option<&str>) -> String {
    let name = segment.and_then(|segment| percent_decode_str(segment).decode_utf8().ok());
    let name = name.as_deref().map(str::trim).filter(|name| !name.is_empty()).unwrap_or("world");
    format!("Hello, {name}!")
}

#[cfg(test)]
mod tests {
    use super::greeting;

    #[test]
    fn a_name_is_decoded_and_a_missing_one_becomes_the_world() {
        let table = [
            (Some("Ada"), "Hello, Ada!"),
            (Some("Ada%20Lovelace"), "Hello, Ada Lovelace!"),
            (Some("J%C3%BCrgen"), "Hello, Jürgen!"),
            (Some("%FF"), "Hello, world!"),
            (Some("%20"), "Hello, world!"),
            (Some(""), "Hello, world!"),
            (None, "Hello, world!"),
        ];
        for (segment, expected) in table {
            assert_eq!(greeting(segment), expected, "for {segment:?}");
        }
    }
}
