//! Components with functions of their own, exported and asked over HTTP: JSON in, JSON out, or a reason why not.
//!
//! It knows the functions of the guests `tests/typed` and `tests/processing`. It must never know how values lie in memory.

#![expect(clippy::expect_used, reason = "a helper that cannot go on fails its test")]

use serde_json::{Value, json};
use spell_tests::{Answer, Host, Setup, guest, run};
use tempfile::TempDir;

/// Messages of tests show so much of an input.
const SHOWN_CHARS_MAX: usize = 200;

/// Serves what `spell export` makes of a guest.
fn exported(name: &str, arguments: &[&str]) -> (Host, TempDir) {
    let directory = tempfile::tempdir().expect("directory");
    let (source, target) = (guest(name), directory.path().join("out"));
    let (source, target) = (source.to_string_lossy().into_owned(), target.to_string_lossy().into_owned());
    let ended = run(&[&["export", source.as_str(), "-o", target.as_str()], arguments].concat());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    (Setup::of_file(&directory.path().join("out/spin.toml")).start(), directory)
}

fn post(host: &Host, body: &[u8]) -> Answer {
    host.app.request("POST", "/").header("content-type", "application/json").body(body).send()
}

/// What is expected: JSON, or a status and a part of the reason.
type Expected<'e> = Result<Value, (u16, &'e str)>;

fn assert_answer(host: &Host, input: &str, expected: Expected<'_>) {
    let answer = post(host, input.as_bytes());
    let body: String = input.chars().take(SHOWN_CHARS_MAX).collect();
    match expected {
        Ok(value) => {
            assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{body}: {}", answer.text());
            assert!(answer.json() == value, "{body}: {}", answer.text());
        }
        Err((status, part)) => {
            let kind = answer.header("content-type");
            assert_eq!((answer.status, kind), (status, Some("application/problem+json")), "{body}: {}", answer.text());
            assert!(answer.text().contains(part), "{body}: {}", answer.text());
        }
    }
}

fn item(name: &str, price: f64, count: u32) -> Value {
    json!({ "name": name, "unit-price": price, "count": count, "size": "small" })
}

/// What comes back is what went in, in the form that is always given.
#[test]
fn values_of_every_type_come_back_as_they_were() {
    let (host, _directory) = exported("tests_typed", &[]);
    let whole = json!({ "name": "é\"\n", "unit-price": 1.5, "count": 2, "size": "large", "note": "" });
    for (function, given, back) in [
        ("bool", json!(true), None),
        ("s8", json!(-128), None),
        ("u8", json!(255), None),
        ("s16", json!(-32768), None),
        ("u16", json!(65535), None),
        ("s32", json!(i32::MIN), None),
        ("u32", json!(u32::MAX), None),
        ("s64", json!(i64::MIN), None),
        ("s64", json!("-9223372036854775808"), Some(json!(i64::MIN))),
        ("u64", json!(u64::MAX), None),
        ("u64", json!("18446744073709551615"), Some(json!(u64::MAX))),
        ("f32", json!(0.5), None),
        ("f32", json!("NaN"), None),
        ("f64", json!(0.1), None),
        ("f64", json!(-123_456.75), None),
        ("f64", json!("-Infinity"), None),
        ("char", json!("😀"), None),
        ("string", json!("a\"\u{0}\u{1f}é"), None),
        ("string", json!(""), None),
        ("bytes", json!("AP8="), None),
        ("bytes", json!([0, 255]), Some(json!("AP8="))),
        ("list", json!([1, 65535]), None),
        ("list", json!([]), None),
        ("nested-list", json!([["a", ""], [], ["b"]]), None),
        ("tuple", json!([1, -2, "x"]), None),
        ("item", whole.clone(), None),
        ("item", json!({ "name": "", "unit_price": 2, "count": 0, "size": "small", "note": null }), Some(item("", 2.0, 0))),
        ("paint", json!("plain"), None),
        ("paint", json!({ "plain": null }), Some(json!("plain"))),
        ("paint", json!({ "named": "red" }), None),
        ("paint", json!({ "mixed": [1, 2, 3] }), None),
        ("paint", json!({ "thick": 1.5 }), None),
        ("paint", json!({ "thick": null }), None),
        ("size", json!("large"), None),
        ("extras", json!(["gift-wrap", "insured"]), None),
        ("extras", json!(["insured", "gift_wrap"]), Some(json!(["gift-wrap", "insured"]))),
        ("extras", json!([]), None),
        ("option", json!(7), None),
        ("option", json!(null), None),
        ("nested-option", json!(null), None),
        ("nested-option", json!({ "some": null }), None),
        ("nested-option", json!({ "some": "x" }), None),
        ("result", json!({ "ok": 7 }), Some(json!([{ "ok": 7 }]))),
        ("result", json!({ "err": "x" }), Some(json!([{ "err": "x" }]))),
        ("empty-result", json!({ "err": null }), Some(json!([{ "err": null }]))),
        ("shared-slots", json!({ "ok": 1.5 }), Some(json!([{ "ok": 1.5 }]))),
        ("shared-slots", json!({ "err": -5 }), Some(json!([{ "err": -5 }]))),
    ] {
        let body = json!({ "function": format!("echoes#echo-{function}"), "arguments": { "value": given } });
        assert_answer(&host, &body.to_string(), Ok(back.unwrap_or(given)));
    }
    let items: Vec<Value> = (0..500).map(|index| item(&"x".repeat(index), 1.5, 1)).collect();
    assert_answer(&host, &json!({ "function": "echo-items", "arguments": [items] }).to_string(), Ok(json!(items)));
}

