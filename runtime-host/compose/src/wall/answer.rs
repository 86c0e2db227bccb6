//! What a denied function answers: an error that says so, or nothing where it would list something.
//!
//! It knows how values lie in memory. It must never know why a function is denied.

use wit_parser::abi::WasmType;
use wit_parser::{Resolve, SizeAlign, Type, TypeDefKind};

/// Cases of errors that mean a refusal, the clearest first.
const REFUSALS: [&str; 4] = ["access-denied", "HTTP-request-denied", "not-permitted", "permission-denied"];

/// Cases of errors that mean anything, and say it in words.
const IN_WORDS: [&str; 9] =
    ["other", "provider", "provider-error", "runtime-error", "upstream", "connection-failed", "generic-error", "undefined", "io"];

/// What a function does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It returns this: a value, or where one lies.
    Constant(i32),
    /// There is no value that would be true.
    Trap,
}

/// The memory of a wall as it is made.
pub(super) struct Image<'r> {
    resolve: &'r Resolve,
    sizes: &'r SizeAlign,
    bytes: Vec<u8>,
}

/// Everything lies at multiples of this.
const ALIGNMENT: usize = 16;

impl<'r> Image<'r> {
    pub(super) fn new(resolve: &'r Resolve, sizes: &'r SizeAlign) -> Self {
        // Nothing lies at the address 0.
        Self { resolve, sizes, bytes: vec![0; ALIGNMENT] }
    }

    /// The memory, which ends where arguments may begin.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.align();
        self.bytes
    }

    /// What a function with this result answers. `is_in_memory` tells whether it returns the place of the value.
    pub(super) fn answer(&mut self, result: Option<&Type>, flat: &[WasmType], is_in_memory: bool, message: &str) -> Answer {
        let Some(result) = result else { return Answer::Trap };
        if !is_in_memory {
            // A result without anything in it is the only one of a single value that can say no.
            let is_bare = matches!(self.kind(result), Some(TypeDefKind::Result(result)) if result.ok.is_none() && result.err.is_none());
            return if is_bare && flat.len() == 1 { Answer::Constant(1) } else { Answer::Trap };
        }
        self.align();
        let (place, before) = (self.bytes.len(), self.bytes.clone());
        self.bytes.resize(place + self.sizes.size(result).size_wasm32(), 0);
        if self.write(result, place, message) {
            return i32::try_from(place).map_or(Answer::Trap, Answer::Constant);
        }
        self.bytes = before;
        Answer::Trap
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
    }

    /// What a type is behind its names; `None` for one that is built in.
    fn kind(&self, ty: &Type) -> Option<&'r TypeDefKind> {
        let mut ty = *ty;
        while let Type::Id(id) = ty {
            match &self.resolve.types[id].kind {
                TypeDefKind::Type(named) => ty = *named,
                kind => return Some(kind),
            }
        }
        None
    }

    /// Writes a value of a type that says no. Whether there is one.
    fn write(&mut self, ty: &Type, place: usize, message: &str) -> bool {
        match self.kind(ty) {
            Some(TypeDefKind::Result(result)) => {
                self.bytes[place] = 1;
                let cases = [result.ok.as_ref(), result.err.as_ref()];
                let offset = self.sizes.payload_offset(wit_parser::Int::U8, cases).size_wasm32();
                result.err.as_ref().is_none_or(|error| self.write_error(error, place + offset, message))
            }
            // An empty list lies anywhere; a missing value is all zeros.
            Some(TypeDefKind::List(_)) => self.write_words(place, ALIGNMENT, 0),
            Some(TypeDefKind::Option(_)) => true,
            _ => false,
        }
    }

    fn write_error(&mut self, ty: &Type, place: usize, message: &str) -> bool {
        if self.is_text(ty) {
            return self.write_text(place, message);
        }
        match self.kind(ty) {
            Some(TypeDefKind::Enum(cases)) => {
                let case = REFUSALS.iter().find_map(|name| cases.cases.iter().position(|case| case.name == *name));
                case.is_some_and(|case| self.write_case(place, case, cases.tag()))
            }
            Some(TypeDefKind::Variant(variant)) => {
                let offset = self.sizes.payload_offset(variant.tag(), variant.cases.iter().map(|case| case.ty.as_ref())).size_wasm32();
                for name in REFUSALS.iter().chain(&IN_WORDS) {
                    let Some(position) = variant.cases.iter().position(|case| case.name == *name) else { continue };
                    let is_written = match &variant.cases[position].ty {
                        None => true,
                        Some(ty) if self.is_text(ty) => self.write_text(place + offset, message),
                        Some(ty) => matches!(self.kind(ty), Some(TypeDefKind::Option(_))),
                    };
                    if is_written {
                        return self.write_case(place, position, variant.tag());
                    }
                }
                false
            }
            _ => false,
        }
    }

    fn is_text(&self, ty: &Type) -> bool {
        let mut ty = *ty;
        while let Type::Id(id) = ty {
            let TypeDefKind::Type(named) = &self.resolve.types[id].kind else { return false };
            ty = *named;
        }
        ty == Type::String
    }

    fn write_case(&mut self, place: usize, case: usize, tag: wit_parser::Int) -> bool {
        let (bytes, width) = (case.to_le_bytes(), tag_width(tag));
        self.bytes[place..place + width].copy_from_slice(&bytes[..width]);
        true
    }

    fn write_text(&mut self, place: usize, text: &str) -> bool {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(text.as_bytes());
        self.write_words(place, at, text.len())
    }

    fn write_words(&mut self, place: usize, address: usize, length: usize) -> bool {
        let (Ok(address), Ok(length)) = (u32::try_from(address), u32::try_from(length)) else { return false };
        self.bytes[place..place + 4].copy_from_slice(&address.to_le_bytes());
        self.bytes[place + 4..place + 8].copy_from_slice(&length.to_le_bytes());
        true
    }
}

