//! The API's description, held against the host: it is a good document, each example in it works, and answers are what it says.
//!
//! It knows the order in which examples make sense. It must never know what an operation answers.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use spell_tests::described::{Claim, Description, Names, Operation};
use spell_tests::{NO_RATES, Platform, Request};

/// Ids in examples.
const SPELL: &str = "spell_0199c5a1b2f300112233445566778899";
const MODULE: &str = "mod_0199c5a1b2f300112233445566778899";
const CAST: &str = "cast_0199c5a1b2f300112233445566778899";
const KEY: &str = "key_0199c5a1b2f300112233445566778899";
const WEBHOOK: &str = "hook_0199c5a1b2f300112233445566778899";
/// The idempotency key in examples, which every cast has its own in place of.
const IDEMPOTENCY_KEY: &str = "order-1";
/// What has to be there before anything else makes sense.
const FIRST: [&str; 5] = ["createSpell", "uploadVersion", "cast", "createKey", "createWebhook"];
/// What nothing makes sense after.
const LAST: &str = "deleteSpell";

/// Answers with its input.
fn echo(number: u32) -> Vec<u8> {
    let text = format!(
        r#"(module (memory (export "memory") 2) (func (export "alloc") (param i32) (result i32) (i32.const 1024))
            (func (export "n") (result i32) (i32.const {number}))
            (func (export "process") (param i32 i32) (result i64)
                (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))"#
    );
    wat::parse_str(text).expect("a program")
}

/// The examples of a host's operations, run one after the other.
struct Examples {
    platform: Platform,
    description: Description,
    names: Names,
    claims: Vec<Claim>,
    casts: u32,
}

impl Examples {
    fn run(&mut self, operation: &Operation) {
        self.run_so(operation, false);
        if operation.has_optional_headers() {
            self.run_so(operation, true);
        }
    }

    /// Each example is answered with success; with all headers, with the less usual one if there are two.
    fn run_so(&mut self, operation: &Operation, has_optional_headers: bool) {
        let successes = operation.successes();
        let expected = if has_optional_headers { successes.last() } else { successes.first() };
        for number in 0..operation.requests(&self.platform.client, &self.names, has_optional_headers, &[]).len() {
            let mut names = self.names.clone();
            self.casts += 1;
            names.push((IDEMPOTENCY_KEY.to_owned(), format!("order-{}", self.casts)));
            let requests = operation.requests(&self.platform.client, &names, has_optional_headers, &echo(1));
            let answer = self.authorized(operation, requests[number].clone()).send();
            assert_eq!(Some(&answer.status), expected, "{}, example {number}: {}", operation.id, answer.text());
            self.claims.extend(self.description.claim(operation, &answer));
            let made: [(&str, &str, &str); 5] = [
                ("createSpell", SPELL, "id"),
                ("uploadVersion", MODULE, "moduleId"),
                ("cast", CAST, "cast_id"),
                ("createKey", KEY, "id"),
                ("createWebhook", WEBHOOK, "id"),
            ];
            for (_, example, member) in made.into_iter().filter(|(id, ..)| *id == operation.id) {
                let id = answer.json()[member].as_str().expect("an id").to_owned();
                self.names.retain(|(known, _)| known != example);
                self.names.push((example.to_owned(), id));
            }
        }
    }

    fn authorized(&self, operation: &Operation, request: Request) -> Request {
        let key = operation.scope.as_ref().map(|_| format!("Bearer {}", self.platform.key));
        key.into_iter().fold(request, |request, key| request.header("authorization", &key))
    }
}

#[test]
fn the_document_is_good_and_so_are_its_examples() {
    let directory = tempfile::tempdir().expect("directory");
    let platform = Platform::start_under(&directory, NO_RATES);
    let description = Description::of(&platform.client);
    let examples = description.examples();
    assert!(examples.len() > 60, "{} examples", examples.len());
    description.check(&examples);
}

#[test]
fn every_example_is_answered_as_described() {
    let directory = tempfile::tempdir().expect("directory");
    let platform = Platform::start_under(&directory, NO_RATES);
    let description = Description::of(&platform.client);
    let operations = description.operations();
    let mut examples = Examples { platform, description, names: Names::new(), claims: Vec::new(), casts: 0 };
    for id in FIRST {
        examples.run(operations.iter().find(|operation| operation.id == id).expect("an operation"));
    }
    // The version that is deleted is one that is not active, once the first is again.
    let second = examples.platform.upload("shout", "1.1.0", &echo(2)).json()["moduleId"].as_str().expect("an id").to_owned();
    examples.names.retain(|(known, _)| known != MODULE);
    examples.names.push((MODULE.to_owned(), second));
    let (removing, others): (Vec<&Operation>, Vec<&Operation>) =
        operations.iter().filter(|it| !FIRST.contains(&it.id.as_str()) && it.id != LAST).partition(|it| it.method == "DELETE");
    let last = operations.iter().filter(|operation| operation.id == LAST);
    for operation in others.into_iter().chain(removing).chain(last) {
        examples.run(operation);
    }
    examples.description.check(&examples.claims);
}
