//! What stands between the component model and a module: written in WebAssembly's text, in pieces, and put together for one module.
//!
//! It knows which pieces a way of calling takes, and what the module calls them. It must never know how modules are made one.

mod failures;
mod lending;
mod pieces;

use crate::error::AdaptError;
use crate::form::{Form, RESULT_LENGTH, START, i32s};
use crate::merge::{GUEST_FUNCTION, GUEST_START};
use crate::module::ModuleFacts;
use crate::recognise::Recognised;
use std::fmt::{Result, Write};
use std::ops::Range;
use wasmparser::FuncType;

/// Functions that a module wants to be called before any other: the first of them that it has.
const BEGINNINGS: [&str; 3] = ["hs_init", "_initialize", "__wasm_call_ctors"];

/// The glue of a module.
pub(crate) fn of(facts: &ModuleFacts, recognised: &Recognised, form: Form) -> std::result::Result<Vec<u8>, AdaptError> {
    let unwritten = |error: &dyn std::fmt::Display| AdaptError::Encode(error.to_string());
    let text = Glue { facts, recognised, form }.text().map_err(|error| unwritten(&error))?;
    wat::parse_str(&text).map_err(|error| unwritten(&error))
}

const PAGE_BYTES: u64 = 65_536;
const MEMORY_BYTES_MAX: u64 = 1 << 32;
/// The address 0 means that there is nothing.
const NOWHERE: u64 = 8;

/// The memory of a guest that has none.
const NO_MEMORY: &str = "(memory $guest 0)\n";

struct Glue<'a> {
    facts: &'a ModuleFacts,
    recognised: &'a Recognised,
    form: Form,
}

impl Glue<'_> {
    fn text(&self) -> std::result::Result<String, std::fmt::Error> {
        let pieces = pieces::of(self.facts, self.recognised, self.form)?;
        let mut text = "(module\n".to_owned();
        let (first, pages) = self.first_page();
        if !self.facts.memories.is_empty() {
            writeln!(text, "(import \"guest\" \"memory\" (memory $guest {pages}))")?;
        }
        let mut imports: Vec<&str> = pieces.iter().flat_map(|piece| piece.lines()).filter(|line| line.starts_with("(import ")).collect();
        imports.sort_unstable();
        imports.dedup();
        imports.iter().try_for_each(|line| writeln!(text, "{line}"))?;
        self.import(&mut text)?;
        let rest = pieces.iter().flat_map(|piece| piece.lines()).filter(|line| !line.starts_with("(import "));
        let mut rest = rest.collect::<Vec<&str>>().join("\n");
        if self.facts.memories.is_empty() {
            rest.insert_str(0, NO_MEMORY);
        }
        let (next, end) = if first.start == 0 { (NOWHERE, first.end) } else { (first.start, first.end) };
        writeln!(text, "(global $next (mut i32) (i32.const {next}))\n(global $end (mut i32) (i32.const {end}))")?;
        failures::write(&mut text, &rest)?;
        text.push_str(&rest);
        text.push(')');
        Ok(self.with_memories(text))
    }

    /// Where the first page of ours is, and by how many pages the guest's memory becomes larger for it.
    fn first_page(&self) -> (Range<u64>, u64) {
        if pieces::is_apart(self.facts, self.form) {
            return (0..PAGE_BYTES, 0);
        }
        let start = self.facts.memory().map_or(0, |memory| memory.pages) * PAGE_BYTES;
        // Of a memory that leaves no room for one, nothing is ours, and each piece of memory is asked for.
        if start < MEMORY_BYTES_MAX - PAGE_BYTES { (start..start + PAGE_BYTES, 1) } else { (0..0, 0) }
    }

    /// Says which memory is meant where pieces leave that open. Only plugins look for the ends of texts that are not the guest's.
    fn with_memories(&self, text: String) -> String {
        let text = text.replace("$texts", if self.facts.is_plugin() { "$ours" } else { "$guest" });
        if pieces::is_apart(self.facts, self.form) { text } else { text.replace("$ours", "$guest") }
    }

    /// Imports what the pieces call, under the names that the module has for it.
    fn import(&self, text: &mut String) -> Result {
        let Glue { facts, recognised, form } = self;
        if let Some(entry) = facts.function(&recognised.entry) {
            import(text, "guest", &recognised.entry, "entry", &entry.kind)?;
        }
        if let Some(allocator) = &recognised.allocator {
            import(text, "guest", allocator, "allocate", &i32s(1, 1))?;
        }
        match (form, pieces::maker(facts)) {
            (Form::ResultLength, _) => import(text, "guest", RESULT_LENGTH, "result_length", &i32s(0, 1))?,
            (Form::AssemblyScript, pieces::Maker::Exported) => {
                import(text, "guest", "__new", "new", &i32s(2, 1))?;
                import(text, "guest", "__pin", "pin", &i32s(1, 1))?;
            }
            (Form::AssemblyScript, pieces::Maker::Hidden(index, arguments)) => {
                import(text, GUEST_FUNCTION, &index.to_string(), "hidden_new", &i32s(arguments, 1))?;
            }
            _ => {}
        }
        let start = (*form == Form::AssemblyScript).then_some(START);
        let mut beginnings = BEGINNINGS.into_iter().chain(start);
        let beginning = beginnings.find(|name| *name != recognised.entry && facts.has(name, &i32s(0, 0)));
        if let Some(name) = beginning {
            import(text, "guest", name, "beginning", &i32s(0, 0))?;
        }
        if facts.has_start {
            import(text, GUEST_START, "", "start", &i32s(0, 0))?;
        }
        let start = if facts.has_start { " (call $start)" } else { "" };
        let begin = if beginning.is_some() { " (call $beginning)" } else { "" };
        writeln!(text, "(func $start_guest{start}{begin})")?;
        if let (Form::AssemblyScript, pieces::Maker::Hidden(_, arguments)) = (form, pieces::maker(facts)) {
            let class = if arguments == 2 { " (i32.const 2)" } else { "" };
            let call = format!("(call $hidden_new (local.get $bytes){class})");
            writeln!(text, "(func $new_object (param $bytes i32) (result i32) {call})")?;
        }
        Ok(())
    }
}

fn import(text: &mut String, module: &str, name: &str, alias: &str, kind: &FuncType) -> Result {
    writeln!(text, "(import \"{module}\" {} (func ${alias}{}))", quoted(name), signature(kind))
}

fn signature(kind: &FuncType) -> String {
    let params: String = kind.params().iter().map(|kind| format!(" (param {kind})")).collect();
    params + &kind.results().iter().map(|kind| format!(" (result {kind})")).collect::<String>()
}

/// A text as WebAssembly's text has it.
pub(crate) fn quoted(text: impl AsRef<[u8]>) -> String {
    let bytes: String = text.as_ref().iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("\"{bytes}\"")
}
