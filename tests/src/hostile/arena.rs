//! Where attacks take place: one host, one canary, and the oracle that looks at both after every attack.

use super::canary::{Calls, Canary};
use super::guest::Guest;
use super::vitals::{Vitals, health_time, outcomes};
use crate::{Answer, Host, Setup, app, component, wait_until};
use serde_json::json;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// One attack: who, with what leave, asked how, and what must come of it.
#[derive(Debug, Clone)]
pub struct Variant {
    /// The attack.
    pub card: &'static str,
    /// What is particular; card and name together are the component's id.
    pub name: String,
    /// The guest.
    pub guest: Guest,
    /// Further lines of its manifest.
    pub lines: String,
    /// The path that is asked for, under the component's route.
    pub path: String,
    /// What must be answered.
    pub verdict: Verdict,
    /// The lines in place of `lines` that take the protection away, so that it can be seen that the attack is one.
    pub unprotected: Option<String>,
}

/// What an attack must come to.
#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    /// The status; 0 where the connection ends without one.
    pub status: u16,
    /// Whether the answer comes whole.
    pub is_whole: bool,
    /// What is on record.
    pub outcome: &'static str,
    /// The longest it may take.
    pub time_max: Duration,
}

impl Variant {
    /// The component's id: the words of card and name; one that begins with a digit is led by an `n`.
    pub fn id(&self) -> String {
        let text = format!("{} {}", self.card, self.name).to_lowercase();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let words: Vec<String> =
            words.map(|word| if word.starts_with(|c: char| c.is_ascii_digit()) { format!("n{word}") } else { word.to_owned() }).collect();
        words.join("-")
    }
}

/// A host under attack.
#[derive(Debug)]
pub struct Arena {
    // Dropped first: it calls the host.
    canary: Canary,
    /// The host.
    pub host: Host,
    quiet: Calls,
    loud: Calls,
    baseline: Vitals,
    judged: usize,
    _alone: MutexGuard<'static, ()>,
}

/// Attacks are made one at a time: what one does to the machine is not to be blamed on another.
static ALONE: Mutex<()> = Mutex::new(());

/// Waits until no attack is under way in this process, and keeps it so.
pub fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const CANARY: &str = "canary";
const QUIET_TIME: Duration = Duration::from_secs(3);
const RECOVERY_TIME_MAX: Duration = Duration::from_secs(5);
const MEMORY_MIB_MORE_MAX: u64 = 64;
/// Besides one for each component that has run: the image of its memory.
const DESCRIPTORS_MORE_MAX: usize = 5;
const THREADS_MORE_MAX: usize = 5;
/// The canary's.
const INSTANCES_MAX: u64 = 1;
const HEALTH_TIME_MAX: Duration = Duration::from_millis(100);
/// What a busy machine may add: the attackers, the canary and a host that is built for debugging share a few processors.
const SCHEDULING_TIME_MAX: Duration = Duration::from_millis(60);

impl Arena {
    /// Starts a host with the components of these variants and further parts of manifest, and watches it in peace for a while.
    pub fn start(variants: &[Variant], parts: &[String], operator: &str) -> Self {
        let mut all = vec![component(CANARY, "p2", "")];
        all.extend_from_slice(parts);
        let setup = Setup::new("");
        for variant in variants {
            all.push(describe(variant, setup.directory()));
        }
        Self::around(setup.manifest(&app(&all)).operator(operator))
    }

    /// Starts this host, one of whose components is the canary.
    pub fn around(setup: Setup) -> Self {
        let _alone = alone();
        let host = setup.start();
        let canary = Canary::start(host.app, "/canary/hello");
        // The first calls warm up what is made once.
        thread::sleep(QUIET_TIME / 3);
        canary.look();
        thread::sleep(QUIET_TIME);
        let quiet = canary.look();
        assert!(quiet.errors.is_empty(), "the canary fails in peace: {:?}", quiet.errors);
        let baseline = Vitals::of(&host);
        Self { host, canary, quiet, loud: Calls::default(), baseline, judged: 0, _alone }
    }