#[test]
fn functions_are_called_by_their_names_with_arguments_by_name_or_in_order() {
    let (host, _directory) = exported("tests_typed", &[]);
    let (first, second) = (item("a", 1.5, 2), item("b", 0.5, 1));
    let numbers = json!([1, -2, 3, -4, 5, -6, 7, -8, 0.5, 0.25, true, 1, 1, 1, 1, 1, 1]);
    for (function, arguments, expected) in [
        ("double", json!({ "value": 21 }), Ok(json!(42))),
        ("double", json!([21]), Ok(json!(42))),
        ("double", json!(21), Ok(json!(42))),
        ("cheapest", json!({ "items": [first, second] }), Ok(second.clone())),
        ("cheapest", json!({ "items": [] }), Ok(json!(null))),
        ("count", json!({}), Ok(json!(7))),
        ("nothing", json!([]), Ok(json!(null))),
        ("negate", json!(5), Ok(json!(-5))),
        ("join", json!(["a", "b", "c", "d", "e", "f", "g", "h", 9]), Ok(json!("abcdefgh9"))),
        ("sum", numbers, Ok(json!(3.75))),
        ("many", json!({ "count": 3 }), Ok(json!("eHh4"))),
        ("check", json!(true), Ok(json!(null))),
        ("check", json!(false), Err((422, "the function says no"))),
        ("check-text", json!("good"), Ok(json!(null))),
        ("check-text", json!("bad"), Err((422, "is not good"))),
        ("spell:typed/work@1.0.0#total", json!({ "items": [first], "discount": 0.5 }), Ok(json!(1.5))),
        ("work#total", json!([[first, second]]), Ok(json!(3.5))),
        ("total", json!({ "items": [] }), Err((422, "closed"))),
        ("total", json!({ "items": [item("a", 1.0, 2_000)] }), Err((422, "too-much: 2000"))),
        ("total", json!({ "items": [item("", 1.5, 1)] }), Err((422, "bad-name: an item for 1.5 has no name"))),
        ("total", json!({ "items": [item("a", -1.5, 1)] }), Err((422, "bad-item: {"))),
    ] {
        assert_answer(&host, &json!({ "function": function, "arguments": arguments }).to_string(), expected);
    }
    assert_answer(&host, r#"{"function": "count"}"#, Ok(json!(7)));
    assert_answer(&host, r#"{"arguments": [1], "function": "double"}"#, Ok(json!(2)));
}

#[test]
fn what_does_not_fit_is_refused_with_its_place_in_the_input() {
    let (host, _directory) = exported("tests_typed", &[]);
    let deep = format!(r#"{{"function": "double", "arguments": {}"#, "[".repeat(100_000));
    for (body, part) in [
        (
            r#"{"function": "total", "arguments": {"items": [{"name": "a", "unit-price": "1", "count": 1, "size": "small"}]}}"#,
            "at /arguments/items/0/unit-price: expected a number, found a string",
        ),
        (
            r#"{"function": "total", "arguments": {"items": [{"name": "a", "unit_price": "1"}]}}"#,
            "at /arguments/items/0/unit_price: expected a number, found a string",
        ),
        (
            r#"{"function": "echo-u8", "arguments": {"value": 256}}"#,
            "at /arguments/value: expected a whole number from 0 to 255, found 256",
        ),
        (r#"{"function": "echo-u8", "arguments": {"value": 1.5}}"#, "found 1.5"),
        (r#"{"function": "echo-f32", "arguments": {"value": 1e39}}"#, "too large for 32 bits"),
        (
            r#"{"function": "echo-item", "arguments": {"value": {"name": "a", "price": 1}}}"#,
            "at /arguments/value: unknown field `price`, known: `name`, `unit-price`, `count`, `size`, `note`",
        ),
        (
            r#"{"function": "echo-item", "arguments": {"value": {"name": "a"}}}"#,
            "at /arguments/value: missing field `unit-price`, `count`, `size`, known:",
        ),
        (
            r#"{"function": "echo-size", "arguments": {"value": "huge"}}"#,
            "at /arguments/value: unknown case `huge`, known: `small`, `large`",
        ),
        (r#"{"function": "echo-paint", "arguments": {"value": "named"}}"#, "`named` carries a value"),
        (r#"{"function": "echo-paint", "arguments": {"value": {"plain": 1}}}"#, "at /arguments/value/plain: it carries no value"),
        (r#"{"function": "echo-extras", "arguments": {"value": ["express", "fast"]}}"#, "at /arguments/value/1: unknown flag `fast`"),
        (r#"{"function": "echo-tuple", "arguments": {"value": [1, 2]}}"#, "expected an array of 3, found one of 2"),
        (r#"{"function": "echo-bytes", "arguments": {"value": "a!"}}"#, "at /arguments/value: expected base64"),
        (r#"{"function": "double", "arguments": {"valu": 1}}"#, "at /arguments: unknown argument `valu`, known: `value`"),
        (r#"{"function": "double", "arguments": {"value": 1, "value": 2}}"#, "the argument `value` is given twice"),
        (r#"{"function": "double"}"#, "missing argument `value`"),
        (r#"{"function": "open"}"#, "at /function: no function is called `open`"),
        (r#"{"function": "double", "args": [1]}"#, "unknown field `args`, known: `function`, `arguments`"),
        (r#"{"function": "double", "arguments": [1]"#, "this is not JSON as it should be"),
        ("{}", "no function is named"),
        ("", "no function is named"),
        ("[]", "expected an object"),
        (&deep, "this is not JSON as it should be"),
    ] {
        assert_answer(&host, body, Err((400, part)));
    }
}

#[test]
fn an_entry_is_called_without_being_named_by_the_input() {
    let (host, _directory) = exported("tests_typed", &["--entry", "work#total"]);
    let body = json!({ "items": [item("a", 1.5, 2)] });
    assert_answer(&host, &body.to_string(), Ok(json!(3.0)));
    assert_answer(&host, r#"{"items": 1}"#, Err((400, "at /items: expected an array, found a number")));
    for (entry, part) in
        [("handles#open", "it takes or gives the resource `thing`"), ("nothing-such", "it exports no function `nothing-such`")]
    {
        let directory = tempfile::tempdir().expect("directory");
        let (source, target) = (guest("tests_typed"), directory.path().join("out.wasm"));
        let ended = run(&["adapt", &source.to_string_lossy(), "-o", &target.to_string_lossy(), "--entry", entry]);
        assert!(ended.code != Some(0) && ended.stderr.contains(part), "{entry}: {}", ended.stderr);
    }
}

#[test]
fn bytes_go_through_as_they_are() {
    let (host, _directory) = exported("tests_processing", &[]);
    let large: Vec<u8> = (0..3_000_000_u32).map(|index| index as u8).collect();
    for body in [b"\x00\xff{" as &[u8], b"a", &large] {
        let answer = post(&host, body);
        let reversed: Vec<u8> = body.iter().rev().copied().collect();
        assert!(answer.status == 200 && answer.body == reversed, "{} bytes: {}", body.len(), answer.status);
    }
    for (body, part) in [("", "invalid-input: there is nothing"), ("large", "too-large: 5"), ("closed", "closed")] {
        assert_answer(&host, body, Err((422, part)));
    }
}
