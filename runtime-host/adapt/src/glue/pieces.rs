//! The pieces that glue is put together from, and which of them a module takes.

use super::lending;
use crate::abi::Abi;
use crate::form::{Form, i32s};
use crate::imports::{CONSOLE, ENV, EXTISM, Satisfied, WASI, satisfied};
use crate::module::ModuleFacts;
use crate::recognise::Recognised;
use crate::wasi::WasiFunction;
use std::borrow::Cow;
use std::fmt::Error;

/// The text of a piece.
macro_rules! piece {
    ($name:literal) => {
        include_str!(concat!($name, ".wat"))
    };
}

/// Who makes AssemblyScript's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    /// The runtime, which is exported.
    Exported,
    /// A function of the runtime by its index, and how many arguments it takes.
    Hidden(u32, usize),
    /// Nobody that could be found.
    Nobody,
}

/// Who makes a module's objects.
pub(super) fn maker(facts: &ModuleFacts) -> Maker {
    if facts.has("__new", &i32s(2, 1)) && facts.has("__pin", &i32s(1, 1)) {
        return Maker::Exported;
    }
    facts.does.maker().map_or(Maker::Nobody, |(index, arguments)| Maker::Hidden(index, arguments))
}

/// The pieces for a module, each once.
pub(super) fn of(facts: &ModuleFacts, recognised: &Recognised, form: Form) -> Result<Vec<Cow<'static, str>>, Error> {
    let mut pieces: Vec<Cow<'static, str>> = fixed(facts, recognised, form).into_iter().map(Cow::Borrowed).collect();
    if is_apart(facts, form) {
        pieces.push(lent(facts, form)?.into());
    }
    Ok(pieces)
}

/// Whether the guest's memory is not ours.
pub(super) fn is_apart(facts: &ModuleFacts, form: Form) -> bool {
    // AssemblyScript's runtime takes all memory that there is when it begins to be its own, and the stub what comes behind as well.
    form == Form::AssemblyScript || facts.memories.is_empty() || facts.sign_of_go().is_some()
}

/// Those that are as they are.
fn fixed(facts: &ModuleFacts, recognised: &Recognised, form: Form) -> Vec<&'static str> {
    let mut pieces = vec![piece!("base")];
    let imports = |module: &str, name: &str| facts.imports.iter().any(|import| import.module == module && import.name == name);
    pieces.extend(of_form(form));
    pieces.extend(of_memory(facts, recognised, form));
    let has_number = match form.abi() {
        Abi::AssemblyScript => {
            pieces.extend(of_script(&imports));
            imports(ENV, "abort") || imports(ENV, "trace")
        }
        Abi::WasiCommand => {
            pieces.extend(of_command(&imports, is_apart(facts, form)));
            true
        }
        Abi::Extism => {
            pieces.extend(of_plugin(&imports));
            true
        }
        _ => false,
    };
    let exits = imports(WASI, "proc_exit");
    if exits {
        pieces.push(piece!("exit"));
        pieces.extend((form.abi() != Abi::WasiCommand).then_some(piece!("ended_early")));
    }
    if imports(ENV, "emscripten_notify_memory_growth") {
        pieces.push(piece!("emscripten"));
    }
    pieces.extend((has_number || exits).then_some(piece!("decimal")));
    pieces
}

/// The functions of WASI that reach the guest's memory.
fn lent(facts: &ModuleFacts, form: Form) -> Result<String, Error> {
    let imports = facts.imports.iter().filter(|import| import.module == WASI);
    let mut functions: Vec<&WasiFunction> = imports.clone().filter_map(|import| WasiFunction::named(&import.name)).collect();
    functions.retain(|function| function.has_addresses());
    functions.sort_unstable_by_key(|function| function.name);
    functions.dedup_by_key(|function| function.name);
    let is_outside = |name: &str| imports.clone().any(|import| import.name == name && satisfied(import, form) == Satisfied::Wasi);
    lending::written(&functions, is_outside)
}

