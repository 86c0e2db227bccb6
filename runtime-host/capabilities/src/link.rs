//! The list of everything that a component can import.
//!
//! This module knows names of interfaces. It must never know which of them a component was granted: an interface that was not granted is
//! there, and refuses.

use crate::Host;
use crate::bindings::{otel, plain, postgres3, postgres4, spin1, spin2, spin3};
use crate::host::HostAccess;
use wasmtime::component::Linker;
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi_http::WasiHttpView;

/// Adds everything whose functions are plain ones: WASI 0.2 with a `/tmp`, and the stores, databases and variables of that generation and before.
///
/// # Errors
/// If the linker has one of the names already.
pub fn add_plain_to_linker<T>(linker: &mut Linker<T>) -> wasmtime::Result<()>
where
    T: AsMut<Host> + WasiView + WasiHttpView + Send + 'static,
{
    add_common_to_linker(linker)?;
    // Where nothing of WASI 0.3 can write past the bound.
    linker.allow_shadowing(true);
    preopens::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    types::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    linker.allow_shadowing(false);
    Ok(())
}

fn add_common_to_linker<T>(linker: &mut Linker<T>) -> wasmtime::Result<()>
where
    T: AsMut<Host> + WasiView + WasiHttpView + Send + 'static,
{
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    spin1::http::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin1::http_types::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin2::key_value::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin2::llm::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin2::mqtt::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin2::mysql::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin2::postgres::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin2::rdbms_types::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    postgres3::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin2::redis::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin2::variables::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin2::sqlite::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    plain::sqlite::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    plain::store::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    plain::batch::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    plain::atomics::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    plain::config::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin1::key_value::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin1::sqlite::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin1::config::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    Ok(())
}

/// Adds what is asynchronous as well: WASI 0.3, and the stores, databases and variables of that generation.
///
/// # Errors
/// If the linker has one of the names already, or its engine lacks the component model's asynchronous part.
pub fn add_to_linker<T>(linker: &mut Linker<T>) -> wasmtime::Result<()>
where
    T: AsMut<Host> + WasiView + WasiHttpView + Send + 'static,
{
    add_common_to_linker(linker)?;
    wasmtime_wasi::p3::add_to_linker(linker)?;
    wasmtime_wasi_http::p3::add_to_linker(linker)?;
    spin3::key_value::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    postgres4::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin3::mysql::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin3::mqtt::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin3::redis::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin3::variables::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    spin3::sqlite::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    Ok(())
}

/// Adds `wasi:otel`, which components have only where the operator asks for it.
///
/// # Errors
/// If the linker has one of the names already.
pub fn add_telemetry_to_linker<T>(linker: &mut Linker<T>) -> wasmtime::Result<()>
where
    T: AsMut<Host> + Send + 'static,
{
    otel::types::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    otel::tracing::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    otel::metrics::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    otel::logs::add_to_linker::<T, HostAccess>(linker, T::as_mut)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::{Config, Engine};

    #[test]
    fn no_name_is_given_twice() {
        let mut config = Config::new();
        config.wasm_component_model_async(true);
        let mut linker = Linker::<Host>::new(&Engine::new(&config).unwrap());
        add_to_linker(&mut linker).unwrap();
        add_telemetry_to_linker(&mut linker).unwrap();
    }
}
