//! The functions of WASI's preview 1, and what they take.
//!
//! It knows what lies behind an address. It must never know what any function does.

use wasmparser::{FuncType, ValType};

/// A function of preview 1, as it is offered to components.
#[derive(Debug)]
pub(crate) struct WasiFunction {
    pub(crate) name: &'static str,
    pub(crate) parameters: &'static [Parameter],
    /// Whether it gives a number of an error.
    pub(crate) has_result: bool,
}

/// What a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameter {
    Number32,
    Number64,
    /// The address of a list that a call reads, or writes as well.
    List {
        unit_bytes: u32,
        /// How many parameters later it is said how many units there are.
        count_after: usize,
        is_written: bool,
    },
    /// The address of so many bytes, which a call writes.
    Cell {
        size_bytes: u32,
    },
    /// The address of a list of addresses and lengths, whose number is the next parameter: bytes that a call reads, or writes as well.
    Parts {
        is_written: bool,
    },
    /// The addresses of a list of addresses and, as the next parameter, of the texts that these lead to: as many and as long as another
    /// function says, which takes two cells of 4 bytes.
    Texts {
        sizes: &'static str,
    },
}

impl Parameter {
    fn kind(self) -> ValType {
        if self == Parameter::Number64 { ValType::I64 } else { ValType::I32 }
    }

    /// Whether it leads to memory.
    pub(crate) fn is_address(self) -> bool {
        !matches!(self, Parameter::Number32 | Parameter::Number64)
    }
}

impl WasiFunction {
    #[cfg(test)]
    pub(crate) fn all() -> &'static [WasiFunction] {
        &FUNCTIONS
    }

    /// The function of this name.
    pub(crate) fn named(name: &str) -> Option<&'static WasiFunction> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }

    pub(crate) fn kind(&self) -> FuncType {
        FuncType::new(self.parameters.iter().map(|parameter| parameter.kind()), self.has_result.then_some(ValType::I32))
    }

    /// Whether it reads or writes memory.
    pub(crate) fn has_addresses(&self) -> bool {
        self.parameters.iter().any(|parameter| parameter.is_address())
    }
}

const I32: Parameter = Parameter::Number32;
const I64: Parameter = Parameter::Number64;
/// Bytes, whose number is the next parameter.
const READ: Parameter = Parameter::List { unit_bytes: 1, count_after: 1, is_written: false };
const WRITTEN: Parameter = Parameter::List { unit_bytes: 1, count_after: 1, is_written: true };
const READ_PARTS: Parameter = Parameter::Parts { is_written: false };
const WRITTEN_PARTS: Parameter = Parameter::Parts { is_written: true };
/// What is waited for, and what came: there are as many places for the one as there are of the other.
const SUBSCRIPTIONS: Parameter = Parameter::List { unit_bytes: 48, count_after: 2, is_written: false };
const EVENTS: Parameter = Parameter::List { unit_bytes: 32, count_after: 1, is_written: true };
/// The flags of what was received.
const FLAGS: Parameter = Parameter::Cell { size_bytes: 2 };
/// A size or a file descriptor.
const SIZE: Parameter = Parameter::Cell { size_bytes: 4 };
/// A time or an offset in a file.
const LONG: Parameter = Parameter::Cell { size_bytes: 8 };
/// What is known of a directory that is open from the start.
const PRESTAT: Parameter = Parameter::Cell { size_bytes: 8 };
/// What is known of a file descriptor.
const FDSTAT: Parameter = Parameter::Cell { size_bytes: 24 };
/// What is known of a file.
const FILESTAT: Parameter = Parameter::Cell { size_bytes: 64 };

const fn call(name: &'static str, parameters: &'static [Parameter]) -> WasiFunction {
    WasiFunction { name, parameters, has_result: true }
}

const fn order(name: &'static str, parameters: &'static [Parameter]) -> WasiFunction {
    WasiFunction { name, parameters, has_result: false }
}

