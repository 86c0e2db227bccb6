//! What metering costs a guest that computes: each kernel of `components/kernels`, once in a request, with and without fuel.

#![expect(clippy::expect_used, reason = "a bench that cannot run has nothing to clean up")]

mod host;

use criterion::Criterion;
use host::Host;
use std::time::Duration;

/// The host's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KERNELS: [&str; 7] = ["sieve", "fibonacci", "matrix", "hashmap", "json", "sha256", "interpreter"];

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(40)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let (metered, unmetered) = (Host::start("kernels", true), Host::start("kernels", false));
    for kernel in KERNELS {
        let path = format!("/hello/{kernel}");
        let checksum = metered.answer(&path);
        for (name, host) in [("metered", &metered), ("unmetered", &unmetered)] {
            criterion.bench_function(&format!("kernel/{kernel}/{name}"), |bencher| {
                bencher.iter(|| assert_eq!(host.answer(&path), checksum));
            });
        }
    }
    criterion.final_summary();
}
