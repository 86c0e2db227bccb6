//! How an execution can fail, in the engine's words.

use spell_types::Limit;
use wasmtime::Trap;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode as ErrorCodeP2;

/// Why an execution gave no answer, or broke one off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The guest met a limit.
    #[error("the spell met its limit `{}`", .0.key())]
    Limit(Limit),
    /// The guest's code trapped; wasm's own word for it.
    #[error("the spell trapped: {0}")]
    Trap(String),
    /// The guest ended without an answer.
    #[error("the spell ended without an answer")]
    NoResponse,
    /// The guest answered with an error in place of a response.
    #[error("the spell answered with the error {0}")]
    GuestError(String),
    /// The pool has no room for another instance.
    #[error("the host has no room for another instance")]
    PoolFull,
    /// The host itself failed.
    #[error("the host failed: {0}")]
    Host(String),
}

impl Failure {
    /// Reads what wasmtime returned; `refused` is the limit that the guest was refused something for, if any.
    ///
    /// A guest that was refused memory mostly aborts, and that trap says nothing: the refusal is the better explanation.
    pub(crate) fn from_error(error: &wasmtime::Error, refused: Option<Limit>) -> Self {
        if let Some(failure) = error.downcast_ref::<Failure>() {
            return failure.clone();
        }
        if error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some() {
            return Failure::PoolFull;
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => return Failure::Limit(Limit::Fuel),
            _ if refused.is_some() => return refused.map_or(Failure::NoResponse, Failure::Limit),
            Some(trap) => return Failure::Trap(trap_name(*trap)),
            None => {}
        }
        if let Some(code) = error.downcast_ref::<ErrorCodeP2>() {
            return Failure::GuestError(format!("{code:?}"));
        }
        // What is left is an error of a host function that ends the guest: a bad handle, a full table, an exit.
        Failure::Trap(first_line(&error.root_cause().to_string()))
    }
}

fn trap_name(trap: Trap) -> String {
    let text = trap.to_string();
    text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
}

/// An error with its causes, in one line. Names in it can be a stranger's: they must not move a terminal's cursor.
pub(crate) fn readable(error: &wasmtime::Error) -> String {
    let text = format!("{error:#}");
    let mut shown = String::with_capacity(text.len().min(READABLE_CHARS_MAX));
    for character in text.chars().take(READABLE_CHARS_MAX) {
        match character {
            '\n' => shown.push_str("; "),
            character if character.is_control() => shown.extend(character.escape_default()),
            character => shown.push(character),
        }
    }
    shown
}

const READABLE_CHARS_MAX: usize = 2_000;
const REASON_BYTES_MAX: usize = 200;

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(REASON_BYTES_MAX).collect()
}
