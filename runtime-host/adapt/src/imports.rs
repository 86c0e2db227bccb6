//! What modules import, and what satisfies it: glue, WASI, or nobody.
//!
//! It knows names of functions. It must never know what any of them does.

use crate::abi::Abi;
use crate::error::AdaptError;
use crate::form::{Form, i32s};
use crate::merge::MergeError;
use crate::module::{Function, ModuleFacts};
use crate::wasi::WasiFunction;

/// WASI's preview 1.
pub(crate) const WASI: &str = "wasi_snapshot_preview1";
/// Where C's and AssemblyScript's compilers expect what they do not have.
pub(crate) const ENV: &str = "env";
/// Extism's kernel.
pub(crate) const EXTISM: &str = "extism:host/env";
/// Console functions that write their argument as a line of the log.
pub(crate) const CONSOLE: [&str; 5] = ["console.log", "console.debug", "console.info", "console.warn", "console.error"];

/// What stands behind an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Satisfied {
    /// A function that becomes part of the component.
    Inside,
    /// An interface of WASI, from the host.
    Wasi,
    /// Nobody, and what can be done.
    Nobody(&'static str),
}

/// What Extism's kernel has.
const KERNEL: [&str; 31] = [
    "alloc",
    "free",
    "length",
    "length_unsafe",
    "load_u8",
    "load_u64",
    "store_u8",
    "store_u64",
    "input_length",
    "input_offset",
    "input_load_u8",
    "input_load_u64",
    "output_set",
    "output_length",
    "output_offset",
    "error_set",
    "error_get",
    "memory_bytes",
    "reset",
    "config_get",
    "var_get",
    "var_set",
    "http_request",
    "http_status_code",
    "http_headers",
    "log_trace",
    "log_debug",
    "log_info",
    "log_warn",
    "log_error",
    "get_log_level",
];

/// What can be done about imports from modules whose names begin so.
const HINTS: [(&str, &str); 8] = [
    ("wbg", "it was made for browsers by wasm-bindgen; build it for wasm32-wasip1 or wasm32-wasip2 without it"),
    ("__wbindgen", "it was made for browsers by wasm-bindgen; build it for wasm32-wasip1 or wasm32-wasip2 without it"),
    ("gojs", "it was made for browsers by Go; build it with GOOS=wasip1"),
    ("go", "it was made for browsers by Go; build it with GOOS=wasip1"),
    ("wasi_unstable", "it was made for a WASI from before preview 1; build it with today's tools"),
    ("extism:host/user", "it is a function of one particular host of Extism plugins, not of Extism"),
    ("a", "it was made by Emscripten for its own JavaScript; build it with -sSTANDALONE_WASM"),
    ("env", "link what defines it into the program, or build it for wasm32-wasi"),
];

/// Modules, of those with hints, by which a program tells that it was made for another place altogether.
const ELSEWHERE: [&str; 6] = ["wbg", "__wbindgen", "gojs", "go", "wasi_unstable", "a"];

/// Why a module cannot be called that was made for another place: what its functions are called there says less.
pub(crate) fn of_elsewhere(facts: &ModuleFacts) -> Option<AdaptError> {
    let import = facts.imports.iter().find(|import| ELSEWHERE.iter().any(|module| is_of(import, module)))?;
    let (module, name) = (import.module.clone(), import.name.clone());
    Some(AdaptError::UnknownImport { module, name, hint: hint(import) })
}

/// Whether an import comes from a module that is called so, or whose name begins so.
fn is_of(import: &Function, module: &str) -> bool {
    import.module == module || (module.len() > 3 && import.module.starts_with(module))
}

fn hint(import: &Function) -> &'static str {
    let hint = HINTS.iter().find(|(module, _)| is_of(import, module));
    hint.map_or("build it without that import, or for WASI", |(_, hint)| hint)
}

/// The function of WASI that this is.
fn of_wasi(import: &Function) -> Option<&'static WasiFunction> {
    WasiFunction::named(&import.name).filter(|_| import.module == WASI)
}

/// What stands behind an import of a module that is called so.
pub(crate) fn satisfied(import: &Function, form: Form) -> Satisfied {
    if is_inside(import, form) {
        Satisfied::Inside
    } else if of_wasi(import).is_some() {
        Satisfied::Wasi
    } else {
        Satisfied::Nobody(hint(import))
    }
}

fn is_inside(import: &Function, form: Form) -> bool {
    let name = import.name.as_str();
    match import.module.as_str() {
        WASI => name == "proc_exit" || (form.abi() == Abi::WasiCommand && ["fd_read", "fd_write"].contains(&name)),
        ENV if form.abi() == Abi::AssemblyScript => {
            ["abort", "seed", "trace", "Date.now", "performance.now"].contains(&name) || CONSOLE.contains(&name)
        }
        ENV => name == "emscripten_notify_memory_growth" && import.kind == i32s(1, 0),
        EXTISM => KERNEL.contains(&name),
        _ => false,
    }
}

/// Sees that somebody stands behind each import; what is inside is looked at when the two are made one.
pub(crate) fn check(facts: &ModuleFacts, form: Form) -> Result<(), AdaptError> {
    for import in &facts.imports {
        let (module, name) = (import.module.clone(), import.name.clone());
        match satisfied(import, form) {
            Satisfied::Nobody(hint) => return Err(AdaptError::UnknownImport { module, name, hint }),
            Satisfied::Wasi if of_wasi(import).is_none_or(|function| function.kind() != import.kind) => {
                return Err(MergeError::ImportType { module, name }.into());
            }
            Satisfied::Wasi | Satisfied::Inside => {}
        }
    }
    Ok(())
}
