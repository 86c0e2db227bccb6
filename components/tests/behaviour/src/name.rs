//! Names of errors in wasi:http. Knows how bindings spell them and how WIT does; must never list them.

/// The WIT name of an error from what its binding prints: `ErrorCode::DnsError(…)` is `DNS-error`.
#[must_use]
pub fn error_name(debug: &str) -> String {
    let path = debug.split(|c: char| !c.is_ascii_alphanumeric() && c != ':').next().unwrap_or_default();
    let variant = path.rsplit(':').next().unwrap_or_default();
    let mut words: Vec<String> = Vec::new();
    for letter in variant.chars() {
        match words.last_mut() {
            Some(word) if !letter.is_ascii_uppercase() => word.push(letter),
            _ => words.push(letter.to_ascii_lowercase().to_string()),
        }
    }
    let words: Vec<String> = words.into_iter().map(|word| if is_initialism(&word) { word.to_uppercase() } else { word }).collect();
    words.join("-")
}

fn is_initialism(word: &str) -> bool {
    matches!(word, "dns" | "http" | "ip" | "tls" | "uri")
}

#[cfg(test)]
mod tests {
    use super::error_name;

    #[test]
    fn a_binding_name_becomes_the_name_in_wit() {
        let table = [
            ("ErrorCode::HttpRequestDenied", "HTTP-request-denied"),
            ("ErrorCode::DestinationIpProhibited", "destination-IP-prohibited"),
            ("ErrorCode::HttpRequestUriInvalid", "HTTP-request-URI-invalid"),
            ("ErrorCode::DnsError(DnsErrorPayload { rcode: None })", "DNS-error"),
            ("ErrorCode::ConnectionRefused", "connection-refused"),
            ("HeaderError::SizeExceeded", "size-exceeded"),
            ("InternalError(Some(\"x\"))", "internal-error"),
        ];
        for (debug, expected) in table {
            assert_eq!(error_name(debug), expected, "for {debug}");
        }
    }
}
