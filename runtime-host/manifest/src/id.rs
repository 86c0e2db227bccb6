//! The grammar of names: component ids, variable names, labels, environment variables, header names.
//!
//! This file knows characters. It must never know where a name is used.

/// Words of ASCII letters and digits joined by `-`. Each begins with a letter and is all lower or all upper case.
pub(crate) fn is_kebab(name: &str) -> bool {
    name.split('-').all(|word| is_word(word) && (is_lower(word) || is_upper(word)))
}

/// Lower-case words joined by `_`: the names of variables.
pub(crate) fn is_lower_snake(name: &str) -> bool {
    name.split('_').all(|word| is_word(word) && is_lower(word))
}

/// A label of a store: words joined by `-` or by `_`, not by both.
pub(crate) fn is_label(name: &str) -> bool {
    is_kebab(name) || name.split('_').all(|word| is_word(word) && (is_lower(word) || is_upper(word)))
}

/// A name that an environment can hold.
pub(crate) fn is_environment_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

/// A header name of HTTP.
pub(crate) fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// A header value of HTTP: visible characters, spaces and tabs.
pub(crate) fn is_header_value(value: &str) -> bool {
    value.chars().all(|c| c == '\t' || !c.is_control())
}

/// A kebab-case id made of whatever the text has to offer.
pub(crate) fn to_kebab(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<String> = words
        .map(|word| if word.starts_with(|c: char| c.is_ascii_digit()) { format!("w{word}") } else { word.to_owned() })
        .map(|word| word.to_ascii_lowercase())
        .collect();
    if words.is_empty() { "app".to_owned() } else { words.join("-") }
}

fn is_word(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_lower(word: &str) -> bool {
    !word.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_upper(word: &str) -> bool {
    !word.bytes().any(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_grammar() {
        // name, kebab, lower snake, label
        for (name, kebab, snake, label) in [
            ("a", true, true, true),
            ("hello", true, true, true),
            ("hello-world", true, false, true),
            ("hello_world", false, true, true),
            ("hello-WORLD-2", false, false, false),
            ("hello-WORLD-v2", true, false, true),
            ("HELLO", true, false, true),
            ("HELLO_you", false, false, true),
            ("Hello", false, false, false),
            ("a-b_c", false, false, false),
            ("a--b", false, false, false),
            ("a__b", false, false, false),
            ("-a", false, false, false),
            ("a_", false, false, false),
            ("1a", false, false, false),
            ("a_1", false, false, false),
            ("a1", true, true, true),
            ("é", false, false, false),
            ("a b", false, false, false),
            ("", false, false, false),
        ] {
            assert_eq!((is_kebab(name), is_lower_snake(name), is_label(name)), (kebab, snake, label), "{name:?}");
        }
    }

    #[test]
    fn any_file_stem_becomes_a_kebab_id() {
        for (stem, id) in [
            ("hello", "hello"),
            ("Hello_World", "hello-world"),
            ("v1.2", "v1-w2"),
            ("--", "app"),
            ("", "app"),
            ("日本", "app"),
            ("a日b", "a-b"),
        ] {
            assert_eq!(to_kebab(stem), id);
            assert!(is_kebab(&to_kebab(stem)));
        }
    }
}
