//! Which way a module wants to be called, from what it exports, imports and does.
//!
//! It knows names and types of functions. It must never know how any is called.

use crate::Choice;
use crate::abi::Abi;
use crate::error::{AdaptError, plain};
use crate::form::{Form, START, i32s};
use crate::imports::of_elsewhere;
use crate::module::ModuleFacts;

/// Names that entry points have, those that are looked for first before the others. `_start` does what `main` does, and more.
const ENTRIES: [&str; 5] = ["execute", "process", "run", START, "main"];
/// Names of functions that give memory.
const ALLOCATORS: [&str; 3] = ["allocate", "alloc", "malloc"];
/// What a plugin exports that is not for its host to call: what it begins and ends with, and what its compiler leaves.
const NOT_FOR_HOSTS: [&str; 8] =
    ["_initialize", START, "__wasm_call_ctors", "hs_init", "hs_exit", "__cxa_atexit", "_fini", "asyncify_get_state"];

/// What a program was taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// How it is called.
    pub abi: Abi,
    /// The name of the function that is called.
    pub entry: String,
    /// The name of the function that gives memory for the input, if there is one.
    pub allocator: Option<String>,
    /// Why, in words.
    pub reasons: Vec<String>,
}

/// Finds out how a module is called.
pub(crate) fn recognise(facts: &ModuleFacts, choice: &Choice<'_>) -> Result<(Recognised, Form), AdaptError> {
    find(facts, choice).map_err(|error| of_elsewhere(facts).unwrap_or(error))
}

fn find(facts: &ModuleFacts, choice: &Choice<'_>) -> Result<(Recognised, Form), AdaptError> {
    let entry = entry(facts, choice)?;
    let kind = facts.function(entry).map(|function| function.kind.clone()).unwrap_or_else(|| i32s(0, 0));
    let mut forms = Form::of(facts, entry, &kind);
    if let Some(abi) = choice.abi {
        forms.retain(|form| form.abi() == abi);
        if forms.is_empty() {
            let reason = format!("`{entry}` has the type {}", crate::module::shown(&kind));
            return Err(AdaptError::DoesNotFit { abi: abi.name(), reason });
        }
    }
    let mut reasons = Vec::new();
    if forms.len() > 1 {
        reasons = side(facts, entry, &mut forms)?;
    }
    let Some(form) = forms.first().copied() else {
        return Err(AdaptError::EntryType { entry: entry.to_owned(), kind: crate::module::shown(&kind) });
    };
    if facts.memories.is_empty() && !matches!(form.abi(), Abi::WasiCommand | Abi::Extism) {
        return Err(AdaptError::DoesNotFit { abi: form.abi().name(), reason: "it has no memory; export one as `memory`".to_owned() });
    }
    reasons.insert(0, format!("`{}` {}", plain(entry), form.words()));
    if form.abi() == Abi::Extism {
        reasons.push("it imports Extism's kernel (`extism:host/env`)".to_owned());
    }
    let takes_address = form.takes_address();
    let allocator = ALLOCATORS.into_iter().find(|name| takes_address && *name != entry && facts.has(name, &i32s(1, 1)));
    if takes_address {
        let none = || "it exports no allocator: the input is put into new pages".to_owned();
        reasons.push(allocator.map_or_else(none, |name| format!("the input is put where `{name}` says")));
    }
    if let Some(sign) = facts.sign_of_go() {
        if takes_address && allocator.is_none() {
            return Err(AdaptError::NoAllocator { entry: entry.to_owned(), sign: sign.to_owned() });
        }
        if matches!(form, Form::AssemblyScript | Form::MainArguments) {
            let reason = format!("it is Go's (`{sign}`), which has neither AssemblyScript's strings nor a `main` with arguments");
            return Err(AdaptError::DoesNotFit { abi: form.abi().name(), reason });
        }
        reasons.push(format!("it is Go's (`{sign}`), which shares its memory with nobody: what it takes and gives is copied"));
    }
    let allocator = allocator.map(str::to_owned);
    Ok((Recognised { abi: form.abi(), entry: entry.to_owned(), allocator, reasons }, form))
}

