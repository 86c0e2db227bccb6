//! Small components, made of nothing but their interfaces, put together: what the whole imports and exports, and what is refused.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails should end at once")]

use spell_compose::{Capability, ComposeError, Dependency, Inherit, Middleware, with_dependencies, with_middleware, with_provider};
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding, dummy_module};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

/// Interfaces like those of the host: what walls have to look like is in their types.
const WIT: &str = r#"
package test:app@1.0.0;

interface types { resource thing { make: static func() -> thing; size: func() -> u32; } }
interface calc { use types.{thing}; add: func(a: u32, b: u32) -> u32; keep: func(t: borrow<thing>); }
interface more { subtract: func(a: u32, b: u32) -> u32; }

world parent { import calc; import more; import types; import wasi:io/poll@0.2.0; export run: func() -> string; }
world library { export calc; export more; export types; }
world partial { export more; }
world greedy {
  import wasi:cli/environment@0.2.0;
  import wasi:io/poll@0.2.0;
  import wasi:http/types@0.2.0;
  import wasi:http/outgoing-handler@0.2.0;
  import wasi:http/client@0.3.0;
  import wasi:keyvalue/store@0.2.0-draft2;
  import wasi:keyvalue/batch@0.2.0-draft2;
  export more;
}
world newer { import wasi:io/poll@0.2.6; export more; }
world strange { import unheard-of; export more; }
interface unheard-of { anything: func(); }

world handler { import wasi:http/types@0.3.0; export wasi:http/handler@0.3.0; }
world middleware { import wasi:http/types@0.3.0; import wasi:cli/environment@0.2.0; import wasi:http/handler@0.3.0; export wasi:http/handler@0.3.0; }
world both { import more; import wasi:http/types@0.3.0; import wasi:http/handler@0.3.0; export wasi:http/handler@0.3.0; }
world half { export wasi:http/handler@0.3.0; }
"#;

const WASI: &str = r#"
package wasi:dummy;

package wasi:cli@0.2.0 { interface environment { get-environment: func() -> list<tuple<string, string>>; initial-cwd: func() -> option<string>; } }
package wasi:io@0.2.0 { interface poll { resource pollable { block: func(); } poll: func(all: list<borrow<pollable>>) -> list<u32>; } }
package wasi:io@0.2.6 { interface poll { resource pollable { block: func(); ready: func() -> bool; } poll: func(all: list<borrow<pollable>>) -> list<u32>; } }
package wasi:http@0.2.0 {
  interface types {
    use wasi:io/poll@0.2.0.{pollable};
    resource request { constructor(); }
    resource answer { subscribe: func() -> pollable; }
    variant error-code { destination-not-found, HTTP-request-denied, internal-error(option<string>) }
  }
  interface outgoing-handler { use types.{request, answer, error-code}; handle: func(request: request, path: option<string>) -> result<answer, error-code>; }
}
package wasi:http@0.3.0 {
  interface types {
    resource request { consume-body: static func(this: request) -> tuple<stream<u8>, future<result<_, error-code>>>; }
    resource response { constructor(body: stream<u8>); }
    variant error-code { HTTP-request-denied, internal-error(option<string>) }
  }
  interface client { use types.{request, response, error-code}; send: async func(request: request) -> result<response, error-code>; }
  interface handler { use types.{request, response, error-code}; handle: async func(request: request) -> result<response, error-code>; }
}
package wasi:keyvalue@0.2.0-draft2 {
  interface store {
    variant error { no-such-store, access-denied, other(string) }
    resource bucket { get: func(key: string) -> result<option<list<u8>>, error>; }
    open: func(identifier: string) -> result<bucket, error>;
  }
  interface batch { use store.{bucket, error}; get-many: func(bucket: borrow<bucket>, keys: list<string>) -> result<list<string>, error>; }
}
"#;

/// A component with the interfaces of a world, and code that does nothing.
fn component(world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_str("wasi.wit", WASI).unwrap();
    let package = resolve.push_str("test.wit", WIT).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// What a component imports and exports.
fn names(wasm: &[u8]) -> (Vec<String>, Vec<String>) {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(wasm).unwrap() else { panic!("a component") };
    let (imports, exports) = (resolve.worlds[world].imports.keys(), resolve.worlds[world].exports.keys());
    let mut imports: Vec<String> = imports.map(|key| resolve.name_world_key(key)).collect();
    imports.sort();
    (imports, exports.map(|key| resolve.name_world_key(key)).collect())
}

fn dependency<'d>(name: &str, wasm: &'d [u8], inherit: Inherit) -> Dependency<'d> {
    Dependency { name: name.parse().unwrap(), export: None, inherit, wasm }
}

