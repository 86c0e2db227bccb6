//! HTTP around programs, in front of them and behind: adapters that are built from `components/adapters` and lie here as bytes.
//!
//! It knows which interfaces they join. It must never know what is sent.

use crate::component::ComponentFacts;
use crate::encode::CAST_INTERFACE;
use crate::error::AdaptError;
use spell_compose::with_provider;

/// Exports an HTTP handler, and imports `spell:runtime/cast`.
const CAST_HTTP: &[u8] = include_bytes!("../adapters/cast_http.wasm");
/// Exports an HTTP handler of WASI 0.3, and imports `spell:runtime/cast-streaming`.
const CAST_STREAMING_HTTP: &[u8] = include_bytes!("../adapters/cast_streaming_http.wasm");
/// Exports `spell:runtime/extism-http`, and imports `wasi:http`.
const EXTISM_HTTP: &[u8] = include_bytes!("../adapters/extism_http.wasm");

/// Makes an HTTP component of one that exports [`CAST_INTERFACE`], or its sibling that streams: the body of a `POST` is what it is cast with,
/// its answer is the body of the response, a failure is `application/problem+json`. One that exports an HTTP handler is that already, and
/// stays as it is.
///
/// # Errors
/// If it is no component, or exports neither.
///
/// ```
/// let module = wat::parse_str(
///     r#"(module (memory (export "memory") 1) (func (export "process") (param i32 i32) (result i64) (i64.const 0)))"#,
/// )
/// .expect("it is valid");
/// let spell = spell_adapt::adapt(&module, &spell_adapt::Choice::default()).expect("it can be called").wasm;
/// let handler = spell_adapt::export_http(&spell).expect("it is a spell");
/// assert_eq!(spell_adapt::export_http(&handler).expect("it has a handler"), handler);
/// ```
pub fn export_http(component: &[u8]) -> Result<Vec<u8>, AdaptError> {
    let facts = ComponentFacts::read(component)?;
    if facts.handler().is_some() {
        return Ok(component.to_vec());
    }
    match facts.cast() {
        Some(CAST_INTERFACE) => Ok(with_provider(CAST_HTTP, component)?),
        Some(_) => Ok(with_provider(CAST_STREAMING_HTTP, component)?),
        None => Err(AdaptError::NotASpell { exports: facts.exports }),
    }
}

