//! What the kernel and the control plane say of a running host. This file knows `/proc` and Prometheus text.

use crate::Host;
use std::fs;
use std::time::{Duration, Instant};

/// What a process holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vitals {
    /// Memory that is resident.
    pub(super) memory_mib: u64,
    /// Open file descriptors.
    pub(super) descriptors: usize,
    /// Threads.
    pub(super) threads: usize,
    /// Guests that are alive.
    pub(super) instances: u64,
}

impl Vitals {
    pub(super) fn of(host: &Host) -> Self {
        let process = format!("/proc/{}", host.process_id());
        let status = fs::read_to_string(format!("{process}/status")).expect("the host runs");
        let number = |key: &str| -> u64 {
            let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or_default()
        };
        let count = |directory: &str| fs::read_dir(format!("{process}/{directory}")).map(Iterator::count).unwrap_or_default();
        let (memory_mib, descriptors, threads) = (number("VmRSS:") / 1024, count("fd"), count("task"));
        // Asked for last: a connection is a descriptor.
        Self { memory_mib, descriptors, threads, instances: instances(host) }
    }
}

fn instances(host: &Host) -> u64 {
    let metrics = host.control.get("/metrics").text();
    let alive = metrics.lines().find_map(|line| line.strip_prefix("spell_instances "));
    alive.and_then(|count| count.strip_suffix(".0")?.parse().ok()).expect("a count of instances")
}

/// How long `/healthz` takes, the better of some tries: the test's own machine is busy too.
pub(super) fn health_time(host: &Host) -> Result<Duration, String> {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let started = Instant::now();
        let answer = host.control.get("/healthz");
        if !answer.is_success() {
            return Err(format!("/healthz answers {}", answer.status));
        }
        best = best.min(started.elapsed());
    }
    Ok(best)
}

/// How many casts of a component ended in each way.
pub(super) fn outcomes(host: &Host, component: &str) -> Vec<(String, u64)> {
    let label = |line: &str, name: &str| -> Option<String> {
        let (_, rest) = line.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    let metrics = host.control.get("/metrics").text();
    let casts = metrics.lines().filter(|line| line.starts_with("spell_casts_total{"));
    casts
        .filter(|line| label(line, "component").as_deref() == Some(component))
        .filter_map(|line| Some((label(line, "outcome")?, line.rsplit(' ').next()?.parse().ok()?)))
        .filter(|(_, count)| *count > 0)
        .collect()
}
