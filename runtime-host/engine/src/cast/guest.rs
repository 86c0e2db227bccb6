//! `spell:runtime/cast` as a guest has it: its types, where its function is, and one call of it.
//!
//! It knows the interface's shape, and bounds what comes out of a guest before it is kept. It must never know how a store is made.

use super::{CastAnswer, CastFailure, Content};
use crate::handler::is_release;
use crate::meter::{Guest, MeteredStore};
use crate::{Failure, LoadError};
use spell_types::Limit;
use wasmtime::WasmBacktrace;
use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex, ComponentType, InstancePre, Lift, Lower};

/// Releases of the interface whose types are these.
const RELEASES: &str = "spell:runtime/cast@0.1.";
/// Its one function.
const FUNCTION: &str = "cast";
/// What that function is.
pub(crate) const FUNCTION_TYPE: &str = "a function from {bytes: list<u8>, content-type: option<string>} to \
     result<{bytes: list<u8>, content-type: option<string>}, {code: string, message: string}>";

/// Bytes of an answer that are not its content: what it is, or why there is none.
pub(super) const WORDS_BYTES_MAX: u64 = 64 << 10;

#[derive(ComponentType, Lower)]
#[component(record)]
struct Input<'a> {
    bytes: &'a [u8],
    #[component(name = "content-type")]
    content_type: Option<&'a str>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct Output {
    bytes: Vec<u8>,
    #[component(name = "content-type")]
    content_type: Option<String>,
}

/// Where the function is.
pub(super) fn function(engine: &wasmtime::Engine, component: &Component) -> Result<ComponentExportIndex, LoadError> {
    let exports: Vec<String> = component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect();
    let Some(interface) = exports.iter().find(|name| is_release(name, RELEASES)) else { return Err(LoadError::NoCast { exports }) };
    let interface = component.get_export_index(None, interface);
    let function = interface.and_then(|interface| component.get_export(Some(&interface), FUNCTION));
    let Some((item, index)) = function else { return Err(LoadError::OtherCast { found: format!("nothing that is called `{FUNCTION}`") }) };
    let found = describe_item(&item);
    if found == FUNCTION_TYPE { Ok(index) } else { Err(LoadError::OtherCast { found }) }
}

fn describe_item(item: &ComponentItem) -> String {
    let ComponentItem::ComponentFunc(function) = item else { return "something that is no function".to_owned() };
    let params: Vec<String> = function.params().map(|(_, kind)| describe(&kind, DEPTH_MAX)).collect();
    let results: Vec<String> = function.results().map(|kind| describe(&kind, DEPTH_MAX)).collect();
    let kind = if function.async_() { "an asynchronous function" } else { "a function" };
    let described = format!("{kind} from {} to {}", params.join(", "), results.join(", "));
    described.chars().take(DESCRIPTION_CHARS_MAX).collect()
}

/// Longer names are a stranger's.
const DESCRIPTION_CHARS_MAX: usize = 400;

/// How deep types are described: no deeper than that of the function is.
const DEPTH_MAX: u32 = 4;

/// A type in words, as far as the function's own goes; every other is `…`.
fn describe(kind: &Type, depth: u32) -> String {
    let Some(depth) = depth.checked_sub(1) else { return "…".to_owned() };
    match kind {
        Type::U8 => "u8".to_owned(),
        Type::String => "string".to_owned(),
        Type::List(list) => format!("list<{}>", describe(&list.ty(), depth)),
        Type::Option(option) => format!("option<{}>", describe(&option.ty(), depth)),
        Type::Result(result) => {
            let side = |kind: Option<Type>| kind.map_or("_".to_owned(), |kind| describe(&kind, depth));
            format!("result<{}, {}>", side(result.ok()), side(result.err()))
        }
        Type::Record(record) if record.fields().len() == 2 => {
            let fields: Vec<String> = record.fields().map(|field| format!("{}: {}", field.name, describe(&field.ty, depth))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        _ => "…".to_owned(),
    }
}

/// Makes an instance and calls it once. The input is copied once, into the guest, and so is the answer, out of it.
pub(super) async fn run<C: Send + 'static>(
    pre: &InstancePre<Guest<C>>,
    function: ComponentExportIndex,
    mut store: MeteredStore<C>,
    input: &Content,
    bytes_max: u64,
) -> wasmtime::Result<CastAnswer> {
    store.allow_answer(bytes_max.saturating_add(WORDS_BYTES_MAX));
    let store = &mut store.store;
    let instance = pre.instantiate_async(&mut *store).await?;
    let function = instance.get_typed_func::<(Input<'_>,), (Result<Output, CastFailure>,)>(&mut *store, function)?;
    let input = Input { bytes: &input.bytes, content_type: input.content_type.as_deref() };
    let answer = match function.call_async(&mut *store, (input,)).await {
        Ok((answer,)) => answer,
        Err(error) if is_too_large(&error) => return Err(Failure::Limit(Limit::Response).into()),
        Err(error) => return Err(error),
    };
    let (content_bytes, words_bytes) = match &answer {
        Ok(Output { bytes, content_type }) => (bytes.len(), content_type.as_ref().map_or(0, String::len)),
        Err(CastFailure { code, message }) => (0, code.len() + message.len()),
    };
    if content_bytes as u64 > bytes_max || words_bytes as u64 > WORDS_BYTES_MAX {
        return Err(Failure::Limit(Limit::Response).into());
    }
    Ok(answer.map(|Output { bytes, content_type }| Content { bytes: bytes.into(), content_type }))
}

/// Whether the answer was more than may be copied, which wasmtime sees before it makes room for it. It has no type of its own for
/// that; a host call that a guest handed too much to says the same, and has the guest's backtrace.
fn is_too_large(error: &wasmtime::Error) -> bool {
    error.downcast_ref::<WasmBacktrace>().is_none() && error.root_cause().to_string().starts_with("too much data is being copied")
}