/// Satisfies a plugin's import of `spell:runtime/extism-http`, so that `wasi:http` is left in its place.
pub(crate) fn with_extism_http(component: &[u8]) -> Result<Vec<u8>, AdaptError> {
    Ok(with_provider(component, EXTISM_HTTP)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
    use wit_parser::{ManglingAndAbi, Resolve};

    const CAST: &str = include_str!("../../../wit/spell-runtime/cast.wit");
    const EXTISM: &str = include_str!("../../../wit/spell-runtime/extism-http.wit");
    /// Enough of WASI to be in the way, in every version.
    const WASI: &str = "
        package wasi:io@VERSION;
        interface error { resource error { to-debug-string: func() -> string; } }
        interface poll { resource pollable { block: func(); ready: func() -> bool; } }
        interface streams {
            use error.{error};
            variant stream-error { last-operation-failed(error), closed }
            resource input-stream { read: func(bytes: u64) -> result<list<u8>, stream-error>; }
        }
    ";

    /// A component with these interfaces, and code that does nothing.
    fn component(interfaces: &str, version: &str) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let runtime = format!("{CAST}{}", EXTISM.split_once(";").unwrap().1);
        resolve.push_str("io.wit", &WASI.replace("VERSION", version)).unwrap();
        resolve.push_str("runtime.wit", &runtime).unwrap();
        let handler = "package wasi:http@0.2.3; interface incoming-handler { handle: func(); }";
        resolve.push_str("http.wit", handler).unwrap();
        let world = format!("package test:test; world test {{ {} }}", interfaces.replace("VERSION", version));
        let package = resolve.push_str("test.wit", &world).unwrap();
        let world = resolve.select_world(&[package], Some("test")).unwrap();
        let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync));
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
    }

    /// What a component imports and exports: the interfaces, which are of some version that is compatible with 0.2.0 if they are WASI's.
    fn names(wasm: &[u8]) -> (Vec<String>, Vec<String>) {
        let decoded = wit_component::decode(wasm).unwrap();
        let wit_component::DecodedWasm::Component(resolve, world) = decoded else { panic!("a component") };
        let name = |key| {
            let name = resolve.name_world_key(key);
            name.split_once("@0.2.").map_or_else(|| name.clone(), |(interface, _)| interface.to_owned())
        };
        let world = &resolve.worlds[world];
        let mut imports: Vec<String> = world.imports.keys().map(name).collect();
        imports.sort();
        (imports, world.exports.keys().map(name).collect())
    }

    const IO: &str = "import wasi:io/poll@VERSION; import wasi:io/streams@VERSION;";

    #[test]
    fn a_spell_becomes_a_handler_whichever_version_of_wasi_it_is_made_for() {
        for version in ["0.2.0", "0.2.3", "0.2.6", "0.2.12"] {
            let spell = component(&format!("{IO} export spell:runtime/cast@0.1.0;"), version);
            let (imports, exports) = names(&export_http(&spell).unwrap());
            assert_eq!(imports, ["wasi:http/types", "wasi:io/error", "wasi:io/poll", "wasi:io/streams"], "{version}");
            assert_eq!(exports, ["wasi:http/incoming-handler"], "{version}");
        }
    }

    #[test]
    fn a_spell_that_streams_becomes_a_handler_that_streams_unless_it_can_be_cast_as_a_whole() {
        let streaming = "export spell:runtime/cast-streaming@0.1.0;";
        let (imports, exports) = names(&export_http(&component(streaming, "0.2.0")).unwrap());
        assert_eq!(exports, ["wasi:http/handler@0.3.0"]);
        // Of `cast` it has the type of a failure, and no function.
        let own = imports.iter().filter(|name| !name.starts_with("wasi:cli/") && !name.starts_with("wasi:io/"));
        assert_eq!(own.collect::<Vec<_>>(), [CAST_INTERFACE, "wasi:http/types@0.3.0"]);
        let both = component(&format!("{streaming} export spell:runtime/cast@0.1.0;"), "0.2.0");
        assert_eq!(names(&export_http(&both).unwrap()).1, ["wasi:http/incoming-handler"]);
    }

    #[test]
    fn a_plugin_that_makes_requests_imports_http_instead() {
        for version in ["0.2.0", "0.2.12"] {
            let plugin = component(&format!("{IO} import spell:runtime/extism-http@0.1.0; export spell:runtime/cast@0.1.0;"), version);
            let plugin = with_extism_http(&plugin).unwrap();
            let (imports, exports) = names(&plugin);
            let io = ["wasi:io/error", "wasi:io/poll", "wasi:io/streams"];
            assert_eq!(imports, [&["wasi:http/outgoing-handler", "wasi:http/types"][..], &io].concat(), "{version}");
            assert_eq!(exports, [CAST_INTERFACE], "{version}");
            assert_eq!(names(&export_http(&plugin).unwrap()).1, ["wasi:http/incoming-handler"], "{version}");
        }
    }

    #[test]
    fn what_has_a_handler_stays_as_it_is_and_what_is_no_spell_is_refused() {
        let handler = component("export wasi:http/incoming-handler@0.2.3; export spell:runtime/cast@0.1.0;", "0.2.0");
        assert_eq!(export_http(&handler).unwrap(), handler);
        let other = component("export wasi:io/poll@VERSION;", "0.2.0");
        let error = export_http(&other).unwrap_err().to_string();
        assert!(error.ends_with("neither `spell:runtime/cast@0.1.0` nor an HTTP handler, but `wasi:io/poll@0.2.0`"), "{error}");
        let module = wat::parse_str("(module)").unwrap();
        assert!(matches!(export_http(&module), Err(AdaptError::NotAComponent(_))));
        assert!(matches!(export_http(b"no"), Err(AdaptError::Invalid(_))));
        assert!(matches!(export_http(&handler[..handler.len() / 2]), Err(AdaptError::Invalid(_))));
    }
}
