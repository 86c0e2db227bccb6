//! Cards B: guests that take memory, theirs or the host's.

#![expect(clippy::panic, reason = "functions beside the tests are tests as well")]

use serde_json::json;
use spell_tests::hostile::{Arena, Guest, Variant, Verdict, run_all, run_unprotected, sections, whole};
use spell_tests::{REVISIONS, Setup, app, component};
use std::time::Duration;

const LIMITS: &str = "tool.spell.limits = { memory = \"32MiB\", time = \"20s\", fuel = 500_000_000 }";

const fn refused(outcome: &'static str) -> Verdict {
    Verdict { status: 502, is_whole: true, outcome, time_max: Duration::from_secs(15) }
}

/// The limit of a loop that follows a refusal, and other verdicts that the card's module asks for by its name.
fn verdict_of(name: &str) -> (&'static str, Verdict) {
    let out_of_fuel = Verdict { status: 504, outcome: "limit-fuel", ..refused("") };
    match name {
        "grow-page-by-page-then-loop" => ("B1", out_of_fuel),
        "grow-and-touch-then-trap" => ("B1", refused("limit-memory")),
        "begin-with-4-GiB" | "begin-with-1-GiB" => ("B2", refused("limit-memory")),
        "sixteen-memories" => ("B3", refused("limit-memory")),
        "table-of-more-than-its-part" => ("B3", refused("limit-table_elements")),
        "grow-a-table-without-end-then-loop" => ("B4", out_of_fuel),
        // Growing costs fuel by the element, also where it is refused.
        "grow-a-table-by-everything-then-trap" => ("B4", out_of_fuel),
        "grow-memory-by-everything-then-trap" => ("B4", refused("limit-memory")),
        other => panic!("no verdict for {other}"),
    }
}

fn memories_and_tables() -> Vec<Variant> {
    let mut variants = Vec::new();
    for revision in REVISIONS {
        for (name, guest) in sections("memory", revision) {
            let (card, verdict) = verdict_of(&name);
            let (name, lines) = (format!("{name}-{revision}"), LIMITS.to_owned());
            // What asks for all there is meets some limit whatever it is; a loop that follows a refusal ends as it must either way.
            let is_greedy = name.starts_with("begin-with-4") || name.contains("then-trap");
            let is_constant = is_greedy || verdict.status == 504;
            let unprotected =
                (!is_constant).then(|| "tool.spell.limits = { memory = \"1GiB\", table_elements = 1_000_000, time = \"10s\" }".to_owned());
            variants.push(Variant { card, name, guest, lines, path: String::new(), verdict, unprotected });
        }
    }
    variants.push(Variant {
        card: "B6",
        name: "own-resources".to_owned(),
        guest: whole("resources-without-end"),
        lines: LIMITS.to_owned(),
        path: String::new(),
        verdict: refused("trapped"),
        unprotected: None,
    });
    variants
}

#[test]
fn memories_and_tables_stay_within_their_limits() {
    run_all(&memories_and_tables(), "");
}

#[test]
#[ignore = "shows that the attacks are attacks: `make torture` runs it"]
fn memories_and_tables_grow_without_their_limits() {
    run_unprotected(&memories_and_tables(), "");
}

#[test]
fn what_the_host_keeps_for_a_guest_stays_within_its_limits() {
    const TRAPPED: Verdict = refused("trapped");
    const ANSWERED: Verdict = Verdict { status: 200, outcome: "completed", ..TRAPPED };
    const REFUSED: Verdict = Verdict { status: 404, ..ANSWERED };
    let mut variants = Vec::new();
    for revision in REVISIONS {
        for (card, path, verdict) in [
            ("B6", "resources?n=10000000&kind=pollable", TRAPPED),
            ("B6", "resources?n=10000000&kind=fields", TRAPPED),
            ("B7", "kv-large?bytes=25000000", TRAPPED),
            ("B7", "kv-large?bytes=10000000", REFUSED),
            // What 0.2 ends a guest for, 0.3 has a way to refuse.
            ("B8", "random?bytes=65537", if revision == "p2" { TRAPPED } else { ANSWERED }),
            ("B8", "random?bytes=1099511627776", if revision == "p2" { TRAPPED } else { refused("limit-memory") }),
            ("B9", "fields?n=1000000&kind=same", if revision == "p2" { TRAPPED } else { ANSWERED }),
            ("B9", "fields?n=1000000&kind=new", if revision == "p2" { TRAPPED } else { ANSWERED }),
            ("B9", "fields?n=1000000&kind=empty", if revision == "p2" { TRAPPED } else { ANSWERED }),
            ("B9", "fields?n=1&kind=same&bytes=1000000", if revision == "p2" { TRAPPED } else { ANSWERED }),
            ("B10", "empty-writes?to=stdout&n=100000", ANSWERED),
            ("B10", "empty-writes?to=stderr&n=100000", ANSWERED),
            ("B10", "empty-writes?to=body&n=100000", ANSWERED),
            ("B13", "stdout?bytes=50000000&line=100", ANSWERED),
            ("B13", "stderr?bytes=50000000&line=1000000", ANSWERED),
        ] {
            variants.push(Variant {
                card,
                name: format!("{path}-{revision}"),
                guest: Guest::Tests(revision),
                lines: "key_value_stores = [\"default\"]\ntool.spell.limits = { time = \"20s\" }".to_owned(),
                path: path.to_owned(),
                verdict: Verdict { time_max: Duration::from_secs(15), ..verdict },
                unprotected: None,
            });
        }
    }
    run_all(&variants, "");
}

#[test]
fn a_component_of_many_memories_runs_on_a_host_of_few_places() {
    for (name, guest) in REVISIONS.into_iter().flat_map(|revision| sections("memory", revision)) {
        let Guest::Bytes(bytes) = guest else { continue };
        if name != "sixteen-memories" {
            continue;
        }
        let setup = Setup::new("").operator("[host]\nconcurrency = 2\n");
        let path = setup.directory().join("guest.wasm");
        std::fs::write(&path, bytes).unwrap();
        let source = path.display();
        let manifest = format!(
            "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\n[component.guest]\nsource = \"{source}\"\ntool.spell.limits = {{ memory = \"1GiB\" }}\n"
        );
        let answer = setup.manifest(&app(&[manifest])).start().app.get("/");
        // It ends without an answer: what counts is that it found a place.
        assert_eq!((answer.status, &answer.json()["code"]), (502, &json!("trapped")));
    }
}

#[test]
fn no_guest_sees_what_another_left_in_memory() {
    let parts = REVISIONS
        .map(|revision| [component(&format!("stain-{revision}"), revision, ""), component(&format!("scan-{revision}"), revision, "")]);
    let mut arena = Arena::start(&[], &parts.concat(), "[host]\nconcurrency = 4\n");
    for revision in REVISIONS {
        let verdict = arena.judge("B12", revision, |host| {
            for _ in 0..100 {
                let stained = host.app.get(&format!("/stain-{revision}/stain?mib=8"));
                let scanned = host.app.get(&format!("/scan-{revision}/scan?mib=16"));
                if (stained.text().as_str(), scanned.text().as_str()) != ("stained", "0") {
                    return Err(format!("{} and then {}", stained.text(), scanned.text()));
                }
            }
            Ok(())
        });
        assert_eq!(verdict, Ok(()));
    }
    arena.close();
}