/// The function that is called.
fn entry<'a>(facts: &'a ModuleFacts, choice: &Choice<'a>) -> Result<&'a str, AdaptError> {
    if let Some(entry) = choice.entry {
        let known = facts.function(entry).map(|function| function.name.as_str());
        return known.ok_or_else(|| AdaptError::NoSuchEntry { entry: entry.to_owned(), exports: facts.function_names() });
    }
    let callable = |name: &&str| facts.function(name).is_some_and(|function| !Form::of(facts, name, &function.kind).is_empty());
    let fits = |name: &&str| {
        let forms = facts.function(name).map(|function| Form::of(facts, name, &function.kind)).unwrap_or_default();
        forms.iter().any(|form| choice.abi.is_none_or(|abi| form.abi() == abi))
    };
    let is_for_hosts = |name: &&str| !facts.is_plugin() || !NOT_FOR_HOSTS.contains(name);
    let named = ENTRIES.into_iter().filter(is_for_hosts);
    if let Some(entry) = named.clone().find(|name| fits(name)).or_else(|| named.clone().find(|name| callable(name))) {
        return Ok(entry);
    }
    if facts.is_plugin() {
        let functions: Vec<&str> = facts.functions.iter().map(|function| function.name.as_str()).collect();
        let functions: Vec<&str> = functions.into_iter().filter(|name| callable(name) && is_for_hosts(name)).collect();
        match functions.as_slice() {
            [] => {}
            [entry] => return Ok(entry),
            many => return Err(AdaptError::ManyEntries { entries: many.iter().map(|name| (*name).to_owned()).collect() }),
        }
    }
    if let Some(name) = ENTRIES.into_iter().find(|name| facts.function(name).is_some()) {
        return Ok(name);
    }
    Err(AdaptError::NoEntryPoint { exports: facts.function_names() })
}

/// C strings and AssemblyScript's are told apart by what compilers leave behind, and by what is read and written.
fn side(facts: &ModuleFacts, entry: &str, forms: &mut Vec<Form>) -> Result<Vec<String>, AdaptError> {
    let (of_script, of_c) = (signs_of_assemblyscript(facts), signs_of_c(facts));
    let (form, reasons) = match (of_script.is_empty(), of_c.is_empty()) {
        (false, _) => (Form::AssemblyScript, of_script),
        (true, false) => (Form::CString, of_c),
        (true, true) if facts.does.reads_header || facts.does.has_units => {
            (Form::AssemblyScript, vec!["it works on units of 16 bits, as AssemblyScript's strings have".to_owned()])
        }
        (true, true) if facts.does.has_bytes => (Form::CString, vec!["it works on single bytes".to_owned()]),
        _ => return Err(AdaptError::Ambiguous { entry: entry.to_owned(), abis: forms.iter().map(|form| form.abi().name()).collect() }),
    };
    forms.retain(|other| *other == form);
    Ok(reasons)
}

/// What only AssemblyScript's compiler leaves in a module.
fn signs_of_assemblyscript(facts: &ModuleFacts) -> Vec<String> {
    let mut signs = Vec::new();
    if facts.has("__new", &i32s(2, 1)) || facts.exports.iter().any(|name| name == "__rtti_base") {
        signs.push("it exports AssemblyScript's runtime (`__new`, `__rtti_base`)".to_owned());
    }
    if facts.imports_function("env", "abort", &i32s(4, 0)) {
        signs.push("it imports AssemblyScript's `abort`".to_owned());
    }
    signs
}

/// What compilers of other languages leave in a module.
fn signs_of_c(facts: &ModuleFacts) -> Vec<String> {
    let mut signs = Vec::new();
    if let Some(name) = ALLOCATORS.into_iter().find(|name| facts.has(name, &i32s(1, 1))) {
        signs.push(format!("it exports the allocator `{name}`"));
    }
    if let Some(section) = facts.custom_sections.iter().find(|name| ["producers", "target_features"].contains(&name.as_str())) {
        signs.push(format!("it has the section `{section}`, which AssemblyScript's compiler does not write"));
    }
    if facts.has_stack {
        signs.push("it has a stack in its memory".to_owned());
    }
    signs
}
