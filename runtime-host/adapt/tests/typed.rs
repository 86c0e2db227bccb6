//! Components with functions of their own, made of WIT alone: what is found in them, what is said of them, and that bridges fit them.
//!
//! It knows WIT. It must never know what a function does; nothing runs here.

#![expect(clippy::expect_used, reason = "a helper that cannot go on fails its test")]

use spell_adapt::{AdaptError, Called, adapt_typed, functions, schema};
use wasmparser::{Validator, WasmFeatures};
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

const ORDERS: &str = include_str!("typed/orders.wit");

/// A component that exports what the only world of a text says, and traps.
fn component(wit: &str) -> Vec<u8> {
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    let package = resolve.push_source("test.wit", wit).expect("WIT");
    let world = resolve.select_world(&[package], None).expect("a world");
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata");
    ComponentEncoder::default().validate(true).module(&module).expect("a module").encode().expect("a component")
}

fn world(exports: &str) -> Vec<u8> {
    component(&format!("package a:b@1.0.0;\n{exports}"))
}

/// Names of what a component imports and exports.
fn doors(wasm: &[u8]) -> (Vec<String>, Vec<String>) {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(wasm).expect("a component") else { unreachable!("no package") };
    let names = |items: &mut dyn Iterator<Item = &wit_parser::WorldKey>| items.map(|key| resolve.name_world_key(key)).collect();
    let world = &resolve.worlds[world];
    (names(&mut world.imports.keys()), names(&mut world.exports.keys()))
}

#[test]
fn the_schema_says_what_each_function_takes_and_gives() {
    let expected: serde_json::Value = serde_json::from_str(include_str!("typed/orders.json")).expect("JSON");
    let schema = schema(&component(ORDERS)).expect("a schema");
    assert_eq!(schema, expected, "typed/orders.json should be:\n{schema:#}");
}

/// Components seldom carry what was written beside their functions; those that do have it in a section of this name.
#[test]
fn what_is_written_beside_a_function_is_its_description() {
    let text = r#"{"worlds": {"root": {"func_exports": {"greet": {"docs": "Says hello."}}}}}"#;
    let content = [b"\x0cpackage-docs\x01", text.as_bytes()].concat();
    let mut wasm = component(ORDERS);
    wasm.extend([0, content.len() as u8]);
    wasm.extend(content);
    assert_eq!(schema(&wasm).expect("a schema")["functions"]["greet"]["description"], "Says hello.");
}

#[test]
fn types_of_the_same_name_have_names_of_their_own_in_the_schema() {
    let wit = "interface one { record r { a: u8 } f: func(r: r); } interface two { record r { b: s8 } f: func(r: r); }
        world w { export one; export two; }";
    let schema = schema(&world(wit)).expect("a schema");
    let names: Vec<&String> = schema["$defs"].as_object().expect("an object").keys().collect();
    assert_eq!(names, ["one.r", "two.r"]);
    assert_eq!(schema["functions"]["a:b/two@1.0.0#f"]["arguments"]["properties"]["r"]["$ref"], "#/$defs/two.r");
}

