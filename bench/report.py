"""Numbers to text: results kept as JSON, the tables, the facts of the machine, and their place in docs/performance.md.

Knows results and markdown; must never know how anything was measured.
"""

import json
import os
import pathlib
import platform
import statistics

from servers import REPOSITORY

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
DOCUMENT = REPOSITORY / "docs/performance.md"
RESULTS = REPOSITORY / "target/bench/results"

P2, P3 = "WASI 0.2", "WASI 0.3"
NATIVE, SPELL, PLATFORM = "native hyper", "spell", "spell serve"
SERVE, SERVE_BEST, SERVE_REUSED = "wasmtime serve", "wasmtime serve, best flags", "wasmtime serve, instances reused"


def save(name, result):
    """Keeps a result for the tables."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1))


def load(name):
    """A result that was kept, or None."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def section(title, servers):
    """A title and a table with one row per server."""
    head = ["server", "requests/s", "CPU µs/request", "page faults/request", "system calls/request", "p50", "p99"]
    rows = []
    for name, result in servers.items():
        rounds, calls = result["rounds"], result["system_calls"]
        rows.append([
            name,
            spread([entry["requests_per_second"] for entry in rounds], "{:,.0f}"),
            spread([entry["cpu_us"] for entry in rounds], "{:.1f}"),
            f"{median(rounds, 'page_faults'):.2f}",
            "not measured" if calls is None else f"{calls:.1f}",
            milliseconds(median(rounds, "p50_us")),
            milliseconds(median(rounds, "p99_us")),
        ])
    return f"### {title}\n\n{table(head, rows)}"


def ratios(ours, theirs, field):
    """The ratio of one field in each round."""
    return [mine[field] / other[field] for mine, other in zip(ours["rounds"], theirs["rounds"], strict=True)]


def facts(versions, command, load, rounds, busy):
    """What was measured on, with what, and how to do it again, as a list. `busy` is the load average before and after."""
    cpu = next((line.split(":", 1)[1].strip() for line in lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    memory_kib = next((int(line.split()[1]) for line in lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    uname = platform.uname()
    return "\n".join([
        f"- processor: {cpu}, {os.cpu_count()} logical; memory: {memory_kib / (1 << 20):.1f} GiB",
        f"- kernel: {uname.system} {uname.release} {uname.machine}",
        f"- versions: {'; '.join(versions)}",
        f"- load: {rounds} rounds of {load.seconds} s per server, `wrk -t{load.threads} -c{load.connections}`",
        f"- load average of the machine: {busy[0]:.1f} before and {busy[1]:.1f} at the end, the bench included",
        f"- command: `{command}`",
    ])


def write(text):
    """Puts text between the markers of the document."""
    before, begin, rest = DOCUMENT.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{DOCUMENT.name} lacks the markers {BEGIN} and {END}")
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def spread(values, form):
    """The median, and the range in parentheses."""
    middle, low, high = (form.format(value) for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({low}–{high})"


def median(rounds, field):
    """The median of one field of the rounds."""
    return statistics.median(entry[field] for entry in rounds)


def milliseconds(microseconds):
    """Microseconds as text in milliseconds."""
    return f"{microseconds / 1_000:.2f} ms"


def table(head, rows):
    """A markdown table; all columns but the first are numbers."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def lines(path):
    """The lines of a small file of the kernel."""
    return pathlib.Path(path).read_text().splitlines()
