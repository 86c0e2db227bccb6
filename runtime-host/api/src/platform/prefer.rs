//! What a client would rather have (RFC 7240), as far as this host has a choice.
//!
//! It knows the header `Prefer`. It must never know what becomes of a preference.

use http::HeaderMap;
use http::header::HeaderName;

const PREFER: HeaderName = HeaderName::from_static("prefer");
/// What says which preference was followed.
pub(crate) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// The preference for an answer before the work is done.
pub(crate) const RESPOND_ASYNC: &str = "respond-async";

/// Whether the client would rather not wait. What else it prefers is nothing to this host.
pub(crate) fn prefers_async(headers: &HeaderMap) -> bool {
    let said = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|value| split(value, ',')).any(is_respond_async)
}

/// The preference has no value; parameters of it mean nothing.
fn is_respond_async(preference: &str) -> bool {
    let own = split(preference, ';').next().unwrap_or_default();
    let (token, value) = own.split_once('=').unwrap_or((own, ""));
    token.trim().eq_ignore_ascii_case(RESPOND_ASYNC) && matches!(value.trim(), "" | "\"\"")
}

/// The parts between separators, those within quotes aside.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |character| {
        let is_end = character == separator && !is_quoted;
        is_quoted ^= character == '"' && !is_escaped;
        is_escaped = is_quoted && character == '\\' && !is_escaped;
        is_end
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_preference_is_found_among_others_and_nowhere_else() {
        for (values, expected) in [
            (&["respond-async"][..], true),
            (&["Respond-ASYNC"], true),
            (&[" respond-async ; wait=5 , return=minimal"], true),
            (&["wait=10,respond-async"], true),
            (&["return=minimal", "respond-async"], true),
            (&["respond-async=\"\""], true),
            (&[r#"note="a \" b", respond-async"#], true),
            (&[], false),
            (&[""], false),
            (&["respond-async=false"], false),
            (&["respond-asynchronously"], false),
            (&["return=respond-async"], false),
            (&["return=minimal; respond-async"], false),
            (&[r#"note="a, respond-async""#], false),
            (&[r#"note="a \", respond-async""#], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(PREFER, HeaderValue::from_str(value).unwrap());
            }
            assert_eq!(prefers_async(&headers), expected, "{values:?}");
        }
    }
}