    /// Runs an attack and looks at the host afterwards. Prints one line of JSON, and tells what is wrong, if anything is.
    pub fn judge(&mut self, card: &str, variant: &str, attack: impl FnOnce(&Host) -> Result<(), String>) -> Result<(), String> {
        let started = Instant::now();
        let attacked = attack(&self.host);
        let took = started.elapsed();
        let recovered = self.recover();
        let health = health_time(&self.host);
        let calls = self.canary.look();
        let vitals = Vitals::of(&self.host);
        let wrong = self.wrongs(attacked, recovered, &health, &calls);
        self.judged += 1;
        println!(
            "{}",
            json!({
                "card": card, "variant": variant, "verdict": if wrong.is_empty() { "contained" } else { "failed" }, "wrong": wrong,
                "took_ms": took.as_millis(), "health_us": health.unwrap_or_default().as_micros(),
                "memory_mib": vitals.memory_mib, "descriptors": vitals.descriptors, "threads": vitals.threads,
                "canary": { "calls": calls.latencies.len(), "errors": calls.errors.len(), "p99_us": calls.percentile(99).as_micros() },
            })
        );
        self.loud.latencies.extend(calls.latencies);
        self.loud.errors.extend(calls.errors);
        if wrong.is_empty() { Ok(()) } else { Err(format!("{card} {variant}: {}", wrong.join("; "))) }
    }

    /// Runs a variant that is a component.
    pub fn run(&mut self, variant: &Variant) -> Result<(), String> {
        self.judge(variant.card, &variant.name, |host| attack(host, variant))
    }

