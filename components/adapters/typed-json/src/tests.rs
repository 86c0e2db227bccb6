//! What JSON becomes, and what comes back: the functions give back what they are given.
//!
//! It knows descriptions byte by byte. It must never know how a value lies in memory; the layouts have a table of their own.

use crate::types::{Case, Kind, Style, Types};
use crate::{Answer, Descriptor, Failure, Machine, cast};

/// Memory whose first bytes nobody has, and a function that does something with slots.
struct Fake<'f> {
    memory: Vec<u8>,
    function: &'f dyn Fn(&mut [u8], &mut [u64]),
}

impl Machine for Fake<'_> {
    fn keep(&mut self, bytes: Vec<u8>) -> u32 {
        self.memory.resize(self.memory.len().next_multiple_of(8), 0);
        let address = self.memory.len() as u32;
        self.memory.extend(bytes);
        address
    }

    fn lend(&mut self, bytes: &[u8]) -> u32 {
        self.keep(bytes.to_vec())
    }

    fn read(&self, address: u32, length: u32) -> Option<&[u8]> {
        self.memory.get(address as usize..(address as usize).checked_add(length as usize)?)
    }

    fn call(&mut self, _: u32, slots: &mut [u64]) {
        (self.function)(&mut self.memory, slots);
    }
}

/// Writes a description.
#[derive(Default)]
struct Describe(Vec<u8>);

impl Describe {
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(self, text: &str) -> Self {
        self.bytes(&[text.len() as u8]).bytes(text.as_bytes())
    }
}

/// One function with a parameter `value` of the last of these types, which it gives back.
fn echo(mode: u8, types: &[&[u8]]) -> Vec<u8> {
    let last = types.len() as u8 - 1;
    let described = Describe::default().bytes(&[mode, types.len() as u8]).bytes(&types.concat());
    described.bytes(&[1]).text("a:b/c@1.0.0").text("echo").bytes(&[1]).text("value").bytes(&[last, last + 1]).0
}

fn run(description: &[u8], function: &dyn Fn(&mut [u8], &mut [u64]), input: &str) -> Result<String, Failure> {
    let descriptor = Descriptor::read(description).expect("a description");
    let mut machine = Fake { memory: vec![0; 8], function };
    match cast(&descriptor, &mut machine, input.as_bytes())? {
        Answer::Json(json) => Ok(json),
        Answer::Bytes(address, length) => Ok(String::from_utf8(machine.read(address, length).expect("bytes").to_vec()).expect("text")),
    }
}

/// Two slots go where the third says, as functions of texts and lists do.
fn pair(memory: &mut [u8], slots: &mut [u64]) {
    let to = slots[2] as usize;
    memory[to..to + 4].copy_from_slice(&(slots[0] as u32).to_le_bytes());
    memory[to + 4..to + 8].copy_from_slice(&(slots[1] as u32).to_le_bytes());
}

/// The first slot stays where it is.
fn same(_: &mut [u8], _: &mut [u64]) {}

