//! Cards A: guests that take time, stack or traps.

use spell_tests::hostile::{Arena, Guest, Variant, Verdict, run_all, run_unprotected, sections, whole};
use spell_tests::{REVISIONS, Setup, app, both, component};
use std::thread;
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_millis(400);
/// How far over its limit a guest may be ended, and how long a host may take to start one.
const LATE_MAX: Duration = Duration::from_millis(200);

const OVER_TIME: Verdict = Verdict { status: 504, is_whole: true, outcome: "limit-time", time_max: TIME.saturating_add(LATE_MAX) };
const OUT_OF_FUEL: Verdict = Verdict { status: 504, is_whole: true, outcome: "limit-fuel", time_max: Duration::from_secs(5) };
const TRAPPED: Verdict = Verdict { status: 502, is_whole: true, outcome: "trapped", time_max: Duration::from_secs(2) };

/// Fuel in abundance, so that only the clock can end it.
const TIMED: &str = "tool.spell.limits = { time = \"400ms\", fuel = 1_000_000_000_000 }";
/// Time in abundance, so that only fuel can end it.
const FUELLED: &str = "tool.spell.limits = { time = \"30s\", fuel = 20_000_000 }";
const UNTIMED: &str = "tool.spell.limits = { time = \"1200ms\", fuel = 1_000_000_000_000 }";

fn variant(card: &'static str, name: String, guest: Guest, lines: &str, path: &str, verdict: Verdict) -> Variant {
    let unprotected = (verdict.status == 504).then(|| UNTIMED.to_owned());
    Variant { card, name, guest, lines: lines.to_owned(), path: path.to_owned(), verdict, unprotected }
}

/// Which card a core module is of.
fn card_of(name: &str) -> &'static str {
    match name {
        "loop-in-start" => "A2",
        "memory-fill" | "memory-copy" | "table-fill" | "table-copy" | "fill-of-a-constant-length-in-a-loop" => "A4",
        _ => "A1",
    }
}

fn loops() -> Vec<Variant> {
    let mut variants = Vec::new();
    for revision in REVISIONS {
        for (name, guest) in sections("cpu", revision) {
            let card = card_of(&name);
            variants.push(variant(card, format!("{name}-{revision}-time"), guest.clone(), TIMED, "", OVER_TIME));
            variants.push(variant(card, format!("{name}-{revision}-fuel"), guest, FUELLED, "", OUT_OF_FUEL));
        }
    }
    for (card, file) in [("A2", "nested-start-loop"), ("A3", "realloc-loop"), ("A3", "post-return-loop")] {
        variants.push(variant(card, format!("{file}-time"), whole(file), TIMED, "", OVER_TIME));
        variants.push(variant(card, format!("{file}-fuel"), whole(file), FUELLED, "", OUT_OF_FUEL));
    }
    variants
}

#[test]
fn loops_end_with_their_time_or_their_fuel() {
    run_all(&loops(), "");
}

#[test]
#[ignore = "shows that the attacks are attacks: `make torture` runs it"]
fn loops_go_on_without_their_limits() {
    run_unprotected(&loops(), "");
}

#[test]
#[ignore = "shows that the attacks are attacks: `make torture` runs it"]
fn waiting_and_calling_the_host_go_on_without_their_limits() {
    run_unprotected(&calls(), "");
}

#[test]
fn waiting_and_calling_the_host_end_with_their_time() {
    run_all(&calls(), "");
}

fn calls() -> Vec<Variant> {
    let mut variants = Vec::new();
    for revision in REVISIONS {
        for (card, path) in [
            ("A5", "sleep?ms=3600000"),
            ("A5", "sleep?ms=18446744073709551615"),
            ("A6", "poll-loop"),
            ("A6", "yield-loop"),
            ("G7", "clock-flood"),
            ("G7", "random-flood?bytes=8"),
            ("G7", "random-flood?bytes=65536"),
            ("G7", "variable-flood?name=none"),
            ("G7", "kv-flood?key=k"),
        ] {
            let lines = format!("key_value_stores = [\"default\"]\n{TIMED}");
            let mut variant = variant(card, format!("{path}-{revision}"), Guest::Tests(revision), &lines, path, OVER_TIME);
            variant.unprotected = Some(format!("key_value_stores = [\"default\"]\n{UNTIMED}"));
            variants.push(variant);
        }
        // Its answer is whole; what it left behind ends with it, or, where tasks outlive an answer, with its time.
        let outcome = if revision == "p2" { "completed" } else { "limit-time" };
        let answered = Verdict { status: 200, is_whole: true, outcome, time_max: TIME + LATE_MAX };
        variants.push(variant("A5", format!("timers-{revision}"), Guest::Tests(revision), TIMED, "timers?n=1000&ms=600000", answered));
    }
    variants
}

