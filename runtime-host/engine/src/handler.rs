//! The ways in which a component can answer HTTP, told by what it exports.

pub(crate) mod p2;
pub(crate) mod p3;
pub(crate) mod program;
pub(crate) mod spin1;

use crate::meter::Guest;
use crate::spell::LoadError;
use http::{HeaderName, Response, header};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// What a guest made of a request.
pub type Answer = Result<Response<WasiBody>, crate::Failure>;

/// A linked component, with how it is called.
pub(crate) enum Handler<C: 'static> {
    /// WASI 0.2: `wasi:http/incoming-handler`.
    P2(ProxyPre<Guest<C>>),
    /// WASI 0.3: `wasi:http/handler`.
    P3(ServicePre<Guest<C>>),
    /// Spin 1: `fermyon:spin/inbound-http`, and its function.
    Spin1(InstancePre<Guest<C>>, ComponentExportIndex),
    /// `wasi:cli/run`.
    Program(CommandPre<Guest<C>>),
}

/// The export that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Export {
    P2,
    P3,
    Spin1,
    Program,
}

impl<C: Send + 'static> Handler<C> {
    pub(crate) fn new(export: Export, instance: InstancePre<Guest<C>>) -> wasmtime::Result<Self> {
        Ok(match export {
            Export::P2 => Self::P2(ProxyPre::new(instance)?),
            Export::P3 => Self::P3(ServicePre::new(instance)?),
            Export::Program => Self::Program(CommandPre::new(instance)?),
            Export::Spin1 => {
                let component = instance.component();
                let interface = component.get_export_index(None, spin1::INTERFACE);
                let function = interface.and_then(|interface| component.get_export_index(Some(&interface), spin1::FUNCTION));
                let missing = || wasmtime::format_err!("`{}` has no function `{}`", spin1::INTERFACE, spin1::FUNCTION);
                let function = function.ok_or_else(missing)?;
                Self::Spin1(instance, function)
            }
        })
    }
}

impl Export {
    /// The one handler among a component's exports. A program that handles HTTP as well is a handler.
    pub(crate) fn of(engine: &wasmtime::Engine, component: &Component) -> Result<Self, LoadError> {
        let exports: Vec<String> = component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect();
        let handlers: Vec<(Self, &String)> = exports.iter().filter_map(|name| handler(name).map(|export| (export, name))).collect();
        match handlers.as_slice() {
            [] if exports.iter().any(|name| is_release(name, "wasi:cli/run@0.2.")) => Ok(Self::Program),
            [] => Err(LoadError::NoHandler { exports }),
            [(export, _)] => Ok(*export),
            _ => Err(LoadError::ManyHandlers { exports: handlers.into_iter().map(|(_, name)| name.clone()).collect() }),
        }
    }
}

fn handler(export: &str) -> Option<Export> {
    if export == spin1::INTERFACE {
        return Some(Export::Spin1);
    }
    let revisions = [("wasi:http/incoming-handler@0.2.", Export::P2), ("wasi:http/handler@0.3.", Export::P3)];
    revisions.into_iter().find(|(prefix, _)| is_release(export, prefix)).map(|(_, export)| export)
}

/// Pre-releases (`0.2.0-rc-…`, `0.3.0-rc-…`) have other types under the same names: they are no handlers of ours.
pub(crate) fn is_release(export: &str, prefix: &str) -> bool {
    export.strip_prefix(prefix).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// Headers that are the connection's business, which no guest has: RFC 9110, section 7.6.1.
pub(crate) fn belongs_to_connection(name: &HeaderName) -> bool {
    [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::TE, header::TRAILER].contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings")
}