#[test]
fn what_is_called_is_told_by_an_entry_or_by_the_functions() {
    let bytes = "process: func(input: list<u8>) -> result<list<u8>, string>;";
    let one = format!("interface i {{ {bytes} }} world w {{ export i; }}");
    let with_others = format!("interface i {{ {bytes} other: func(input: list<u8>) -> list<u8>; }} world w {{ export i; }}");
    let twice = format!(
        "interface i {{ {bytes} }} interface j {{ {bytes} }} world w {{ export i; export j; export greet: func(name: string) -> string; export add: func(a: u8, b: u8) -> u16; }}"
    );
    let method = "interface i { resource r { m: func(); } count: func() -> u8; open: func() -> r; } world w { export i; }";
    let full = |interface: &str| format!("a:b/{interface}@1.0.0#process");
    for (wit, entry, expected) in [
        (&one, None, Ok(Called::Bytes(full("i")))),
        (&with_others, None, Ok(Called::Bytes(full("i")))),
        (&with_others, Some("other"), Ok(Called::Bytes("a:b/i@1.0.0#other".to_owned()))),
        (&twice, None, Ok(Called::Named)),
        (&twice, Some("i#process"), Ok(Called::Bytes(full("i")))),
        (&twice, Some("a:b/j@1.0.0#process"), Ok(Called::Bytes(full("j")))),
        (&twice, Some("greet"), Ok(Called::Bytes("greet".to_owned()))),
        (&twice, Some("add"), Ok(Called::One("add".to_owned()))),
        (&twice, Some("process"), Err("more than one function `process`: say which of `a:b/i@1.0.0#process`, `a:b/j@1.0.0#process`")),
        (&twice, Some("i#nothing"), Err("it exports no function `i#nothing`; there are `greet`, `add`, `a:b/i@1.0.0#process`")),
        (&method.to_owned(), None, Ok(Called::One("a:b/i@1.0.0#count".to_owned()))),
        (&method.to_owned(), Some("open"), Err("`a:b/i@1.0.0#open`: it takes or gives the resource `r`")),
        (&method.to_owned(), Some("[method]r.m"), Err("`a:b/i@1.0.0#[method]r.m`: it belongs to a resource")),
    ] {
        let adapted = adapt_typed(&world(wit), entry);
        match (adapted, expected) {
            (Ok(adapted), Ok(called)) => assert_eq!(adapted.called, called, "{wit} {entry:?}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{wit} {entry:?}: {error}"),
            (other, expected) => panic!("{wit} {entry:?}: {expected:?}, not {:?}", other.map(|adapted| adapted.called)),
        }
    }
}

#[test]
fn what_json_cannot_say_is_refused_by_its_name() {
    for (functions, reason) in [
        ("resource thing; f: func(thing: borrow<thing>);", "it takes or gives the resource `thing`"),
        ("f: func() -> list<stream<u8>>;", "it takes or gives a `stream`"),
        ("f: func(later: future<string>);", "it takes or gives a `future`"),
        ("f: func() -> option<error-context>;", "it takes or gives an `error-context`"),
        ("f: async func(value: u8);", "it is asynchronous"),
        ("f: func(value: list<u8, 4>);", "it takes or gives a list of fixed length"),
        ("f: func(value: map<string, u8>);", "it takes or gives a `map`"),
    ] {
        let wasm = world(&format!("interface i {{ {functions} }} world w {{ export i; }}"));
        let error = adapt_typed(&wasm, None).expect_err(functions);
        assert_eq!(error.to_string(), format!("no function of it can be called with JSON: `a:b/i@1.0.0#f`: {reason}"));
        assert_eq!(schema(&wasm).expect("a schema")["functions"], serde_json::json!({}), "{functions}");
    }
    for (wasm, reason) in [
        (world("world w { import f: func(); }"), "it exports no function that could be called; it exports nothing"),
        (b"\0asm\x01\0\0\0".to_vec(), "it is no valid component: it does not begin as components do"),
        (b"\0asm\x0d\0\x01\0\xff".to_vec(), "it is no valid component: "),
    ] {
        let error = adapt_typed(&wasm, None).expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    }
}

/// The limits of `typed/functions.rs`.
#[test]
fn there_are_bounds_for_functions_and_for_their_types() {
    let many = |count: usize| (0..count).map(|index| format!("g{index}: func();")).collect::<String>();
    let deep = |depth: usize| format!("f: func(value: {}u8{});", "option<".repeat(depth), ">".repeat(depth));
    let double = |count: usize| {
        let types = (1..=count).map(|index| format!("type t{index} = tuple<t{0}, t{0}>; ", index - 1));
        format!("type t0 = tuple<u8, u8>; {} f: func(value: t{count});", types.collect::<String>())
    };
    for (functions, expected) in [
        (many(1_000), Ok(())),
        (many(1_001), Err("it has more than 1000 functions")),
        (deep(62), Ok(())),
        (deep(63), Err("its types are more than 64 deep")),
        (double(11), Ok(())),
        (double(14), Err("it has more than 10000 parts of types in `a:b/i@1.0.0#f`")),
    ] {
        let component = world(&format!("interface i {{ {functions} }} world w {{ export i; }}"));
        match (adapt_typed(&component, None), expected) {
            (Ok(adapted), Ok(())) => assert!(Validator::new_with_features(WasmFeatures::all()).validate_all(&adapted.wasm).is_ok()),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (other, expected) => panic!("{expected:?}, not {:?}", other.map(|adapted| adapted.called)),
        }
    }
}

