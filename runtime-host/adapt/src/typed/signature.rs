//! What a function takes and gives, in WIT's words.
//!
//! It knows how WIT is written. It must never know what can be called.

use wit_parser::{Function, Handle, Resolve, Type, TypeDefKind};

/// Signatures are cut to so many characters.
const CHARS_MAX: usize = 1_000;

/// Such as `process: func(input: list<u8>) -> result<list<u8>, processing-error>`.
pub(super) fn signature(resolve: &Resolve, function: &Function) -> String {
    let mut text = String::new();
    text.push_str(&function.name);
    text.push_str(if function.kind.is_async() { ": async func(" } else { ": func(" });
    for (index, param) in function.params.iter().enumerate() {
        text.push_str(if index > 0 { ", " } else { "" });
        text.push_str(&param.name);
        text.push_str(": ");
        write(resolve, &param.ty, &mut text);
    }
    text.push(')');
    if let Some(result) = &function.result {
        text.push_str(" -> ");
        write(resolve, result, &mut text);
    }
    if text.len() > CHARS_MAX {
        text = text.chars().take(CHARS_MAX).chain(['…']).collect();
    }
    text
}

fn write(resolve: &Resolve, kind: &Type, text: &mut String) {
    // What is nested without names is as long as it likes; nobody reads on after this.
    if text.len() > CHARS_MAX {
        return;
    }
    let id = match kind {
        Type::Id(id) => *id,
        plain => return text.push_str(plain_name(plain)),
    };
    let Some(definition) = resolve.types.get(id) else { return text.push('_') };
    let mut many = |word: &str, types: &[Option<&Type>]| {
        text.push_str(word);
        text.push('<');
        for (index, kind) in types.iter().enumerate() {
            text.push_str(if index > 0 { ", " } else { "" });
            match kind {
                Some(kind) => write(resolve, kind, text),
                None => text.push('_'),
            }
        }
        text.push('>');
    };
    match (&definition.name, &definition.kind) {
        (Some(name), _) => text.push_str(name),
        (None, TypeDefKind::Tuple(tuple)) => many("tuple", &tuple.types.iter().map(Some).collect::<Vec<_>>()),
        (None, TypeDefKind::Option(inner)) => many("option", &[Some(inner)]),
        (None, TypeDefKind::List(inner)) => many("list", &[Some(inner)]),
        (None, TypeDefKind::Map(key, value)) => many("map", &[Some(key), Some(value)]),
        (None, TypeDefKind::Result(result)) => match (&result.ok, &result.err) {
            (None, None) => text.push_str("result"),
            (ok, None) => many("result", &[ok.as_ref()]),
            (ok, err) => many("result", &[ok.as_ref(), err.as_ref()]),
        },
        (None, TypeDefKind::Type(inner)) => write(resolve, inner, text),
        (None, TypeDefKind::Future(inner)) => many("future", &[inner.as_ref()]),
        (None, TypeDefKind::Stream(inner)) => many("stream", &[inner.as_ref()]),
        (None, TypeDefKind::Handle(handle)) => {
            let (Handle::Own(resource) | Handle::Borrow(resource)) = handle;
            match handle {
                Handle::Borrow(_) => many("borrow", &[Some(&Type::Id(*resource))]),
                Handle::Own(_) => write(resolve, &Type::Id(*resource), text),
            }
        }
        (None, other) => text.push_str(other.as_str()),
    }
}

fn plain_name(kind: &Type) -> &'static str {
    match kind {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(_) => "_",
    }
}