fn tag_width(tag: wit_parser::Int) -> usize {
    match tag {
        wit_parser::Int::U8 => 1,
        wit_parser::Int::U16 => 2,
        wit_parser::Int::U32 => 4,
        wit_parser::Int::U64 => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wit_parser::abi::AbiVariant;

    const WIT: &str = r#"
        package a:b;
        interface denied {
            variant coded { other(string), access-denied }
            variant worded { closed, other(string) }
            variant numbered { code(u32), lost }
            variant maybe { internal-error(u8), other(option<string>) }
            enum listed { unknown, access-denied }
            enum unlisted { unknown, busy }
            type text = string;
            get-bare: func() -> result;
            get-coded: func() -> result<u64, coded>;
            get-worded: func() -> result<string, worded>;
            get-maybe: func() -> result<_, maybe>;
            get-listed: func() -> result<u8, listed>;
            get-text: func() -> result<_, text>;
            get-listing: func() -> list<string>;
            get-optional: func() -> option<u64>;
            get-numbered: func() -> result<_, numbered>;
            get-unlisted: func() -> result<u8, unlisted>;
            get-number: func() -> u32;
            get-text-alone: func() -> string;
            get-nothing: func();
        }
        world w { import denied; }
    "#;

    /// What lies at the answer: its first byte, where the case of an error begins and what it is, and whether it points to the reason.
    type Expected = (u8, usize, u8, bool);

    #[test]
    fn a_denied_function_says_no_where_its_type_has_a_word_for_it_and_traps_where_not() {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("a.wit", WIT).unwrap();
        let interface = resolve.packages[package].interfaces["denied"];
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        let expected: [(&str, Option<Expected>); 13] = [
            ("bare", None),
            ("coded", Some((1, 8, 1, false))),
            ("worded", Some((1, 4, 1, true))),
            ("maybe", Some((1, 4, 1, false))),
            ("listed", Some((1, 1, 1, false))),
            ("text", Some((1, 0, 1, true))),
            ("listing", Some((16, 0, 16, false))),
            ("optional", Some((0, 0, 0, false))),
            ("numbered", None),
            ("unlisted", None),
            ("number", None),
            ("text-alone", None),
            ("nothing", None),
        ];
        for (name, expected) in expected {
            let func = &resolve.interfaces[interface].functions[&format!("get-{name}")];
            let mut image = Image::new(&resolve, &sizes);
            let signature = resolve.wasm_signature(AbiVariant::GuestExport, func);
            let answer = image.answer(func.result.as_ref(), &signature.results, signature.retptr, "the reason");
            let bytes = image.finish();
            let Some((first, offset, case, has_reason)) = expected else {
                assert_eq!(answer, if name == "bare" { Answer::Constant(1) } else { Answer::Trap }, "{name}");
                assert_eq!(bytes.len(), ALIGNMENT, "{name}: nothing is left of what could not be written");
                continue;
            };
            let Answer::Constant(place) = answer else { panic!("{name}: {answer:?}") };
            let value = &bytes[usize::try_from(place).unwrap()..];
            assert_eq!((value[0], value[offset]), (first, case), "{name}");
            assert_eq!(bytes.windows(10).any(|window| window == b"the reason"), has_reason, "{name}");
        }
    }
}
