//! The ways in which programs want to be called.

use std::fmt;
use std::str::FromStr;

/// How a program is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Abi {
    /// `process(text) -> text`: addresses of bytes that end with a zero.
    CString,
    /// `execute(text) -> text` of AssemblyScript.
    AssemblyScript,
    /// `execute(address, length)`, with an answer that has a length as well.
    PointerLength,
    /// `_start` or `main`, over WASI preview 1: standard input, standard output, an exit code.
    WasiCommand,
    /// A plugin of Extism.
    Extism,
    /// A component with functions of its own.
    Typed,
    /// A component that exports `spell:runtime/cast`.
    Cast,
    /// A component that answers HTTP.
    WasiHttp,
    /// A component that answers HTTP and imports interfaces of Spin.
    Spin,
}

impl Abi {
    /// Every one.
    pub const ALL: [Abi; 9] = [
        Abi::CString,
        Abi::AssemblyScript,
        Abi::PointerLength,
        Abi::WasiCommand,
        Abi::Extism,
        Abi::Typed,
        Abi::Cast,
        Abi::WasiHttp,
        Abi::Spin,
    ];

    /// Whether it answers HTTP by itself, and is not cast.
    pub fn answers_http(self) -> bool {
        matches!(self, Abi::WasiHttp | Abi::Spin)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Abi::CString => "c-string",
            Abi::AssemblyScript => "assemblyscript",
            Abi::PointerLength => "pointer-length",
            Abi::WasiCommand => "wasi-command",
            Abi::Extism => "extism",
            Abi::Typed => "typed",
            Abi::Cast => "cast",
            Abi::WasiHttp => "wasi-http",
            Abi::Spin => "spin",
        }
    }
}

impl fmt::Display for Abi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No way to call a program has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no ABI; there are {all}", all = Abi::ALL.map(Abi::name).join(", "))]
pub struct NotAnAbi(String);

impl FromStr for Abi {
    type Err = NotAnAbi;

    fn from_str(text: &str) -> Result<Abi, NotAnAbi> {
        Abi::ALL.into_iter().find(|abi| abi.name() == text).ok_or_else(|| NotAnAbi(text.to_owned()))
    }
}
