//! The types of functions that can be called, and what calls with these types mean.

use crate::abi::Abi;
use crate::module::ModuleFacts;
use wasmparser::{FuncType, ValType};

/// What follows a function that gives the length of its answer afterwards.
pub(crate) const RESULT_LENGTH: &str = "result_len";
/// The name of what programs begin with.
pub(crate) const START: &str = "_start";
const MAIN: &str = "main";

/// A meaning of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text in, text out; both end with a zero.
    CString,
    /// A string of AssemblyScript in, one out.
    AssemblyScript,
    /// Address and length in, both packed into 64 bits out.
    Packed,
    /// Address, length, and where to put the answer's in; address out.
    OutLength,
    /// Address and length in, address out; the length is asked for.
    ResultLength,
    /// Address and length in, text out.
    TextResult,
    /// A program that begins with `_start`.
    Start,
    /// A program's `main`.
    Main,
    /// A program's `main` that takes arguments.
    MainArguments,
    /// A plugin's function that gives a code.
    Plugin,
    /// A plugin's function that gives none.
    PluginWithoutCode,
}

impl Form {
    pub(crate) fn abi(self) -> Abi {
        match self {
            Form::CString => Abi::CString,
            Form::AssemblyScript => Abi::AssemblyScript,
            Form::Packed | Form::OutLength | Form::ResultLength | Form::TextResult => Abi::PointerLength,
            Form::Start | Form::Main | Form::MainArguments => Abi::WasiCommand,
            Form::Plugin | Form::PluginWithoutCode => Abi::Extism,
        }
    }

    /// What it takes and gives, in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Form::CString => "takes the address of a text that ends with a zero, and gives one",
            Form::AssemblyScript => "takes a string of AssemblyScript, and gives one",
            Form::Packed => "takes an address and a length, and gives both in 64 bits: `address << 32 | length`",
            Form::OutLength => "takes an address, a length and where to put the answer's, and gives an address",
            Form::ResultLength => "takes an address and a length, and gives an address; `result_len` gives the length",
            Form::TextResult => "takes an address and a length, and gives the address of a text that ends with a zero",
            Form::Start => "is what a program begins with",
            Form::Main => "is a program's, and gives an exit code",
            Form::MainArguments => "is a program's, takes arguments and gives an exit code",
            Form::Plugin => "takes its input from Extism's kernel, and gives 0 if all went well",
            Form::PluginWithoutCode => "takes its input from Extism's kernel",
        }
    }

    /// Whether it is called with the address of bytes.
    pub(crate) fn takes_address(self) -> bool {
        matches!(self.abi(), Abi::CString | Abi::PointerLength)
    }

    /// What a call of this function can mean.
    pub(crate) fn of(facts: &ModuleFacts, name: &str, kind: &FuncType) -> Vec<Form> {
        let is_plugin = facts.is_plugin();
        match (kind.params(), kind.results()) {
            ([], [ValType::I32]) if is_plugin => vec![Form::Plugin],
            ([], []) if is_plugin => vec![Form::PluginWithoutCode],
            _ if is_plugin => vec![],
            ([], []) if name == START || name == MAIN => vec![Form::Start],
            ([], [ValType::I32]) => vec![Form::Main],
            ([ValType::I32], [ValType::I32]) => vec![Form::CString, Form::AssemblyScript],
            ([ValType::I32, ValType::I32], [ValType::I64]) => vec![Form::Packed],
            ([ValType::I32, ValType::I32], [ValType::I32]) if name == MAIN => vec![Form::MainArguments],
            ([ValType::I32, ValType::I32], [ValType::I32]) if facts.has(RESULT_LENGTH, &i32s(0, 1)) => vec![Form::ResultLength],
            ([ValType::I32, ValType::I32], [ValType::I32]) => vec![Form::TextResult],
            ([ValType::I32, ValType::I32, ValType::I32], [ValType::I32]) => vec![Form::OutLength],
            _ => vec![],
        }
    }
}

pub(crate) fn i32s(params: usize, results: usize) -> FuncType {
    FuncType::new(vec![ValType::I32; params], vec![ValType::I32; results])
}