#[test]
fn stack_overflows_and_traps_are_their_guests_own() {
    let mut variants = Vec::new();
    for revision in REVISIONS {
        for (card, file) in [("A8", "stack"), ("A9", "traps")] {
            for (name, guest) in sections(file, revision) {
                variants.push(variant(card, format!("{name}-{revision}"), guest, TIMED, "", TRAPPED));
            }
        }
        for path in ["trap", "panic", "recurse"] {
            variants.push(variant("A9", format!("{path}-{revision}"), Guest::Tests(revision), TIMED, path, TRAPPED));
        }
    }
    for file in ["realloc-lies", "handles-of-others"] {
        variants.push(variant("A9", file.to_owned(), whole(file), TIMED, "", TRAPPED));
    }
    run_all(&variants, "");
}

#[test]
fn a_trap_is_named_in_one_line_and_no_more_is_said() {
    let host = Setup::new(&both("")).start();
    for revision in REVISIONS {
        for (card, path, trap) in [
            ("A8", "recurse", "call stack exhausted"),
            ("A9", "trap", "wasm `unreachable` instruction executed"),
            ("A9", "panic", "wasm `unreachable` instruction executed"),
        ] {
            let answer = host.app.get(&format!("/{revision}/{path}"));
            assert_eq!(answer.json()["detail"], format!("the spell trapped: {trap}"), "{revision} {path}");
            println!("{}", serde_json::json!({ "card": card, "variant": format!("told-of-{path}-{revision}"), "verdict": "contained" }));
        }
    }
}

#[test]
fn what_is_switched_off_is_refused_before_anything_is_served() {
    for revision in REVISIONS {
        for (name, guest) in sections("features", revision) {
            let Guest::Bytes(bytes) = guest else { continue };
            let setup = Setup::new("");
            let path = setup.directory().join("guest.wasm");
            std::fs::write(&path, bytes).expect("write");
            let manifest = app(&[format!(
                "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\n[component.guest]\nsource = \"{}\"\n",
                path.display()
            )]);
            let ended = setup.manifest(&manifest).fail();
            assert_eq!(ended.code, Some(1), "{name}");
            let is_clear = ended.stderr.contains("not a valid component") && ended.stderr.contains("component \"guest\"");
            assert!(is_clear && !ended.stderr.contains("panicked"), "{name}: {}", ended.stderr);
            println!("{}", serde_json::json!({ "card": "A10", "variant": format!("{name}-{revision}"), "verdict": "contained" }));
        }
    }
}

#[test]
fn one_component_cannot_have_all_places() {
    let limits = "tool.spell.limits = { time = \"1s\", concurrency = 4, queue = 4, queue_time = \"100ms\" }";
    let mut arena = Arena::start(&[], &[component("greedy", "p2", limits), component("other", "p3", "")], "");
    let verdict = arena.judge("A11", "ten-times-its-concurrency", |host| {
        let answers: Vec<_> = thread::scope(|scope| {
            let asking: Vec<_> = (0..40).map(|_| scope.spawn(|| host.app.get("/greedy/sleep?ms=500"))).collect();
            assert!(host.app.get("/other/hello").is_success());
            asking.into_iter().map(|asking| asking.join().expect("answer")).collect()
        });
        let of = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
        let refused_for = |code: &str| answers.iter().filter(|answer| answer.text().contains(&format!("\"{code}\""))).count();
        // Four may wait, for a while; who finds the queue full does not wait at all.
        match (of(200), of(429), refused_for("limit-queue") > 0, refused_for("limit-queue_time") > 0) {
            (4, 36, true, true) => Ok(()),
            found => Err(format!("served and refused, for the queue and for its time: {found:?}")),
        }
    });
    assert_eq!(verdict, Ok(()));
    arena.close();
}

#[test]
fn spinning_guests_leave_the_others_their_share() {
    let limits = "tool.spell.limits = { time = \"4s\", fuel = 1_000_000_000_000 }";
    let mut arena = Arena::start(&[], &REVISIONS.map(|revision| component(revision, revision, limits)), "");
    for path in ["spin", "random-flood?bytes=65536", "clock-flood"] {
        let verdict = arena.judge("A12", path, |host| {
            let started = Instant::now();
            thread::scope(|scope| {
                for index in 0..4 {
                    let revision = REVISIONS[index % 2];
                    scope.spawn(move || host.app.get(&format!("/{revision}/{path}")));
                }
            });
            if started.elapsed() < Duration::from_secs(6) { Ok(()) } else { Err(format!("took {:?}", started.elapsed())) }
        });
        assert_eq!(verdict, Ok(()));
    }
    arena.close();
}

#[test]
fn a_guest_that_trapped_is_as_new_at_its_next_request() {
    let mut arena = Arena::start(&[], &REVISIONS.map(|revision| component(revision, revision, "")), "");
    for revision in REVISIONS {
        let verdict = arena.judge("A13", revision, |host| {
            for _ in 0..50 {
                let (trapped, after) = (host.app.get(&format!("/{revision}/trap")), host.app.get(&format!("/{revision}/hello")));
                if (trapped.status, after.text().as_str()) != (502, "hello") {
                    return Err(format!("{} and then {}", trapped.status, after.text()));
                }
            }
            Ok(())
        });
        assert_eq!(verdict, Ok(()));
    }
    arena.close();
}
