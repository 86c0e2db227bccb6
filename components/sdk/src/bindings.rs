//! The contract as it is compiled: its types, and the SDK's own made of them. Knows the interface's shape; must never know a spell.

#[expect(missing_docs, reason = "it is generated")]
pub mod generated {
    wit_bindgen::generate!({
        path: "../../wit/spell-runtime",
        world: "spell",
        pub_export_macro: true,
        export_macro_name: "__export_bindings",
    });
}

pub use generated::exports::spell::runtime::cast::{Content, Failure, Guest};

/// Casts a spell with what the host gave.
pub fn cast(spell: fn(crate::Content) -> Result<crate::Content, crate::Failure>, input: Content) -> Result<Content, Failure> {
    match spell(crate::Content { bytes: input.bytes, content_type: input.content_type }) {
        Ok(crate::Content { bytes, content_type }) => Ok(Content { bytes, content_type }),
        Err(crate::Failure { code, message }) => Err(Failure { code, message }),
    }
}
