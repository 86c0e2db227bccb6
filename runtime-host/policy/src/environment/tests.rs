//! The table of names and values that must and must not be taken for secrets.

use super::*;

#[test]
fn no_name_is_confused() {
    let verdict = |name: &str| if is_secret_name(name) { "secret" } else { "passed" };
    crate::table::check(include_str!("names.tsv"), 500, |name| verdict(name).to_owned());
}

#[test]
fn names_that_cannot_be_judged_are_secret() {
    for name in ["ＴＯＫＥＮ", "PАSSWORD", "größe", &"A".repeat(65)] {
        assert!(is_secret_name(name), "{name}");
    }
    assert!(!is_secret_name(""));
}

#[test]
fn no_value_is_confused() {
    let verdict = |value: &str| if is_secret_value(value) { "secret" } else { "passed" };
    crate::table::check(include_str!("values.tsv"), 200, |value| verdict(&filled(&crate::table::unescaped(value))).to_owned());
}

/// The value with so many letters and digits in place of every `<n>`.
fn filled(value: &str) -> String {
    let mut parts = value.split('<');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('>').map(|(count, rest)| (count.parse(), rest)) {
            Some((Ok(count), rest)) => {
                filled.extend("a1B2c3D4e5F6g7H8".chars().cycle().take(count));
                filled.push_str(rest);
            }
            _ => filled.extend(["<", part]),
        }
    }
    filled
}

#[test]
fn a_guest_sees_what_it_named_and_the_host_has_and_is_not_secret() {
    let host = |name: &str| match name {
        "LANG" => Some("C".to_owned()),
        "HOME" => Some("/root".to_owned()),
        "UPSTREAM" => Some("http://a:b@c".to_owned()),
        "HUGE" => Some("x".repeat(VALUE_BYTES_MAX + 1)),
        "ZERO" => Some("a\0b".to_owned()),
        "GH_TOKEN" | "A=B" | "" => panic!("never asked for"),
        _ => None,
    };
    let names = ["LANG", "GH_TOKEN", "UPSTREAM", "NOWHERE", "LANG", "HUGE", "ZERO", "A=B", ""].map(str::to_owned);
    let filtered = filter(&names, host);
    assert_eq!(filtered.passed, [("LANG".to_owned(), "C".to_owned())]);
    assert_eq!(filtered.refused, ["GH_TOKEN", "UPSTREAM", "HUGE", "ZERO", "A=B", ""]);
    assert_eq!(filtered.missing, ["NOWHERE"]);
}

#[test]
fn nothing_is_inherited() {
    assert_eq!(filter(&[], |_| Some("value".to_owned())), Filtered::default());
}

#[test]
fn the_number_of_names_is_bounded() {
    let names: Vec<String> = (0..NAMES_MAX + 5).map(|index| format!("A{index}")).collect();
    let filtered = filter(&names, |_| Some(String::new()));
    assert_eq!((filtered.passed.len(), filtered.refused.len()), (NAMES_MAX, 5));
}

#[test]
fn a_name_that_is_asked_for_again_behind_the_bound_is_in_one_list_only() {
    let mut names: Vec<String> = (0..=NAMES_MAX).map(|index| format!("A{index}")).collect();
    names.extend(["A0".to_owned(), format!("A{NAMES_MAX}")]);
    let filtered = filter(&names, |_| Some(String::new()));
    assert_eq!(filtered.passed.len(), NAMES_MAX);
    assert_eq!(filtered.refused, [format!("A{NAMES_MAX}")]);
}

#[test]
fn values_do_not_show_in_debug_output() {
    let filtered = filter(&["LANG".to_owned()], |_| Some("confidential".to_owned()));
    assert!(!format!("{filtered:?}").contains("confidential"));
}
