//! A component without a handler: others depend on it, and it tries what it is told to.
//!
//! Knows the interface that it exports; must never know who calls.

#[cfg(target_family = "wasm")]
mod attempt;
#[cfg(target_family = "wasm")]
mod bindings {
    wit_bindgen::generate!({ path: ["../../../wit", "wit"], world: "spell:tests/library@1.0.0", generate_all });
}

#[cfg(target_family = "wasm")]
mod library {
    use crate::bindings::exports::spell::tests::reach::Guest;

    struct Library;

    impl Guest for Library {
        fn attempt(kind: String, name: String) -> Result<String, String> {
            crate::attempt::attempt(&kind, &name)
        }
    }

    crate::bindings::export!(Library with_types_in crate::bindings);
}
