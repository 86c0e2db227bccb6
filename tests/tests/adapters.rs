//! What the host composes around programs is checked in, so that the host builds without a guest: it has to be what its sources give.
//!
//! It knows where both lie. It must never know what an adapter does.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

use spell_tests::{guest, workspace};
use std::collections::BTreeSet;
use std::fs;

/// The names of the entries of a folder for which there is one.
fn names(folder: &str, name_of: impl Fn(&str) -> Option<String>) -> BTreeSet<String> {
    let entries = fs::read_dir(workspace().join(folder)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter_map(|name| name_of(&name)).collect()
}

#[test]
fn each_adapter_that_is_checked_in_is_what_its_sources_give() {
    let built = |name: &str| name.strip_suffix(".wasm").map(str::to_owned);
    let sources = |name: &str| {
        let manifest = workspace().join("components/adapters").join(name).join("Cargo.toml");
        manifest.exists().then(|| name.replace('-', "_"))
    };
    let adapters = names("runtime-host/adapt/adapters", built);
    assert_eq!(adapters, names("components/adapters", sources), "what is checked in, and what there are sources of");
    assert!(!adapters.is_empty());
    for name in adapters {
        let checked_in = fs::read(workspace().join(format!("runtime-host/adapt/adapters/{name}.wasm"))).unwrap();
        assert!(
            checked_in == fs::read(guest(&name)).unwrap(),
            "{name} differs: run `components/build.sh adapters`, and check in what it makes"
        );
    }
}

/// Or it would be another wherever it is built.
#[test]
fn no_adapter_says_where_it_was_built() {
    for name in names("runtime-host/adapt/adapters", |name| Some(name.to_owned())) {
        let bytes = fs::read(workspace().join("runtime-host/adapt/adapters").join(&name)).unwrap();
        for path in [".cargo", "registry", "/home/", "/root/", workspace().to_str().unwrap()] {
            assert!(!bytes.windows(path.len()).any(|window| window == path.as_bytes()), "{name} has `{path}` in it");
        }
    }
}
