//! A platform whose disk fails in single calls, or gives back other programs than it was given: no answer is untrue, and no program is run
//! that is not what was uploaded.
//!
//! It knows system calls, and the table of programs. It must never know in which order the host makes them.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::programs::echo;
use spell_tests::{Answer, Platform, Tracer, wait_until};
use std::path::Path;

fn refuses(answer: &Answer, status: u16, code: &str) -> bool {
    answer.status == status && answer.json()["code"] == code
}

/// Not an answer that says that it was cast, unless it was.
#[test]
fn calls_of_the_system_that_fail_make_no_answer_untrue() {
    let directory = tempfile::tempdir().expect("directory");
    let mut platform = Platform::start(&directory);
    assert_eq!(platform.publish("small", "1.0.0", &echo(0)).status, 201);
    for (calls, error, when) in [
        ("pwrite64", "EIO", "20+60"),
        ("pwrite64", "ENOSPC", "30+47"),
        ("fdatasync,fsync", "EIO", "2+3"),
        ("fdatasync,fsync", "EIO", "1+1"),
        ("pread64", "EIO", "2+5"),
        ("ftruncate", "EIO", "1+1"),
    ] {
        let tracer = Tracer::failing(platform.process_id(), calls, error, when, directory.path());
        let key = |number: usize| format!("{calls}-{error}-{when}-{number}");
        let cast = |number: usize| platform.cast("small", &json!(number), &key(number));
        let answers: Vec<Answer> = (0..30).map(cast).collect();
        let injected = tracer.ended().matches("(INJECTED)").count();
        for answer in &answers {
            let is_failure = matches!(answer.status, 500 | 503 | 507) && answer.header("content-type") == Some("application/problem+json");
            assert!(answer.status == 201 || is_failure, "{calls} {error}: {answer:?}");
        }
        // What failed to be recorded is recorded a moment later.
        for (number, answer) in answers.iter().enumerate() {
            let mut again = cast(number);
            wait_until("the cast to be recorded", || {
                if again.status == 409 {
                    again = cast(number);
                }
                again.status != 409
            });
            if answer.status == 201 || answer.header("idempotent-replayed").is_some() {
                assert_eq!((again.status, &again.body), (answer.status, &answer.body), "{calls} {error} {number}");
            } else {
                assert!(matches!(again.status, 201 | 500), "{calls} {error} {number}: {again:?}");
            }
        }
        platform = platform.killed_and_started();
        for (number, answer) in answers.iter().enumerate().filter(|(_, answer)| answer.status == 201) {
            let again = platform.cast("small", &json!(number), &key(number));
            assert_eq!((again.status, &again.body), (201, &answer.body), "{calls} {error} {number}");
        }
        let failed = answers.iter().filter(|answer| answer.status != 201).count();
        println!(
            "{{\"card\":\"J4\",\"variant\":\"{calls} {error} {when}\",\"injected\":{injected},\"refused\":{failed},\"verdict\":\"contained\"}}"
        );
    }
}

/// Changes what is kept of spells past the host: `bytes` is an SQL expression over the programs `p`, and all as they `were`.
fn tamper(state_dir: &Path, spells: &[&str], bytes: &str) {
    let connection = rusqlite::Connection::open(state_dir.join("spell.db")).expect("open");
    let keys = spells.iter().map(|spell| format!("'{spell}'")).collect::<Vec<_>>().join(", ");
    let of_spells = format!("SELECT component FROM modules JOIN spells ON spells.id = spell_id WHERE key IN ({keys})");
    let keep = format!("CREATE TEMP TABLE were AS SELECT digest, bytes FROM programs WHERE digest IN ({of_spells})");
    connection.execute(&keep, []).expect("keep");
    let changed = connection.execute(&format!("UPDATE programs AS p SET bytes = {bytes} WHERE digest IN (SELECT digest FROM were)"), []);
    assert_eq!(changed.expect("change"), spells.len());
}

#[test]
fn programs_that_are_not_what_was_uploaded_are_not_run_and_others_are() {
    const FLIPPED: &str = "CAST(substr(p.bytes, 1, length(p.bytes) - 1) || x'00' AS BLOB)";
    const SWAPPED: &str = "(SELECT were.bytes FROM were WHERE were.digest <> p.digest)";
    let directory = tempfile::tempdir().expect("directory");
    let mut platform = Platform::start(&directory);
    let programs = [("one", echo(1)), ("two", echo(2)), ("three", echo(0))];
    for (spell, program) in &programs {
        assert_eq!(platform.publish(spell, "1.0.0", program).status, 201);
    }
    for (round, (spells, bytes, while_it_runs)) in
        [(&["one"][..], FLIPPED, false), (&["one"], FLIPPED, true), (&["one", "two"], SWAPPED, false), (&["one", "two"], SWAPPED, true)]
            .into_iter()
            .enumerate()
    {
        platform = platform.killed_and_started_after(|state_dir| {
            if !while_it_runs {
                tamper(state_dir, spells, bytes);
            }
        });
        if while_it_runs {
            tamper(platform.state_dir(), spells, bytes);
        }
        let cast = |spell: &str, word: &str| platform.cast(spell, &json!("x"), &format!("{round}-{spell}-{word}"));
        for (spell, program) in &programs {
            let first = cast(spell, "first");
            if !spells.contains(spell) {
                assert_eq!(first.status, 201, "{round} {spell}: {}", first.text());
                continue;
            }
            assert!(refuses(&first, 500, "module-corrupt") && first.json()["cost_cents"] == json!(0), "{round} {spell}: {first:?}");
            let again = cast(spell, "first");
            assert_eq!((again.status, again.header("idempotent-replayed")), (500, Some("true")), "{round} {spell}");
            // From then on it is known, and burns no key.
            let refused = cast(spell, "second");
            assert!(refuses(&refused, 500, "module-corrupt") && refused.json()["cast_id"] == Value::Null, "{round} {spell}: {refused:?}");
            assert_eq!(platform.upload(spell, "1.0.0", program).status, 201, "{round} {spell}");
            let healed = cast(spell, "second");
            assert_eq!((healed.status, &healed.json()["output"]), (201, &json!("x")), "{round} {spell}: {}", healed.text());
        }
    }
}
