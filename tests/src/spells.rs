//! The spells of `components/abi`: which programs there are, how each is called, and what it must answer.
//!
//! Knows the table `abi.tsv` and computes every answer by itself. It must never know how a program becomes a component.

use crate::manifest::workspace;
use serde_json::Value;
use std::path::PathBuf;

const TABLE: &str = include_str!("../abi.tsv");

/// What a program can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Any bytes.
    Bytes,
    /// Bytes among which is no zero.
    ZeroEnded,
    /// UTF-8.
    Text,
}

/// How a program is told which spell to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChosenBy {
    /// Each spell is a file of its own.
    File,
    /// Each is a function of one file.
    Entry,
    /// The first line of the input names it.
    Line,
}

/// What must come back.
#[derive(Debug, PartialEq)]
pub enum Expected {
    /// These bytes.
    Answer(Vec<u8>),
    /// This JSON, however it is written.
    Json(Value),
    /// The input cannot be given to the program.
    Refused,
    /// The spell fails.
    Failure,
}

/// A spell in one language behind one ABI.
#[derive(Debug, Clone)]
pub struct Spell {
    /// The name of the program, without its spell.
    pub program: &'static str,
    /// How it is told which spell to be.
    pub chosen_by: ChosenBy,
    /// The ABI that it is exported with; recognised if there is none.
    pub abi: Option<&'static str>,
    /// What it can be given.
    pub takes: Takes,
    /// The status when it fails.
    pub failure_status: u16,
    /// What is said when it fails.
    pub failure_words: &'static str,
    /// The name of the spell.
    pub name: &'static str,
}

/// Every cell of the table; fails the test when a line is none.
pub fn spells() -> Vec<Spell> {
    TABLE.lines().filter(|line| !line.starts_with('#')).flat_map(of_line).collect()
}

fn of_line(line: &'static str) -> Vec<Spell> {
    let [program, chosen_by, abi, takes, failure, names] = line.split('\t').collect::<Vec<_>>()[..] else {
        panic!("no six columns: {line}")
    };
    let chosen_by = match chosen_by {
        "file" => ChosenBy::File,
        "entry" => ChosenBy::Entry,
        "line" => ChosenBy::Line,
        other => panic!("nothing is chosen by {other:?}"),
    };
    let takes = match takes {
        "bytes" => Takes::Bytes,
        "zero-ended" => Takes::ZeroEnded,
        "text" => Takes::Text,
        other => panic!("nothing takes {other:?}"),
    };
    let (status, failure_words) = failure.split_once(' ').expect("a status and words");
    let failure_status = status.parse().expect("a status");
    let abi = (abi != "-").then_some(abi);
    names.split(' ').map(|name| Spell { program, chosen_by, abi, takes, failure_status, failure_words, name }).collect()
}

impl Spell {
    /// The name of the component: one for all spells that are chosen by their input.
    pub fn component(&self) -> String {
        match self.chosen_by {
            ChosenBy::File | ChosenBy::Entry => format!("{}-{}", self.program, self.name),
            ChosenBy::Line => self.program.to_owned(),
        }
    }

    /// The built program.
    pub fn file(&self) -> PathBuf {
        let name = match self.chosen_by {
            ChosenBy::File => format!("{}-{}.wasm", self.program, self.name),
            ChosenBy::Entry => format!("{}-plugin.wasm", self.program),
            ChosenBy::Line => format!("{}-chosen.wasm", self.program),
        };
        let path = directory().join(name);
        assert!(path.exists(), "{} is missing: run `make components`", path.display());
        path
    }

    /// What is sent to have it cast with an input.
    pub fn request(&self, input: &[u8]) -> Vec<u8> {
        match self.chosen_by {
            ChosenBy::File | ChosenBy::Entry => input.to_vec(),
            ChosenBy::Line => [self.name.as_bytes(), b"\n", input].concat(),
        }
    }

    /// What must come back for an input.
    pub fn expected(&self, input: &[u8]) -> Expected {
        let is_taken = match self.takes {
            Takes::Bytes => true,
            Takes::ZeroEnded => !input.contains(&0),
            Takes::Text => std::str::from_utf8(input).is_ok(),
        };
        if !is_taken {
            return Expected::Refused;
        }
        match self.name {
            "processed" | "imports" => Expected::Answer([b"Processed: ", input].concat()),
            "suffix" => Expected::Answer([input, b"-wasm"].concat()),
            "vars" | "logs" => Expected::Answer(input.to_vec()),
            "rle" => Expected::Answer(run_lengths(input)),
            "churn" => Expected::Answer(checksum(input).to_string().into_bytes()),
            "json" => seen(input).map_or(Expected::Failure, Expected::Json),
            "fails" => Expected::Failure,
            other => panic!("no spell is called {other:?}"),
        }
    }
}

/// Where the programs are built.
pub fn directory() -> PathBuf {
    workspace().join("components/target/abi")
}

/// Each run of a character as its length and the character; a character is a byte and the continuation bytes behind it.
fn run_lengths(input: &[u8]) -> Vec<u8> {
    let mut runs: Vec<(u32, Vec<u8>)> = Vec::new();
    let mut rest = input;
    while let Some((first, behind)) = rest.split_first() {
        let more = behind.iter().take_while(|byte| (0x80..0xc0).contains(*byte)).count();
        let character = [&[*first], &behind[..more]].concat();
        rest = &behind[more..];
        match runs.last_mut() {
            Some((count, last)) if *last == character => *count += 1,
            _ => runs.push((1, character)),
        }
    }
    runs.into_iter().flat_map(|(count, character)| [count.to_string().into_bytes(), character].concat()).collect()
}

/// The checksum of ten thousand texts; each is a number written one to seven times.
fn checksum(input: &[u8]) -> u32 {
    let mut sum = input.len() as u64;
    for number in 0..10_000_usize {
        for byte in number.to_string().repeat(number % 7 + 1).bytes() {
            sum = (sum * 31 + u64::from(byte)) % (1 << 32);
        }
    }
    u32::try_from(sum % (1 << 32)).expect("it is below")
}

/// The object with its name in capitals, and `seen`.
fn seen(input: &[u8]) -> Option<Value> {
    let mut value: Value = serde_json::from_slice(input).ok()?;
    let object = value.as_object_mut()?;
    if let Some(Value::String(name)) = object.get_mut("name") {
        *name = name.to_uppercase();
    }
    object.insert("seen".to_owned(), Value::Bool(true));
    Some(value)
}

/// A program that answers with its input, and before that counts to a number: a second for some hundred millions.
pub fn slow(rounds: u64) -> Vec<u8> {
    let program = format!(
        r#"(module (memory (export "memory") 2) (func (export "alloc") (param i32) (result i32) (i32.const 1024))
            (func (export "process") (param i32 i32) (result i64) (local $at i64)
                (loop $next
                    (local.set $at (i64.add (local.get $at) (i64.const 1)))
                    (br_if $next (i64.lt_u (local.get $at) (i64.const {rounds}))))
                (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))"#
    );
    wat::parse_str(program).expect("a program")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_are_those_that_a_person_would_work_out() {
        assert_eq!(run_lengths(b"hello world"), b"1h1e2l1o1 1w1o1r1l1d");
        assert_eq!(run_lengths("éé漢".as_bytes()), "2é1漢".as_bytes());
        assert_eq!(run_lengths(b"\xff\xff\xc3"), b"2\xff1\xc3");
        assert_eq!(seen(br#"{"name":"ada","age":36}"#), Some(serde_json::json!({ "name": "ADA", "age": 36, "seen": true })));
        assert_eq!(seen(b"[]"), None);
    }
}