/// A chain of types that no text of WIT would say.
#[test]
fn types_of_endless_depth_are_no_danger() {
    for (depth, expected) in [(60, "fits"), (90, "its types are more than 64 deep"), (10_000, "type nesting is too deep")] {
        let types: String = (1..depth).map(|index| format!("(type $t{index} (option $t{}))", index - 1)).collect();
        let text = format!(
            "(component (type $t0 (option u8)) {types}
               (core module $m (memory (export \"memory\") 1) (func (export \"f\") (param i32) unreachable)
                 (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) unreachable))
               (core instance $i (instantiate $m)) (type $f (func (param \"a\" $t{0})))
               (func (export \"f\") (type $f) (canon lift (core func $i \"f\") (memory $i \"memory\") (realloc (func $i \"cabi_realloc\")))))",
            depth - 1
        );
        let component = wat::parse_str(&text).expect("a component");
        let said = adapt_typed(&component, None).map_or_else(|error| error.to_string(), |_| "fits".to_owned());
        assert!(said.contains(expected), "{depth}: {said}");
    }
}

#[test]
fn the_whole_is_valid_always_the_same_and_has_the_doors_that_it_should() {
    let imports = "world w { import wasi:x/y; export f: func(a: string, b: u8) -> option<string>; }";
    for (wasm, imported) in [
        (component(ORDERS), vec!["shop:orders/goods@1.2.0"]),
        (
            world("interface t { record r { a: u8 } } interface i { use t.{r}; f: func(r: r) -> r; } world w { export t; export i; }"),
            vec![],
        ),
        (world("interface h { get: func() -> string; } world w { import h; export h; }"), vec!["a:b/h@1.0.0"]),
        (world("world w { export in-line: interface { f: func(a: f32, b: f64) -> f32; } }"), vec![]),
        (
            component(
                &format!("package a:b; {imports} package wasi:x {{ interface y {{ g: func(); }} }}")
                    .replace("package a:b; ", "package a:b;\n"),
            ),
            vec!["wasi:x/y"],
        ),
    ] {
        let adapted = adapt_typed(&wasm, None).expect("a whole");
        assert!(adapted.wasm == adapt_typed(&wasm, None).expect("a whole").wasm, "it differs from time to time");
        let features = WasmFeatures::default() - WasmFeatures::THREADS - WasmFeatures::GC;
        Validator::new_with_features(features).validate_all(&adapted.wasm).expect("valid");
        let (imports, exports) = doors(&adapted.wasm);
        assert_eq!(exports, [spell_adapt::CAST_INTERFACE]);
        assert_eq!(imports, imported);
    }
}

#[test]
fn functions_are_found_with_their_signatures() {
    let found: Vec<(String, String)> =
        functions(&component(ORDERS)).expect("functions").into_iter().map(|found| (found.name, found.signature)).collect();
    let expected = [
        ("greet", "greet: func(name: string, again: result<s8>) -> string"),
        ("shop:orders/desk@1.2.0#total", "total: func(items: list<item>, discount: option<f32>) -> result<money, refusal>"),
        ("shop:orders/desk@1.2.0#inner", "inner: func(pair: tuple<char, s64>, deep: option<option<bool>>) -> result<_, string>"),
        ("shop:orders/desk@1.2.0#open", "open: func()"),
    ];
    assert_eq!(found, expected.map(|(name, signature)| (name.to_owned(), signature.to_owned())));
}

#[test]
fn errors_are_facts() {
    let error = adapt_typed(&world("world w { export f: func(); export g: func(); }"), Some("h")).expect_err("no such function");
    assert!(matches!(&error, AdaptError::NoSuchFunction { entry, functions } if entry == "h" && functions == &["f", "g"]), "{error:?}");
}