const NOTHING: Inherit = Inherit::Only(Vec::new());

#[test]
fn what_a_dependency_satisfies_the_whole_imports_no_more() {
    let (parent, library, partial) = (component("parent"), component("library"), component("partial"));
    let poll = "wasi:io/poll@0.2.0".to_owned();
    let own = |name: &str| format!("test:app/{name}@1.0.0");
    for (dependencies, left) in [
        (vec![], vec![own("calc"), own("more"), own("types"), poll.clone()]),
        (vec![dependency("test:app", &library, NOTHING)], vec![poll.clone()]),
        (vec![dependency("test:app@1.2.0", &library, NOTHING)], vec![poll.clone()]),
        (vec![dependency("test:app/more@1.0.0", &partial, NOTHING)], vec![own("calc"), own("types"), poll.clone()]),
        // One program under three names is one instance: `calc` takes the very `thing` that `types` makes.
        (["calc", "types", "more"].map(|name| dependency(&format!("test:app/{name}"), &library, NOTHING)).to_vec(), vec![poll.clone()]),
    ] {
        let whole = with_dependencies(&parent, &dependencies).unwrap();
        assert_eq!(names(&whole), (left, vec!["run".to_owned()]), "{dependencies:?}");
    }
}

#[test]
fn an_export_under_another_name_is_used_if_it_fits() {
    let (parent, library) = (component("parent"), component("library"));
    let with = |export: &str| Dependency { export: Some(export.to_owned()), ..dependency("test:app/more", &library, NOTHING) };
    assert!(with_dependencies(&parent, &[with("test:app/more@1.0.0")]).is_ok());
    let error = with_dependencies(&parent, &[with("test:app/calc@1.0.0")]).unwrap_err();
    assert!(matches!(&error, ComposeError::Mismatch { import, .. } if import == "test:app/more@1.0.0"), "{error}");
    let error = with_dependencies(&parent, &[with("test:app/gone")]).unwrap_err();
    assert!(matches!(&error, ComposeError::NoSuchExport { exports, .. } if exports.len() == 3), "{error}");
}

#[test]
fn what_is_not_inherited_stops_at_a_wall_and_what_is_reaches_the_whole() {
    let (parent, greedy) = (component("parent"), component("greedy"));
    let imports = |inherit| {
        let whole = with_dependencies(&parent, &[dependency("test:app/more", &greedy, inherit)]).unwrap();
        names(&whole).0.into_iter().filter(|name| name.starts_with("wasi:")).collect::<Vec<_>>()
    };
    let always = ["wasi:http/types@0.2.0", "wasi:http/types@0.3.0", "wasi:io/poll@0.2.0"];
    let [http, client] = ["wasi:http/outgoing-handler@0.2.0", "wasi:http/client@0.3.0"];
    let [store, batch] = ["wasi:keyvalue/store@0.2.0-draft2", "wasi:keyvalue/batch@0.2.0-draft2"];
    let environment = "wasi:cli/environment@0.2.0";
    for (inherit, further) in [
        (NOTHING, vec![]),
        (Inherit::Only(vec![Capability::Files]), vec![]),
        (Inherit::Only(vec![Capability::AllowedOutboundHosts]), vec![http, client]),
        (Inherit::Only(vec![Capability::KeyValueStores, Capability::Environment]), vec![store, batch, environment]),
        (Inherit::All, vec![http, client, store, batch, environment]),
    ] {
        let mut expected: Vec<&str> = always.into_iter().chain(further).collect();
        expected.sort_unstable();
        assert_eq!(imports(inherit.clone()), expected, "{inherit:?}");
    }
}

#[test]
fn an_import_that_nobody_knows_is_not_handed_to_a_dependency_that_does_not_inherit_everything() {
    let (parent, strange) = (component("parent"), component("strange"));
    let every = Inherit::Only(Capability::ALL.to_vec());
    for inherit in [NOTHING, every] {
        let error = with_dependencies(&parent, &[dependency("test:app/more", &strange, inherit)]).unwrap_err();
        assert!(matches!(&error, ComposeError::NotInheritable { imports, .. } if imports == &["test:app/unheard-of@1.0.0"]), "{error}");
    }
    let whole = with_dependencies(&parent, &[dependency("test:app/more", &strange, Inherit::All)]).unwrap();
    assert!(names(&whole).0.contains(&"test:app/unheard-of@1.0.0".to_owned()));
}

