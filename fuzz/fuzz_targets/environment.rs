//! Names and values through the environment filter: each name is in one list, nothing secret is asked for, passed or shown.
//!
//! Each line is a name that a component asks for; a tab and a value behind it are what the host has. This target knows what
//! the filter promises. It must never know which words are secret.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spell_policy::environment::{Filtered, NAME_BYTES_MAX, VALUE_BYTES_MAX, filter, is_secret_name, is_secret_value};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Names that are harmless in exactly this spelling.
const HARMLESS: [&str; 3] = ["PWD", "OLDPWD", "PUBLIC_KEY"];
/// Lines that are also judged one by one, in many forms; the others only make the lists long.
const JUDGED_MAX: usize = 8;

fuzz_target!(|text: &str| {
    let mut host = BTreeMap::new();
    let mut requested = Vec::new();
    for (position, line) in text.split('\n').enumerate() {
        let (name, value) = line.split_once('\t').map_or((line, None), |(name, value)| (name, Some(value)));
        requested.push(name.to_owned());
        if let Some(value) = value {
            host.entry(name).or_insert(value);
        }
        if position < JUDGED_MAX {
            check_name(name);
            check_value(value.unwrap_or_default());
        }
    }
    let asked = RefCell::new(BTreeSet::new());
    let filtered = filter(&requested, |name| {
        asked.borrow_mut().insert(name.to_owned());
        host.get(name).map(|value| (*value).to_owned())
    });
    let asked = asked.into_inner();
    let wanted: BTreeSet<&str> = requested.iter().map(String::as_str).collect();
    assert!(asked.iter().all(|name| wanted.contains(name.as_str()) && !is_secret_name(name)), "the host was asked for too much");
    check_lists(&requested, &filtered);
    check_passed(&host, &filtered);
    check_debug(&filtered);
});

fn check_lists(requested: &[String], filtered: &Filtered) {
    let passed: Vec<&String> = filtered.passed.iter().map(|(name, _)| name).collect();
    let (refused, missing): (Vec<&String>, Vec<&String>) = (filtered.refused.iter().collect(), filtered.missing.iter().collect());
    let mut places = BTreeMap::new();
    for (place, name) in requested.iter().enumerate() {
        places.entry(name).or_insert(place);
    }
    let mut found = BTreeSet::new();
    for name in passed.iter().chain(&refused).chain(&missing) {
        assert!(found.insert(*name), "{name:?} is in more than one list");
    }
    assert!(found.iter().eq(places.keys()), "a name is in no list, or nobody asked for it");
    for list in [passed, refused, missing] {
        assert!(list.iter().is_sorted_by_key(|name| places.get(*name)), "not in the order asked");
    }
}

fn check_passed(host: &BTreeMap<&str, &str>, filtered: &Filtered) {
    for (name, value) in &filtered.passed {
        assert_eq!(host.get(name.as_str()), Some(&value.as_str()));
        assert!(!is_secret_name(name) && !is_secret_value(value), "{name:?} is secret");
        assert!(!name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(['=', '\0']), "{name:?} is no name");
        assert!(value.len() <= VALUE_BYTES_MAX && !value.contains('\0'));
    }
    assert!(filtered.missing.iter().all(|name| !host.contains_key(name.as_str())));
}

/// What is shown is the same whatever the values are.
fn check_debug(filtered: &Filtered) {
    let mut without_values = filtered.clone();
    for (_, value) in &mut without_values.passed {
        value.clear();
    }
    assert_eq!(format!("{filtered:?}"), format!("{without_values:?}"));
}

fn check_name(name: &str) {
    let is_secret = is_secret_name(name);
    let (upper, lower) = (name.to_ascii_uppercase(), name.to_ascii_lowercase());
    if !HARMLESS.contains(&upper.as_str()) {
        assert_eq!(is_secret_name(&upper), is_secret_name(&lower), "{upper:?} and {lower:?} are not judged alike");
    }
    // A word that tells a secret tells it whatever stands beside it.
    for longer in [format!("{name}_TOKEN"), format!("SECRET_{name}"), format!("{name}.api_key.{name}")] {
        assert!(is_secret_name(&longer), "{longer:?}");
    }
    // Marks at either end are no words.
    if is_secret {
        assert!(is_secret_name(&format!("_{name}__")), "{name:?}");
    }
}

/// A secret is one whatever stands beside it.
fn check_value(value: &str) {
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----";
    let token = "ghp_0123456789abcdefghij";
    for longer in [format!("{value} {token}"), format!("{token} {value}"), format!("{key}\n{value}"), format!("{value}\n{key}")] {
        assert!(is_secret_value(&longer), "{longer:?}");
    }
    assert!(is_secret_value(&format!("postgres://user:pass@db/{value}")), "{value:?}");
}
