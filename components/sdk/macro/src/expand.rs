//! From the function to the function and its export. What is no spell gets one error, at the place that is wrong.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, ItemFn, ReturnType};

/// The function as it was, and what exports it; or as it was, and the error.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let error = match read(attribute, item.clone()) {
        Ok(Spell::Whole(function)) => return exported(&function),
        Ok(Spell::Streaming(function)) => return exported_streaming(&function),
        Err(error) => error.into_compile_error(),
    };
    quote!(#item #error)
}

/// A function that can be a spell.
enum Spell {
    /// It takes its input and returns its answer.
    Whole(ItemFn),
    /// It takes where both come and go, and is `async`.
    Streaming(ItemFn),
}

fn read(attribute: TokenStream, item: TokenStream) -> Result<Spell, Error> {
    let is_streaming = match attribute.to_string().as_str() {
        "" => false,
        "streaming" => true,
        _ => return Err(Error::new_spanned(attribute, "`#[spell]` takes nothing, or the word `streaming`")),
    };
    let function: ItemFn = syn::parse2(item.clone()).map_err(|_| Error::new_spanned(item, "`#[spell]` belongs on a function"))?;
    let signature = &function.sig;
    let refuse = |place: &dyn ToTokens, message: &str| Err(Error::new_spanned(place.to_token_stream(), message));
    match &signature.asyncness {
        Some(asyncness) if !is_streaming => {
            return refuse(asyncness, "a spell is not `async`, unless it streams: `#[spell(streaming)]`; this one waits where it stands");
        }
        None if is_streaming => return refuse(&signature.fn_token, "a spell that streams is `async`"),
        _ => {}
    }
    if let syn::Safety::Unsafe(unsafety) = &signature.safety {
        return refuse(unsafety, "a spell is not `unsafe`: whoever casts it promises nothing");
    }
    if !signature.generics.params.is_empty() {
        return refuse(&signature.generics, "a spell has no generic parameters: whoever casts it sends bytes, and cannot choose types");
    }
    if let Some(receiver) = signature.receiver() {
        return refuse(receiver, "a spell is a function of its own, without `self`");
    }
    match (is_streaming, signature.inputs.len()) {
        (false, 0 | 1) => Ok(Spell::Whole(function)),
        (true, 2) => Ok(Spell::Streaming(function)),
        (true, count) => {
            let message = format!("a spell that streams has two parameters, `Incoming` and `Outgoing`; this one has {count}");
            refuse(&signature, &message)
        }
        (false, count) => {
            let message = format!(
                "a spell has one parameter, what it is cast with, or none; this one has {count}: take `Json<T>`, with a struct `T` of them"
            );
            refuse(&signature.inputs, &message)
        }
    }
}

fn exported_streaming(function: &ItemFn) -> TokenStream {
    let name = &function.sig.ident;
    quote! {
        #function

        const _: () = {
            async fn __spell(input: ::spell_sdk::Incoming, output: ::spell_sdk::Outgoing) -> ::core::result::Result<(), ::spell_sdk::Failure> {
                ::core::result::Result::map_err(#name(input, output).await, ::core::convert::Into::into)
            }
            ::spell_sdk::__export_streaming!(__spell);
        };
    }
}

fn exported(function: &ItemFn) -> TokenStream {
    let name = &function.sig.ident;
    let parameter = function.sig.inputs.first().and_then(|input| match input {
        FnArg::Typed(parameter) => Some(&parameter.ty),
        FnArg::Receiver(_) => None,
    });
    // Whatever is wrong with a type is said where it stands.
    let takes = parameter.map(|kind| quote_spanned!(kind.span()=> ::spell_sdk::__private::takes::<#kind>();));
    let gives = match &function.sig.output {
        ReturnType::Default => None,
        ReturnType::Type(_, kind) => Some(quote_spanned!(kind.span()=> ::spell_sdk::__private::gives::<#kind>();)),
    };
    let call = if parameter.is_some() { quote!(#name) } else { quote!(|_: ::spell_sdk::Content| #name()) };
    quote! {
        #function

        const _: () = {
            fn __spell(input: ::spell_sdk::Content) -> ::core::result::Result<::spell_sdk::Content, ::spell_sdk::Failure> {
                #takes
                #gives
                ::spell_sdk::cast(#call, input)
            }
            ::spell_sdk::__export!(__spell);
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(attribute: &str, item: &str) -> String {
        expand(attribute.parse().unwrap(), item.parse().unwrap()).to_string()
    }

    #[test]
    fn what_is_no_spell_is_refused_in_words_and_stays_as_it_was() {
        for (attribute, item, said) in [
            ("", "struct Spell ;", "belongs on a function"),
            ("name", "fn f (a : String) { }", "takes nothing, or the word `streaming`"),
            ("streaming", "fn f (a : Incoming , b : Outgoing) { }", "a spell that streams is `async`"),
            ("streaming", "async fn f (a : Incoming) { }", "`Incoming` and `Outgoing`; this one has 1"),
            ("", "async fn f (a : String) { }", "a spell is not `async`"),
            ("", "unsafe fn f (a : String) { }", "a spell is not `unsafe`"),
            ("", "fn f < T > (a : T) { }", "no generic parameters"),
            ("", "fn f < 'a > (a : & 'a str) { }", "no generic parameters"),
            ("", "fn f (self) { }", "without `self`"),
            ("", "fn f (a : String , b : String) { }", "or none; this one has 2"),
            ("", "fn f (a : u8 , b : u8 , c : u8) { }", "or none; this one has 3"),
        ] {
            let text = expanded(attribute, item);
            assert!(text.contains("compile_error !") && text.contains(said), "{item}: {text}");
            assert!(text.starts_with(item) && !text.contains("__export"), "{item}: {text}");
        }
    }

    #[test]
    fn a_function_that_can_be_a_spell_is_exported_and_stays_as_it_was() {
        for (attribute, item, call, export) in [
            ("", "fn f (a : String) -> String { a }", "spell_sdk :: cast (f , input)", "__export ! (__spell)"),
            ("", "pub fn g () { }", "spell_sdk :: cast (| _ : :: spell_sdk :: Content | g () , input)", "__export ! (__spell)"),
            ("streaming", "async fn h (a : Incoming , b : Outgoing) { }", "h (input , output) . await", "__export_streaming ! (__spell)"),
        ] {
            let text = expanded(attribute, item);
            assert!(text.starts_with(item) && text.contains(call) && text.contains(export), "{text}");
            assert!(!text.contains("compile_error"), "{text}");
        }
    }
}
