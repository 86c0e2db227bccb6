"""Numbers to text: the tables, the facts of the machine, and their place in docs/performance.md.

Knows samples and markdown; must never know how anything was measured.
"""

import os
import pathlib
import platform
import statistics

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def section(title, results, references):
    """A title and a table with one row per server. `results` is a list of (name, samples, system calls per request or None)."""
    samples_of = {name: samples for name, samples, _ in results}
    head = ["server", "requests/s", "CPU µs/request", "page faults/request", "system calls/request", "p50", "p99"]
    head += [f"{what} ÷ {name}" for name in references for what in ("requests/s", "CPU")]
    rows = []
    for name, samples, calls in results:
        row = [
            name,
            spread([sample.requests_per_second for sample in samples], "{:,.0f}"),
            spread([sample.cpu_us for sample in samples], "{:.0f}"),
            f"{median(samples, 'page_faults'):.2f}",
            "not measured" if calls is None else f"{calls:.1f}",
            milliseconds(median(samples, "p50_us")),
            milliseconds(median(samples, "p99_us")),
        ]
        for reference in references:
            for field in ("requests_per_second", "cpu_us"):
                row.append("–" if name == reference else ratios(samples, samples_of[reference], field))
        rows.append(row)
    return f"### {title}\n\n{table(head, rows)}"


def ratios(samples, reference, field):
    """The ratio of one field in each round: its median and range."""
    pairs = zip(samples, reference, strict=True)
    return spread([getattr(ours, field) / getattr(theirs, field) for ours, theirs in pairs], "{:.2f}")


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


def write(document, text):
    """Puts text between the markers of a document."""
    before, begin, rest = document.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{document.name} lacks the markers {BEGIN} and {END}")
    document.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def spread(values, form):
    """The median, and the range in parentheses."""
    middle, low, high = (form.format(value) for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({low}–{high})"


def median(samples, field):
    """The median of one field of the samples."""
    return statistics.median(getattr(sample, field) for sample in samples)


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
