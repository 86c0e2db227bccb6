//! Why a program cannot be made a component.

use crate::encode::CAST_INTERFACE;
use crate::manifest::APP_NAME_BYTES_MAX;
use crate::merge::MergeError;
use spell_compose::ComposeError;

/// Why a program cannot be made a component, and what can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum AdaptError {
    /// It does not begin as WebAssembly does.
    #[error("Invalid WASM binary: missing magic number")]
    NoMagic,
    /// It is what a program is made of.
    #[error("this is source text, not a program: compile it first ({0})")]
    SourceText(&'static str),
    /// It is of a version that nobody reads any longer.
    #[error("this is an encoding of components from before the standard (version {0:#x}): make it anew with today's tools")]
    OldEncoding(u16),
    /// It is larger than programs may be.
    #[error("it has {size_bytes} bytes; {size_bytes_max} are allowed")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
        /// [`crate::PROGRAM_BYTES_MAX`].
        size_bytes_max: usize,
    },
    /// It is not valid.
    #[error("it is no valid WebAssembly: {}", plain(.0))]
    Invalid(String),
    /// Nothing of what it exports has a known name.
    #[error("no suitable entry point found: {}", said(.exports))]
    NoEntryPoint {
        /// The functions that it exports.
        exports: Vec<String>,
    },
    /// It does not export what was asked for.
    #[error("it exports no function `{}`, but {}", plain(.entry), names(.exports))]
    NoSuchEntry {
        /// What was asked for.
        entry: String,
        /// The functions that it exports.
        exports: Vec<String>,
    },
    /// It exports several functions, none of which has a known name.
    #[error("it has several entry points: {}; say which with `--entry`", names(.entries))]
    ManyEntries {
        /// Their names.
        entries: Vec<String>,
    },
    /// Its entry point takes or gives what no known ABI has.
    #[error(
        "its entry point `{}` has the type {kind}, which no ABI here has: take the address of a text and give one, or take an address \
         and a length",
        plain(.entry)
    )]
    EntryType {
        /// The name of the function.
        entry: String,
        /// Its type.
        kind: String,
    },
    /// It could be called in more than one way.
    #[error("its entry point `{}` could be of {}: say which, as in `--abi {}`", plain(.entry), .abis.join(" or of "), .abis.first().unwrap_or(&""))]
    Ambiguous {
        /// The name of the function.
        entry: String,
        /// The names of the ABIs.
        abis: Vec<&'static str>,
    },
    /// It does not have what the ABI takes.
    #[error("it is not of the ABI `{abi}`: {}", plain(.reason))]
    DoesNotFit {
        /// The ABI.
        abi: &'static str,
        /// What is missing.
        reason: String,
    },
    /// It shares its memory with nobody, and has no function that gives memory for what it takes.
    #[error(
        "it is Go's (`{sign}`), which shares its memory with nobody, so that `{entry}` cannot be given anything: export a function \
         `malloc(size) -> address` as well, or read standard input in `main`"
    )]
    NoAllocator {
        /// The name of the function that takes an address.
        entry: String,
        /// What it was known by.
        sign: String,
    },
    /// It imports what nobody offers.
    #[error("it imports `{}` `{}`, which nobody offers: {hint}", plain(.module), plain(.name))]
    UnknownImport {
        /// From which module.
        module: String,
        /// By which name.
        name: String,
        /// What to do.
        hint: &'static str,
    },
    /// It and its glue cannot be made one.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// No app is called so.
    #[error(
        "an app cannot be called `{}`: its name is of letters, digits and single hyphens, begins with a letter, and has at most \
         {APP_NAME_BYTES_MAX}", plain(.0)
    )]
    AppName(String),
    /// It is a component of another kind.
    #[error("it is no spell: it exports neither `{CAST_INTERFACE}` nor an HTTP handler, but {}", names(.exports))]
    NotASpell {
        /// What it exports.
        exports: Vec<String>,
    },
    /// It is a program of WASI's preview 2.
    #[error("it is a program that was made a component already, whose input and output are the host's: build it for wasm32-wasip1")]
    Program,
    /// It is no component, or not a valid one.
    #[error("it is no valid component: {}", plain(.0))]
    NotAComponent(String),
    /// It is a component without functions of its own.
    #[error("it exports no function that could be called; it exports {}", names(.exports))]
    NoFunctions {
        /// What it exports.
        exports: Vec<String>,
    },
    /// None of its functions is called so.
    #[error("it exports no function `{}`; there are {}", plain(.entry), names(.functions))]
    NoSuchFunction {
        /// The name that was given.
        entry: String,
        /// Those that there are.
        functions: Vec<String>,
    },
    /// More than one of its functions is called so.
    #[error("it exports more than one function `{}`: say which of {}", plain(.entry), names(.functions))]
    AmbiguousFunction {
        /// The name that was given.
        entry: String,
        /// Those that it could be.
        functions: Vec<String>,
    },
    /// Functions take or give what JSON cannot say.
    #[error("no function of it can be called with JSON: {}", .0.join("; "))]
    NotCallable(Vec<String>),
    /// It has more of something than is read.
    #[error("it has more than {max} {what}{}", .function.as_ref().map_or_else(String::new, |function| format!(" in `{function}`")))]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// In which function, if it is in one.
        function: Option<String>,
        /// The most that is read.
        max: usize,
    },
    /// It and what stands in front of it cannot be made one.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The component cannot be made. This is a fault of ours.
    #[error("the component cannot be made: {}", plain(.0))]
    Encode(String),
}

fn said(exports: &[String]) -> String {
    format!("it exports {}; export `execute` or `process`, or say what to call with `--entry`", names(exports))
}

/// So many names stand in one message.
const NAMES_MAX: usize = 30;

fn names(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let listed = names.iter().take(NAMES_MAX).map(|name| format!("`{}`", plain(name))).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(NAMES_MAX);
    if more > 0 { format!("{listed} and {more} more") } else { listed }
}

/// A stranger's text without what could command a terminal or begin a line of its own.
pub(crate) fn plain(text: &str) -> String {
    let plain = |character: char| if character.is_control() { character.escape_default().to_string() } else { character.to_string() };
    text.chars().map(plain).collect()
}
