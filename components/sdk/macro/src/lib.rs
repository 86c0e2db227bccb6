//! The attribute `#[spell]`. Knows what a function looks like in which a spell is written; must never know how it is called.

mod expand;

/// Makes a function a spell: what the component that its crate becomes is cast with goes in, what it returns is the answer.
///
/// See the crate `spell-sdk`, which it is a part of.
#[proc_macro_attribute]
pub fn spell(attribute: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand::expand(attribute.into(), item.into()).into()
}