    /// Waits until the host holds no more than before the first attack.
    fn recover(&self) -> Result<(), String> {
        let started = Instant::now();
        loop {
            let (now, then) = (Vitals::of(&self.host), self.baseline);
            let is_back = now.memory_mib <= then.memory_mib + MEMORY_MIB_MORE_MAX
                && now.descriptors <= then.descriptors + DESCRIPTORS_MORE_MAX + self.judged + 1
                && now.threads <= then.threads + THREADS_MORE_MAX
                && now.instances <= INSTANCES_MAX;
            if is_back {
                return Ok(());
            }
            if started.elapsed() > RECOVERY_TIME_MAX {
                return Err(format!("it holds {now:?}, and held {then:?} before"));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn wrongs(
        &self,
        attacked: Result<(), String>,
        recovered: Result<(), String>,
        health: &Result<Duration, String>,
        calls: &Calls,
    ) -> Vec<String> {
        let mut wrong: Vec<String> = [attacked.err(), recovered.err()].into_iter().flatten().collect();
        match health {
            Err(reason) => wrong.push(reason.clone()),
            Ok(time) if *time > HEALTH_TIME_MAX => wrong.push(format!("/healthz takes {time:?}")),
            Ok(_) => {}
        }
        wrong.extend(calls.errors.iter().map(|error| format!("the canary saw {error}")));
        let stderr = self.host.stderr();
        // What guests print stands behind their names.
        let stderr: String = stderr.lines().filter(|line| !line.starts_with('[')).map(|line| format!("{line}\n")).collect();
        wrong.extend(
            ["panicked at", "abort", "stack overflow"]
                .iter()
                .filter(|word| stderr.contains(**word))
                .map(|word| format!("the host says \"{word}\": {stderr}")),
        );
        wrong
    }

    /// Ends the arena: the canary's latency over all attacks, the files, and the host's own end.
    pub fn close(self) {
        let (quiet, loud) = (self.quiet.percentile(99), self.loud.percentile(99));
        println!(
            "{}",
            json!({ "variants": self.judged, "canary": { "calls": self.loud.latencies.len(), "quiet_p99_us": quiet.as_micros(),
                    "loud_p99_us": loud.as_micros(), "errors": self.loud.errors.len() } })
        );
        assert!(loud <= quiet * 2 + SCHEDULING_TIME_MAX, "the canary's p99 went from {quiet:?} to {loud:?}");
        let state_dir = self.host.state_dir().to_owned();
        drop(self.canary);
        let keep = self.host.keep_directory();
        let ended = self.host.stop();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        check_integrity(&state_dir);
        drop(keep);
    }
}

/// Runs all variants in one arena and fails with all that went wrong.
pub fn run_all(variants: &[Variant], operator: &str) {
    let mut arena = Arena::start(variants, &[], operator);
    let wrong: Vec<String> = variants.iter().filter_map(|variant| arena.run(variant).err()).collect();
    assert!(wrong.is_empty(), "{} of {} variants failed:\n{}", wrong.len(), variants.len(), wrong.join("\n"));
    arena.close();
}

/// Runs the variants whose protection can be taken away without it, and fails where one of them is contained all the same: then
/// it proves nothing.
pub fn run_unprotected(variants: &[Variant], operator: &str) {
    let unprotected: Vec<Variant> =
        variants.iter().filter_map(|variant| Some(Variant { lines: variant.unprotected.clone()?, ..variant.clone() })).collect();
    let arena = Arena::start(&unprotected, &[], operator);
    let mut contained = Vec::new();
    for variant in &unprotected {
        let verdict = attack(&arena.host, variant);
        println!("{}", json!({ "card": variant.card, "variant": variant.name, "protection": "off", "wrong": verdict.clone().err() }));
        if verdict.is_ok() {
            contained.push(variant.id());
        }
    }
    assert!(contained.is_empty(), "contained without their protection: {}", contained.join(", "));
}

/// Asks for a variant's path: is it answered and recorded as it must be?
fn attack(host: &Host, variant: &Variant) -> Result<(), String> {
    let id = variant.id();
    let before = outcomes(host, &id);
    let started = Instant::now();
    let answer = host.app.get(&format!("/{id}/{}", variant.path));
    check(&variant.verdict, &answer, started.elapsed())?;
    recorded(host, &id, &before, variant.verdict.outcome)
}

fn describe(variant: &Variant, directory: &Path) -> String {
    let id = variant.id();
    match &variant.guest {
        Guest::Tests(revision) => component(&id, revision, &variant.lines),
        Guest::Bytes(bytes) => {
            let path = directory.join(format!("{id}.wasm"));
            std::fs::write(&path, bytes).expect("write");
            let (source, lines) = (path.display(), &variant.lines);
            format!("[[trigger.http]]\nroute = \"/{id}/...\"\ncomponent = \"{id}\"\n\n[component.{id}]\nsource = \"{source}\"\n{lines}\n")
        }
    }
}

fn check(verdict: &Verdict, answer: &Answer, took: Duration) -> Result<(), String> {
    if (answer.status, answer.is_whole) != (verdict.status, verdict.is_whole) {
        let (status, whole) = (verdict.status, verdict.is_whole);
        let text: String = answer.text().chars().take(200).collect();
        return Err(format!("answered {} (whole: {}), not {status} (whole: {whole}): {text}", answer.status, answer.is_whole));
    }
    if took > verdict.time_max {
        return Err(format!("took {took:?}, more than {:?}", verdict.time_max));
    }
    Ok(())
}

/// Exactly one more record, with this outcome.
fn recorded(host: &Host, id: &str, before: &[(String, u64)], outcome: &str) -> Result<(), String> {
    let total = |counts: &[(String, u64)]| counts.iter().map(|(_, count)| count).sum::<u64>();
    let mut after = Vec::new();
    wait_until("the record", || {
        after = outcomes(host, id);
        total(&after) > total(before)
    });
    let of = |counts: &[(String, u64)]| counts.iter().find(|(name, _)| name == outcome).map_or(0, |(_, count)| *count);
    let is_right = total(&after) == total(before) + 1 && of(&after) == of(before) + 1;
    if is_right { Ok(()) } else { Err(format!("on record are {after:?}, and were {before:?}; expected one more {outcome}")) }
}

fn check_integrity(state_dir: &Path) {
    let of_guests = std::fs::read_dir(state_dir.join("sqlite")).into_iter().flatten().flatten().map(|entry| entry.path());
    let of_guests = of_guests.filter(|path| path.extension().is_some_and(|extension| extension == "db"));
    for path in ["spell.db", "metrics.db"].map(|name| state_dir.join(name)).into_iter().chain(of_guests) {
        let database = rusqlite::Connection::open(&path).expect("open");
        let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("check");
        assert_eq!(verdict, "ok", "{}", path.display());
    }
}