fn of_form(form: Form) -> Vec<&'static str> {
    match form {
        Form::CString => vec![piece!("c_string"), piece!("text"), piece!("zero")],
        Form::TextResult => vec![piece!("text_result"), piece!("text"), piece!("zero")],
        Form::Packed => vec![piece!("packed"), piece!("bytes")],
        Form::OutLength => vec![piece!("out_length"), piece!("bytes")],
        Form::ResultLength => vec![piece!("result_length"), piece!("bytes")],
        Form::AssemblyScript => vec![piece!("assemblyscript"), piece!("utf_8")],
        Form::Start => vec![piece!("command"), piece!("run_start")],
        Form::Main => vec![piece!("command"), piece!("run_main")],
        Form::MainArguments => vec![piece!("command"), piece!("run_main_arguments")],
        Form::Plugin => vec![piece!("extism"), piece!("message"), piece!("utf_8"), piece!("run_plugin")],
        Form::PluginWithoutCode => vec![piece!("extism"), piece!("message"), piece!("utf_8"), piece!("run_plugin_without_code")],
    }
}

/// Where memory for the guest, and for what is said about it, comes from.
fn of_memory(facts: &ModuleFacts, recognised: &Recognised, form: Form) -> Vec<&'static str> {
    let memory = if is_apart(facts, form) { vec![piece!("apart"), piece!("lent")] } else { vec![piece!("shared")] };
    let given = match form {
        Form::AssemblyScript => vec![made(facts)],
        _ if !form.takes_address() => vec![],
        _ if recognised.allocator.is_some() => vec![piece!("given_by_allocator")],
        _ => vec![piece!("given_in_place")],
    };
    [vec![piece!("pages")], memory, given].concat()
}

/// How AssemblyScript's objects are made.
fn made(facts: &ModuleFacts) -> &'static str {
    match maker(facts) {
        Maker::Exported => piece!("made_by_export"),
        Maker::Hidden(..) => piece!("made_by_function"),
        Maker::Nobody => piece!("made_in_pages"),
    }
}

/// Standard input, output and error, as far as a program has them.
fn of_command(imports: &dyn Fn(&str, &str) -> bool, is_apart: bool) -> Vec<&'static str> {
    let mut pieces = Vec::new();
    if imports(WASI, "fd_read") {
        pieces.push(piece!("stdin"));
        pieces.extend((!is_apart).then_some(piece!("shared_fd_read")));
    }
    if imports(WASI, "fd_write") {
        pieces.extend([piece!("stdout"), piece!("error"), piece!("message"), piece!("utf_8")]);
        pieces.extend((!is_apart).then_some(piece!("shared_fd_write")));
    } else {
        pieces.push(piece!("error_none"));
    }
    pieces
}

fn of_script(imports: &dyn Fn(&str, &str) -> bool) -> Vec<&'static str> {
    let mut pieces = Vec::new();
    let (date, performance) = (imports(ENV, "Date.now"), imports(ENV, "performance.now"));
    pieces.extend(imports(ENV, "abort").then_some(piece!("abort")));
    pieces.extend(imports(ENV, "seed").then_some(piece!("seed")));
    pieces.extend(date.then_some(piece!("date_now")));
    pieces.extend(performance.then_some(piece!("performance_now")));
    pieces.extend((date || performance).then_some(piece!("clock")));
    let (has_trace, has_console) = (imports(ENV, "trace"), CONSOLE.iter().any(|name| imports(ENV, name)));
    pieces.extend(has_trace.then_some(piece!("trace")));
    pieces.extend(has_console.then_some(piece!("console")));
    if has_trace || has_console {
        pieces.extend([piece!("say_string"), piece!("say")]);
    }
    pieces
}

fn of_plugin(imports: &dyn Fn(&str, &str) -> bool) -> Vec<&'static str> {
    let any = |names: &[&str]| names.iter().any(|name| imports(EXTISM, name));
    let mut pieces = Vec::new();
    pieces.extend(any(&["var_get", "var_set"]).then_some(piece!("variables")));
    if any(&["config_get"]) {
        pieces.extend([piece!("configuration"), piece!("zero")]);
    }
    if any(&["get_log_level", "log_trace", "log_debug", "log_info", "log_warn", "log_error"]) {
        pieces.extend([piece!("log"), piece!("say")]);
    }
    pieces.extend(any(&["http_request", "http_status_code", "http_headers"]).then_some(piece!("requests")));
    pieces
}
