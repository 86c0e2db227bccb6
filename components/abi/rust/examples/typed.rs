//! A component that exports `spell:runtime/cast`.

#![cfg(target_family = "wasm")]
#![allow(missing_docs, reason = "the bindings are generated")]

wit_bindgen::generate!({ path: "../../../wit/spell-runtime", world: "spell" });

use exports::spell::runtime::cast::{Content, Failure, Guest};

struct Spell;

impl Guest for Spell {
    fn cast(input: Content) -> Result<Content, Failure> {
        let failure = |message| Failure { code: "failed".to_owned(), message };
        let bytes = abi_rust::spell(&input.bytes).map_err(failure)?;
        Ok(Content { bytes, content_type: None })
    }
}

export!(Spell);