#[test]
fn values_of_one_number_come_back_as_they_were() {
    for (tag, input, expected) in [
        (0, "true", "true"),
        (1, "-128", "-128"),
        (2, "255", "255"),
        (3, "-32768", "-32768"),
        (4, "65535", "65535"),
        (5, "-2147483648", "-2147483648"),
        (6, "4294967295", "4294967295"),
        (7, "-9223372036854775808", "-9223372036854775808"),
        (7, "\"-9223372036854775808\"", "-9223372036854775808"),
        (8, "18446744073709551615", "18446744073709551615"),
        (8, " {\"value\": 1.0} ", "1"),
        (6, "1e3", "1000"),
        (9, "0.1", "0.1"),
        (9, "\"NaN\"", "\"NaN\""),
        (10, "1e300", "1e300"),
        (10, "9007199254740993", "9007199254740992.0"),
        (10, "7.2057594037927933e16", "7.205759403792794e16"),
        (10, "\"-Infinity\"", "\"-Infinity\""),
        (11, "\"\\ud83d\\ude00\"", "\"😀\""),
    ] {
        assert_eq!(run(&echo(0, &[&[tag]]), &same, input), Ok(expected.to_owned()), "{tag} {input}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let list: &[&[u8]] = &[&[2], &[13, 0], &[13, 1]];
    for (types, input, message) in [
        (&[&[2_u8] as &[u8]] as &[&[u8]], "256", "expected a whole number from 0 to 255, found 256"),
        (&[&[2]], "-1", "expected a whole number from 0 to 255, found -1"),
        (&[&[2]], "\"1\"", "expected a whole number from 0 to 255, found a string"),
        (&[&[2]], "1.5", "expected a whole number from 0 to 255, found 1.5"),
        (&[&[7]], "\"+1\"", "expected a whole number from -9223372036854775808 to 9223372036854775807, found a string"),
        (&[&[8]], "18446744073709551616", "expected a whole number from 0 to 18446744073709551615, found 18446744073709551616"),
        (&[&[9]], "1e39", "expected a number, found one that is too large for 32 bits"),
        (&[&[10]], "1e400", "this is not JSON as it should be: number out of range at line 1 column 5"),
        (&[&[10]], "NaN", "this is not JSON as it should be: expected value at line 1 column 1"),
        (&[&[0]], "null", "expected a boolean, found null"),
        (&[&[11]], "\"ab\"", "expected a string of one character, found a string of another length"),
        (&[&[12]], "{\"value\": []}", "at /value: expected a string, found an array"),
        (&[&[12]], "[1]", "at /0: expected a string, found a number"),
        (&[&[12]], "[\"a\", \"b\"]", "expected an array of 1 arguments, found 2; a list as the only argument is named"),
        (&[&[12]], "{\"valu\": 1}", "unknown argument `valu`, known: `value`"),
        (&[&[12]], "{\"value\": \"\", \"value\": \"\"}", "the argument `value` is given twice"),
        (&[&[12]], "", "missing argument `value`, known: `value`"),
        (&[&[12]], "\"a\" b", "this is not JSON as it should be: trailing characters at line 1 column 5"),
        (&[&[12]], "\"\\ud800\"", "this is not JSON as it should be: unexpected end of hex escape at line 1 column 8"),
        (list, "{\"value\": [\"aGk=\", [1, 300]]}", "at /value/1/1: expected a whole number from 0 to 255, found 300"),
        (list, "{\"value\": [\"a!\"]}", "at /value/0: expected base64, but: Invalid symbol 33, offset 1."),
    ] {
        let failure = Failure { code: "invalid-input", message: message.to_owned() };
        assert_eq!(run(&echo(0, types), &same, input), Err(failure), "{input}");
    }
}

#[test]
fn texts_and_lists_come_back_as_they_were() {
    let text: &[&[u8]] = &[&[12]];
    let bytes: &[&[u8]] = &[&[2], &[13, 0]];
    let options: &[&[u8]] = &[&[3], &[18, 0], &[18, 1], &[13, 2]];
    let named = *b"\x11\x03\x01a\x03b-c\x01d";
    let record = *b"\x0e\x03\x01a\x00\x03b-c\x02\x01d\x01";
    let records: &[&[u8]] = &[&[2], &named, &[8], &record, &[18, 3], &[13, 4]];
    // `a`, `b(u32)`, `c(f64)`.
    let variant = *b"\x10\x03\x01a\x00\x01b\x01\x01c\x02";
    let variants: &[&[u8]] = &[&[6], &[10], &variant, &[19, 3, 0], &[15, 2, 2, 3], &[13, 4]];
    for (types, input, expected) in [
        (text, r#""a\"\\\n\u0001\/é""#, r#""a\"\\\n\u0001/é""#),
        (text, r#"{"value": ""}"#, r#""""#),
        (bytes, r#"{"value": "aGk="}"#, r#""aGk=""#),
        (bytes, r#""aGk""#, r#""aGk=""#),
        (bytes, r#"{"value": [104, 105]}"#, r#""aGk=""#),
        (bytes, r#"{"value": []}"#, r#""""#),
        (options, r#"[[null, {"some": null}, {"some": -2}]]"#, r#"[null,{"some":null},{"some":-2}]"#),
        (records, r#"[[null, {"d": ["b_c", "d"], "a": 7, "b_c": 9}]]"#, r#"[null,{"a":7,"b-c":9,"d":["b-c","d"]}]"#),
        (variants, r#"[[["a", {"ok": {"c": 1.5}}], [{"b": 3}, {"err": null}]]]"#, r#"[["a",{"ok":{"c":1.5}}],[{"b":3},{"err":null}]]"#),
    ] {
        assert_eq!(run(&echo(0, types), &pair, input), Ok(expected.to_owned()), "{input}");
    }
}

#[test]
fn bytes_go_through_as_they_are_and_texts_only_if_they_are_such() {
    for types in [&[&[12_u8] as &[u8]] as &[&[u8]], &[&[2], &[13, 0]]] {
        assert_eq!(run(&echo(1, types), &pair, "{\"as\": it is"), Ok("{\"as\": it is".to_owned()));
    }
    let description = echo(1, &[&[12]]);
    let descriptor = Descriptor::read(&description).expect("a description");
    let mut machine = Fake { memory: vec![0; 8], function: &pair };
    let failure = cast(&descriptor, &mut machine, b"\xff").expect_err("no text");
    assert_eq!((failure.code, failure.message.contains("not UTF-8")), ("invalid-input", true), "{failure:?}");
}

/// Layouts as the canonical ABI's own examples and rules have them: size, alignment, flat numbers.
#[test]
fn types_have_the_sizes_that_the_canonical_abi_gives_them() {
    let mut types = Types::default();
    let integer = |bytes| Kind::Integer { bytes, is_signed: false };
    let names = |count: usize| vec!["x"; count];
    let cases = |count: usize| (0..count).map(|_| Case { name: "x", kind: None }).collect::<Vec<_>>();
    types.push(integer(1)).expect("u8");
    types.push(integer(8)).expect("u64");
    types.push(Kind::String).expect("string");
    let record = types.fields([("a", 0), ("b", 1), ("c", 0)]).expect("fields");
    types.push(Kind::Record(record)).expect("record");
    let kinds = [
        (Kind::List(3), (8, 4, 2)),
        (Kind::Flags(names(8)), (1, 1, 1)),
        (Kind::Flags(names(9)), (2, 2, 1)),
        (Kind::Flags(names(17)), (4, 4, 1)),
        (Kind::Choice(types.choice(Style::Variant, cases(256)).expect("enum")), (1, 1, 1)),
        (Kind::Choice(types.choice(Style::Variant, cases(257)).expect("enum")), (2, 2, 1)),
        (
            Kind::Choice(
                types.choice(Style::Result, vec![Case { name: "ok", kind: Some(1) }, Case { name: "err", kind: Some(2) }]).expect("result"),
            ),
            (16, 8, 3),
        ),
        (Kind::Choice(types.choice(Style::Option, vec![Case { name: "some", kind: Some(3) }]).expect("option")), (32, 8, 4)),
    ];
    assert_eq!(types.get(3).map(|record| (record.size, record.align, record.flat)), Some((24, 8, 3)));
    for (index, (kind, expected)) in kinds.into_iter().enumerate() {
        types.push(kind).expect("a type");
        assert_eq!(types.get(index + 4).map(|of| (of.size, of.align, of.flat)), Some(expected), "{index}");
    }
}

/// Whatever comes in: an answer or a failure, and neither a panic nor an endless loop.
#[test]
fn no_description_and_no_input_makes_it_panic() {
    let whole = echo(0, &[&[2], &[13, 0], &[18, 1], &[13, 2]]);
    for length in 0..whole.len() {
        assert!(Descriptor::read(&whole[..length]).is_none(), "{length}");
    }
    for at in 0..whole.len() {
        for byte in 0..=255 {
            let mut changed = whole.clone();
            changed[at] = byte;
            if let Some(descriptor) = Descriptor::read(&changed) {
                let _ = cast(&descriptor, &mut Fake { memory: vec![0; 64], function: &same }, b"[[null, \"aGk=\", [1, 2]]]");
            }
        }
    }
    let deep = "[".repeat(100_000);
    assert!(run(&whole, &pair, &deep).is_err());
    assert!(run(&whole, &pair, &format!("{{\"value\": {deep}")).is_err());
}