#[test]
fn dependencies_that_are_not_needed_or_in_each_others_way_are_refused() {
    let (parent, library) = (component("parent"), component("library"));
    let error = with_dependencies(&parent, &[dependency("test:other", &library, NOTHING)]).unwrap_err();
    assert!(matches!(&error, ComposeError::NoSuchImport { imports, .. } if imports.len() == 4), "{error}");
    let both = [dependency("test:app/more", &library, NOTHING), dependency("test:app", &library, NOTHING)];
    let error = with_dependencies(&parent, &both).unwrap_err();
    assert!(matches!(&error, ComposeError::Conflict { import, .. } if import == "test:app/more@1.0.0"), "{error}");
}

#[test]
fn a_provider_keeps_what_it_imports_and_interfaces_of_compatible_versions_are_imported_once() {
    let parent = component("parent");
    let own = |name: &str| format!("test:app/{name}@1.0.0");
    for (provider, left) in
        [("library", vec!["wasi:io/poll@0.2.0".to_owned()]), ("newer", vec![own("calc"), own("types"), "wasi:io/poll@0.2.6".to_owned()])]
    {
        let whole = with_provider(&parent, &component(provider)).unwrap();
        assert_eq!(names(&whole), (left, vec!["run".to_owned()]), "{provider}");
    }
    let greedy = names(&with_provider(&parent, &component("greedy")).unwrap()).0;
    assert!(greedy.contains(&"wasi:cli/environment@0.2.0".to_owned()) && greedy.contains(&own("calc")), "{greedy:?}");
}

#[test]
fn a_provider_that_provides_nothing_is_refused() {
    let error = with_provider(&component("parent"), &component("half")).unwrap_err();
    assert!(matches!(&error, ComposeError::NothingProvided { imports, .. } if imports.len() == 4), "{error}");
    let error = with_provider(&component("parent"), b"\0asm\x01\0\0\0").unwrap_err();
    assert!(matches!(&error, ComposeError::NotAComponent { part } if part == "the provider"), "{error}");
}

#[test]
fn what_is_no_component_is_refused() {
    let parent = component("parent");
    let broken = &component("library")[..200];
    for (wasm, expected) in [
        (&b"\0asm\x01\0\0\0"[..], "is no WebAssembly component"),
        (b"text", "is no WebAssembly component"),
        (b"", "is no WebAssembly"),
        (broken, "is not a valid component"),
    ] {
        for error in
            [with_dependencies(wasm, &[]), with_dependencies(&parent, &[dependency("test:app", wasm, NOTHING)]), with_middleware(wasm, &[])]
        {
            let error = error.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

#[test]
fn middleware_is_chained_and_the_whole_is_a_handler() {
    let (handler, middleware) = (component("handler"), component("middleware"));
    let named = |name: &str, inherit| Middleware { name: name.to_owned(), inherit, wasm: &middleware };
    let environment = |wasm: &[u8]| names(wasm).0.contains(&"wasi:cli/environment@0.2.0".to_owned());
    for (chain, sees_environment) in [
        (vec![named("a", NOTHING)], false),
        (vec![named("a", NOTHING), named("b", NOTHING), named("c", NOTHING)], false),
        (vec![named("a", NOTHING), named("b", Inherit::Only(vec![Capability::Environment]))], true),
    ] {
        let whole = with_middleware(&handler, &chain).unwrap();
        assert_eq!(names(&whole).1, ["wasi:http/handler@0.3.0"]);
        assert!(!names(&whole).0.contains(&"wasi:http/handler@0.3.0".to_owned()));
        assert_eq!(environment(&whole), sees_environment);
    }
}

#[test]
fn what_is_no_middleware_or_cannot_have_any_is_refused() {
    let [handler, middleware, half, library] = ["handler", "middleware", "half", "library"].map(component);
    let around = |wasm| Middleware { name: "a.wasm".to_owned(), inherit: NOTHING, wasm };
    let error = with_middleware(&handler, &[around(&half)]).unwrap_err();
    assert!(matches!(&error, ComposeError::NotMiddleware { verb: "import", .. }), "{error}");
    let error = with_middleware(&handler, &[around(&library)]).unwrap_err();
    assert!(matches!(&error, ComposeError::NotMiddleware { .. }), "{error}");
    let error = with_middleware(&library, &[around(&middleware)]).unwrap_err();
    assert!(matches!(&error, ComposeError::NoHandler { exports } if exports.len() == 3), "{error}");
}

#[test]
fn what_is_imported_and_exported_under_one_name_stays_both() {
    let (both, partial) = (component("both"), component("partial"));
    let whole = with_dependencies(&both, &[dependency("test:app/more", &partial, NOTHING)]).unwrap();
    let handler = "wasi:http/handler@0.3.0".to_owned();
    assert_eq!(names(&both).0, ["test:app/more@1.0.0", &handler, "wasi:http/types@0.3.0"]);
    assert_eq!(names(&whole), (vec![handler.clone(), "wasi:http/types@0.3.0".to_owned()], vec![handler]));
}