/// All of them, and those that the adapter offers besides.
static FUNCTIONS: [WasiFunction; 50] = [
    call("adapter_close_badfd", &[I32]),
    order("adapter_monotonic_clock_set_paused", &[I32]),
    call("adapter_open_badfd", &[SIZE]),
    call("args_get", &[Parameter::Texts { sizes: "args_sizes_get" }, I32]),
    call("args_sizes_get", &[SIZE, SIZE]),
    call("clock_res_get", &[I32, LONG]),
    call("clock_time_get", &[I32, I64, LONG]),
    call("environ_get", &[Parameter::Texts { sizes: "environ_sizes_get" }, I32]),
    call("environ_sizes_get", &[SIZE, SIZE]),
    call("fd_advise", &[I32, I64, I64, I32]),
    call("fd_allocate", &[I32, I64, I64]),
    call("fd_close", &[I32]),
    call("fd_datasync", &[I32]),
    call("fd_fdstat_get", &[I32, FDSTAT]),
    call("fd_fdstat_set_flags", &[I32, I32]),
    call("fd_fdstat_set_rights", &[I32, I64, I64]),
    call("fd_filestat_get", &[I32, FILESTAT]),
    call("fd_filestat_set_size", &[I32, I64]),
    call("fd_filestat_set_times", &[I32, I64, I64, I32]),
    call("fd_pread", &[I32, WRITTEN_PARTS, I32, I64, SIZE]),
    call("fd_prestat_dir_name", &[I32, WRITTEN, I32]),
    call("fd_prestat_get", &[I32, PRESTAT]),
    call("fd_pwrite", &[I32, READ_PARTS, I32, I64, SIZE]),
    call("fd_read", &[I32, WRITTEN_PARTS, I32, SIZE]),
    call("fd_readdir", &[I32, WRITTEN, I32, I64, SIZE]),
    call("fd_renumber", &[I32, I32]),
    call("fd_seek", &[I32, I64, I32, LONG]),
    call("fd_sync", &[I32]),
    call("fd_tell", &[I32, LONG]),
    call("fd_write", &[I32, READ_PARTS, I32, SIZE]),
    call("path_create_directory", &[I32, READ, I32]),
    call("path_filestat_get", &[I32, I32, READ, I32, FILESTAT]),
    call("path_filestat_set_times", &[I32, I32, READ, I32, I64, I64, I32]),
    call("path_link", &[I32, I32, READ, I32, I32, READ, I32]),
    call("path_open", &[I32, I32, READ, I32, I32, I64, I64, I32, SIZE]),
    call("path_readlink", &[I32, READ, I32, WRITTEN, I32, SIZE]),
    call("path_remove_directory", &[I32, READ, I32]),
    call("path_rename", &[I32, READ, I32, I32, READ, I32]),
    call("path_symlink", &[READ, I32, I32, READ, I32]),
    call("path_unlink_file", &[I32, READ, I32]),
    call("poll_oneoff", &[SUBSCRIPTIONS, EVENTS, I32, SIZE]),
    order("proc_exit", &[I32]),
    call("proc_raise", &[I32]),
    call("random_get", &[WRITTEN, I32]),
    order("reset_adapter_state", &[]),
    call("sched_yield", &[]),
    call("sock_accept", &[I32, I32, SIZE]),
    call("sock_recv", &[I32, WRITTEN_PARTS, I32, I32, SIZE, FLAGS]),
    call("sock_send", &[I32, READ_PARTS, I32, I32, SIZE]),
    call("sock_shutdown", &[I32, I32]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::ModuleFacts;
    use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;

    /// What the adapter has for itself.
    const OF_THE_ADAPTER: &str = "cabi_import_realloc";

    #[test]
    fn each_function_of_the_adapter_is_known_with_the_type_it_has() {
        let mut offered = ModuleFacts::read(WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER).expect("the adapter is valid").functions;
        offered.retain(|function| function.name != OF_THE_ADAPTER);
        assert_eq!(offered.len(), FUNCTIONS.len());
        for offered in offered {
            let function = WasiFunction::named(&offered.name).unwrap_or_else(|| panic!("`{}` is not known", offered.name));
            assert_eq!(function.kind(), offered.kind, "{}", offered.name);
        }
    }

    #[test]
    fn lists_know_where_their_length_is_and_whatever_reaches_memory_tells_whether_it_failed() {
        for function in &FUNCTIONS {
            let WasiFunction { name, parameters, has_result } = function;
            assert!(*has_result || !function.has_addresses(), "{name}");
            for (at, parameter) in parameters.iter().enumerate() {
                let beside = match *parameter {
                    Parameter::List { count_after, .. } => Some(at + count_after),
                    Parameter::Parts { .. } | Parameter::Texts { .. } => Some(at + 1),
                    _ => None,
                };
                let is_number = beside.is_none_or(|beside| parameters.get(beside) == Some(&Parameter::Number32));
                assert!(is_number, "{name}: parameter {at}");
                if let Parameter::Texts { sizes } = *parameter {
                    assert_eq!(WasiFunction::named(sizes).expect("it is there").parameters, [SIZE, SIZE], "{name}");
                }
            }
        }
    }

    /// Sizes and places of what preview 1 has, as Rust's bindings of it have them in memory.
    #[test]
    fn what_is_behind_an_address_is_as_large_as_in_the_interface() {
        let sizes = [
            ("clock_time_get", 2, 8),
            ("fd_fdstat_get", 1, 24),
            ("fd_filestat_get", 1, 64),
            ("path_filestat_get", 4, 64),
            ("fd_prestat_get", 1, 8),
            ("fd_seek", 3, 8),
            ("fd_read", 3, 4),
            ("path_open", 8, 4),
            ("sock_recv", 5, 2),
        ];
        for (name, at, size) in sizes {
            let parameter = WasiFunction::named(name).and_then(|function| function.parameters.get(at));
            assert_eq!(parameter, Some(&Parameter::Cell { size_bytes: size }), "{name}");
        }
        let [subscriptions, events, ..] = WasiFunction::named("poll_oneoff").expect("it is there").parameters else {
            panic!("it has four")
        };
        let unit = |parameter: &Parameter| if let Parameter::List { unit_bytes, .. } = parameter { *unit_bytes } else { 0 };
        assert_eq!((unit(subscriptions), unit(events)), (48, 32));
    }
}
