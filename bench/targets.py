"""What is aimed at, and what was reached: the table of targets.

Knows which numbers of the results belong to which target; must never know how one was measured.
"""

import statistics

import report
from report import NATIVE, P2, P3, PLATFORM, SERVE, SERVE_BEST, SERVE_REUSED, SPELL


def rows(results):
    """One row per target for what was measured; what was not says so. `results` is by name of the part."""
    return [row(number, measure, bound, values, form) for number, measure, bound, values, form in targets(results)]


def row(number, measure, bound, values, form):
    """A target's row: what was reached, and whether that is enough. Bounds read `≤ 3` or `≥ 3`."""
    sign, limit = bound.split()[0], float(bound.split()[1])
    if not values:
        return [number, measure, bound, "not measured", ""]
    middle = statistics.median(values)
    is_met = middle <= limit if sign == "≤" else middle >= limit
    return [number, measure, bound, report.spread(values, form), "yes" if is_met else "no"]


def targets(results):
    """Number, measure, bound, values, and how they are shown."""
    groups = (results.get("servers") or {}).get("groups", {})
    p2, p3 = groups.get(P2, {}), groups.get(P3, {})
    pieces, growth, latency = (results.get(name) or {} for name in ("pieces", "growth", "latency"))
    yield "T1", "CPU of a request ÷ `wasmtime serve`, WASI 0.2", "≤ 0.20", ratio(p2, SPELL, SERVE, "cpu_us"), "{:.2f}"
    yield "T2", "the same ÷ `wasmtime serve` with its best flags", "≤ 0.55", ratio(p2, SPELL, SERVE_BEST, "cpu_us"), "{:.2f}"
    yield "T3", "the same ÷ `wasmtime serve` that reuses instances 128 times", "≤ 1.15", ratio(p2, SPELL, SERVE_REUSED, "cpu_us"), "{:.2f}"
    yield "T4", "CPU of a request ÷ `wasmtime serve`, WASI 0.3, fresh instances", "≤ 0.25", ratio(p3, SPELL, SERVE, "cpu_us"), "{:.2f}"
    yield "T4", "the same ÷ `wasmtime serve` with its best flags", "≤ 0.60", ratio(p3, SPELL, SERVE_BEST, "cpu_us"), "{:.2f}"
    yield "T5", "the same ÷ `wasmtime serve` that reuses instances", "≤ 1.20", ratio(p3, SPELL, SERVE_REUSED, "cpu_us"), "{:.2f}"
    yield "T6", "requests/s ÷ native hyper, WASI 0.2", "≥ 0.42", ratio(p2, SPELL, NATIVE, "requests_per_second"), "{:.2f}"
    yield "T7", "requests/s ÷ native hyper, WASI 0.3 with reused instances", "≥ 0.60", [], ""
    yield "T8", "metering on ÷ off, hello", "≤ 1.05", numbers(pieces, "metered_to_unmetered", "hello_p2"), "{:.3f}"
    yield "T9", "metering on ÷ off, geometric mean of seven kernels", "≤ 1.45", numbers(pieces, "metered_to_unmetered", "kernels"), "{:.2f}"
    yield "T10", "system calls of a request, WASI 0.2", "≤ 3.5", numbers(p2.get(SPELL, {}), "system_calls"), "{:.1f}"
    yield "T11", "page faults of a request, WASI 0.2", "≤ 0.1", each(p2, SPELL, "page_faults"), "{:.2f}"
    yield "T12", "making an instance and dropping it, WASI 0.2, µs", "≤ 8", numbers(pieces, "microseconds", "instantiate/hello_p2"), "{:.1f}"
    yield "T13", "first byte of a component that was never loaded, p50, µs", "≤ 500", numbers(growth, "first_byte", "not_loaded", "p50_us"), "{:.0f}"
    yield "T14", "p99 ÷ p50 at 70 % load", "≤ 3", numbers(latency, "steady", "spell", "p99_by_p50"), "{:.1f}"
    yield "T15", "p99 of hello beside a spinning guest on each core, ms more than alone", "≤ 1", beside(latency), "{:.2f}"
    yield "T16", "memory of a registered idle component, KiB", "≤ 4", kib(growth, "registered"), "{:.1f}"
    yield "T17", "memory of a loaded idle component, KiB", "≤ 100", kib(growth, "loaded"), "{:.0f}"
    yield "T18", "durable writes/s of 256 writers ÷ one at a time", "≥ 50", numbers(results.get("key_value") or {}, "ratio"), "{:.0f}"
    yield "T19", "metrics and record of a request, µs", "≤ 0.5", numbers(pieces, "microseconds", "record"), "{:.2f}"
    yield "T20", "answers at twice the capacity ÷ peak", "≥ 0.9", numbers(latency, "overload", "goodput_by_peak"), "{:.2f}"
    yield "T20", "p99 of the requests refused meanwhile, ms", "≤ 5", refused(latency), "{:.1f}"
    casts = (results.get("casts") or {}).get("groups", {})
    for number, (title, group) in enumerate(casts.items(), start=21):
        yield f"T{number}", f"{title}: casts/s, each on disk twice, ÷ requests/s of `spell up`", "≥ 0.5", \
            ratio(group, PLATFORM, SPELL, "requests_per_second"), "{:.2f}"
    yield "T23", "processor time of a cast more than of the engine's call, µs", "≤ 150", numbers(results.get("platform_cast") or {}, "overhead_us"), "{:.0f}"


def refused(latency):
    """The slowest of the refusals there were, in milliseconds; nothing if there were others than for want of a place."""
    answers = (latency.get("overload") or {}).get("answers", {})
    if set(answers) - {"200", "429", "503"}:
        return []
    p99s = [numbers(found, "p99_us") for status, found in answers.items() if status != "200"]
    return [value / 1_000 for value in max(p99s, key=max, default=[])]


def numbers(result, *path):
    """What stands at the end of a path: a number, or the median and range of several; nothing if it was not measured."""
    for name in path:
        if not isinstance(result, dict) or result.get(name) is None:
            return []
        result = result[name]
    return [result["median"], result["lowest"], result["highest"]] if isinstance(result, dict) else [result]


def each(group, server, field):
    """One field of all rounds of a server."""
    return [entry[field] for entry in group[server]["rounds"]] if server in group else []


def ratio(group, server, reference, field):
    """The ratio of one field in each round."""
    return report.ratios(group[server], group[reference], field) if server in group and reference in group else []


def kib(growth, name):
    """Anonymous memory of a component in KiB: what the kernel cannot take back."""
    found = numbers(growth, name, "bytes_each", "anonymous") or numbers(growth, name, "each", "anonymous")
    return [value / 1024 for value in found]


def beside(latency):
    """How much later the slowest hundredth answers beside guests that compute for ever, in milliseconds."""
    quiet, busy = (numbers(latency, "beside", name, "p99_us") for name in ("quiet", "beside"))
    return [(after - before) / 1000 for after, before in zip(busy, quiet, strict=True)]
