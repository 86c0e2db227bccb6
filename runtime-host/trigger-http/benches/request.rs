//! A whole request inside the process, from its head to the last byte of its answer, without a socket; and pieces of it.
//!
//! `cargo bench --bench request` measures time. With `--count GUEST N` it answers N requests in one function and nothing else, for a tool
//! that counts instructions (`scripts/instructions.sh`).

#![expect(clippy::expect_used, reason = "a bench that cannot run has nothing to clean up")]

mod host;

use criterion::Criterion;
use host::Host;

/// The host's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--count").skip(1);
    match arguments.next() {
        Some(guest) => count_instructions(&guest, arguments.next().expect("a number of requests").parse().expect("a number")),
        None => measure(),
    }
}

fn measure() {
    let mut criterion = Criterion::default().configure_from_args();
    for guest in ["hello_p2", "hello_p3"] {
        let host = Host::start(guest, true);
        criterion.bench_function(&format!("request/{guest}"), |bencher| bencher.iter(|| greet(&host)));
        let unmetered = Host::start(guest, false);
        criterion.bench_function(&format!("request/{guest}/unmetered"), |bencher| bencher.iter(|| greet(&unmetered)));
        criterion.bench_function(&format!("instantiate/{guest}"), |bencher| bencher.iter(|| host.instantiate()));
        criterion.bench_function(&format!("state/{guest}"), |bencher| bencher.iter(|| host.state()));
    }
    criterion.final_summary();
}

/// One request, and a look at the answer.
fn greet(host: &Host) {
    assert_eq!(*host.answer("/hello/world"), *b"Hello, world!");
}

/// Requests before the counted ones: everything that is made once is there then.
const WARM_UP_REQUESTS: u32 = 100;

fn count_instructions(guest: &str, requests: u32) {
    let host = Host::start(guest, true);
    (0..WARM_UP_REQUESTS).for_each(|_| greet(&host));
    counted_requests(&host, requests);
}

/// The tool counts what happens in here.
#[inline(never)]
fn counted_requests(host: &Host, requests: u32) {
    (0..requests).for_each(|_| greet(host));
}
