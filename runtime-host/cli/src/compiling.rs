//! Compiling in a child: how the host calls itself for it, and what it does when it is called so.

use crate::args::{COMPILE_WORKER, CompileWorker};
use spell_engine::{ChildCompiler, ChildLimits, Compiler, EngineConfig};
use spell_manifest::{Setting, Settings};
use std::process::ExitCode;
use std::thread::available_parallelism;

/// This very binary, also after the file was replaced by another version.
pub(crate) const OWN_PROGRAM: &str = "/proc/self/exe";

/// The compiler that these settings ask for.
pub(crate) fn compiler(settings: &Settings, engine: &EngineConfig) -> Compiler {
    Compiler::Child(ChildCompiler {
        program: OWN_PROGRAM.into(),
        arguments: vec![COMPILE_WORKER.to_owned(), engine.stack_bytes.to_string()],
        limits: limits(settings),
        at_once_max: at_once_max(),
    })
}

/// What one child may take.
pub(crate) fn limits(settings: &Settings) -> ChildLimits {
    ChildLimits {
        memory_bytes_max: settings.get(Setting::CompileMemory),
        cpu_time_max: settings.time(Setting::CompileCpuTime),
        wall_time_max: settings.time(Setting::CompileTime),
    }
}

/// Children that work at the same time.
pub(crate) fn at_once_max() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// The other side of [`compiler`].
pub(crate) fn serve(worker: &CompileWorker) -> ExitCode {
    let engine = EngineConfig { stack_bytes: worker.stack_bytes, ..EngineConfig::default() };
    let code = spell_engine::serve_compilation(&engine, worker.flavour, worker.memory_bytes_max, worker.cpu_seconds_max);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
