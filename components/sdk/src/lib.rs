//! Spells in Rust: one annotated function becomes a component that exports `spell:runtime/cast`.
//!
//! ```
//! use spell_sdk::{Failure, spell};
//!
//! #[spell]
//! fn greet(name: String) -> Result<String, Failure> {
//!     if name.is_empty() {
//!         return Err(Failure::invalid_input("whom?"));
//!     }
//!     Ok(format!("Hello, {name}!"))
//! }
//! # assert_eq!(greet("Ada".to_owned()).unwrap(), "Hello, Ada!");
//! ```
//!
//! The crate is a `cdylib`, built with `cargo build --release --target wasm32-wasip2`, and has one spell.
//! The parameter is one of those that are [`FromContent`], or left out; what is returned is [`IntoAnswer`].
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use spell_sdk::{Content, Json, cast, spell};
//!
//! #[derive(Deserialize)]
//! struct Order {
//!     price: u32,
//!     count: u32,
//! }
//!
//! #[derive(Serialize)]
//! struct Bill {
//!     total: u32,
//! }
//!
//! #[spell]
//! fn bill(Json(order): Json<Order>) -> Json<Bill> {
//!     Json(Bill { total: order.price * order.count })
//! }
//!
//! // Natively it is a function like any other; `cast` calls it as a host does.
//! let answer = cast(bill, Content::from(r#"{"price": 3, "count": 4}"#)).unwrap();
//! assert_eq!(answer.bytes, br#"{"total":12}"#);
//! assert_eq!(answer.content_type.as_deref(), Some("application/json"));
//!
//! let failure = cast(bill, Content::from(r#"{"price": 3}"#)).unwrap_err();
//! assert_eq!(failure.code, "invalid-input");
//! assert_eq!(failure.message, "the input is not the JSON that is expected: missing field `count` at line 1 column 12");
//! ```
//!
//! It knows the contract of spells. It must never know who casts them, or what they do.
#![cfg_attr(
    feature = "streaming",
    doc = r#"
# Streaming

With the feature `streaming`, a spell can answer before it has seen all, on hosts of WASI 0.3. The first `write` begins the answer: what
fails before it is a failure like any other, what fails after it breaks an answer off that has begun.

```
use spell_sdk::{Failure, Incoming, Outgoing, cast_streaming, spell};

#[spell(streaming)]
async fn shout(mut input: Incoming, mut output: Outgoing) -> Result<(), Failure> {
    output.set_content_type("text/plain")?;
    while let Some(mut bytes) = input.next().await {
        bytes.make_ascii_uppercase();
        output.write(bytes).await?;
    }
    Ok(())
}

assert_eq!(cast_streaming(shout, None, &[b"he", b"y"]).unwrap().bytes, b"HEY");
```
"#
)]

// Its own tests name it as its users do.
extern crate self as spell_sdk;

mod content;
mod failure;
mod input;
mod json;
mod output;
#[cfg(feature = "streaming")]
mod streaming;

pub use content::Content;
pub use failure::Failure;
pub use input::FromContent;
pub use json::Json;
pub use output::IntoAnswer;
/// Makes a function a spell.
///
/// It has one parameter, or none; it stays a function that can be called. One spell belongs into a crate: two would be exported under the
/// same name.
///
/// ```compile_fail
/// #[spell_sdk::spell]
/// fn add(a: String, b: String) -> String {
///     a + &b
/// }
/// ```
///
/// ```compile_fail
/// #[spell_sdk::spell]
/// async fn wait(a: String) -> String {
///     a
/// }
/// ```
///
/// ```compile_fail
/// // A number is not what arrives: bytes are.
/// #[spell_sdk::spell]
/// fn double(a: u32) -> String {
///     (2 * a).to_string()
/// }
/// ```
pub use spell_sdk_macro::spell;
#[cfg(feature = "streaming")]
pub use streaming::{Incoming, Outgoing, cast_streaming};

/// Casts a function with some content, as a host would cast the component: for tests.
///
/// # Errors
/// If the content is not what the function takes, or it says no.
///
/// ```
/// use spell_sdk::{Content, cast};
///
/// fn shout(text: String) -> String {
///     text.to_uppercase()
/// }
///
/// assert_eq!(cast(shout, Content::from("hey")).unwrap().bytes, b"HEY");
/// assert_eq!(cast(shout, Content::from(vec![b'h', 0xff])).unwrap_err().code, "invalid-input");
/// ```
pub fn cast<Input: FromContent, Answer: IntoAnswer>(spell: impl FnOnce(Input) -> Answer, input: Content) -> Result<Content, Failure> {
    spell(Input::from_content(input)?).into_answer()
}

/// What the attribute writes into a spell's crate uses these; nobody else should.
#[doc(hidden)]
pub mod __private {
    #[cfg(target_family = "wasm")]
    pub use crate::bindings;
    #[cfg(all(feature = "streaming", target_family = "wasm"))]
    pub use crate::bindings_streaming;

    /// So that an error of a type is told where the type stands.
    pub fn takes<Input: crate::FromContent>() {}
    /// So that an error of a type is told where the type stands.
    pub fn gives<Answer: crate::IntoAnswer>() {}
}

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod bindings;
#[cfg(all(feature = "streaming", target_family = "wasm"))]
#[doc(hidden)]
pub mod bindings_streaming;

/// Exports a function as the component's spell.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($spell:ident) => {
        struct __Spell;

        impl $crate::__private::bindings::Guest for __Spell {
            fn cast(input: $crate::__private::bindings::Content) -> ::core::result::Result<
                $crate::__private::bindings::Content,
                $crate::__private::bindings::Failure,
            > {
                $crate::__private::bindings::cast($spell, input)
            }
        }

        $crate::__private::bindings::generated::__export_bindings!(__Spell with_types_in $crate::__private::bindings::generated);
    };
}

/// Natively there is nobody to export it to; it only has to fit.
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($spell:ident) => {
        const _: fn($crate::Content) -> ::core::result::Result<$crate::Content, $crate::Failure> = $spell;
    };
}

/// Exports a function as the component's spell that streams.
#[cfg(all(feature = "streaming", target_family = "wasm"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_streaming {
    ($spell:ident) => {
        struct __Spell;

        impl $crate::__private::bindings_streaming::Guest for __Spell {
            async fn cast(input: $crate::__private::bindings_streaming::Content) -> ::core::result::Result<
                $crate::__private::bindings_streaming::Answer,
                $crate::__private::bindings_streaming::Failure,
            > {
                $crate::__private::bindings_streaming::cast($spell, input).await
            }
        }

        $crate::__private::bindings_streaming::generated::__export_bindings!(
            __Spell with_types_in $crate::__private::bindings_streaming::generated
        );
    };
}

/// Natively there is nobody to export it to; it only has to be there.
#[cfg(all(feature = "streaming", not(target_family = "wasm")))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_streaming {
    ($spell:ident) => {
        const _: () = {
            let _ = $spell;
        };
    };
}

/// Says what is missing.
#[cfg(not(feature = "streaming"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_streaming {
    ($spell:ident) => {
        ::core::compile_error!("`#[spell(streaming)]` takes the feature `streaming` of `spell-sdk`");
    };
}
