"""What the pieces of a request take, and what metering costs, as one JSON object: read from what `cargo bench` left in target/criterion.

Knows criterion's files; must never run anything.
"""

import json
import pathlib
import statistics
import sys

CRITERION = pathlib.Path(__file__).resolve().parent.parent / "target/criterion"


def medians(criterion):
    """The median time of each benchmark, in nanoseconds, by its name."""
    times = {}
    for path in criterion.glob("*/new/benchmark.json"):
        estimates = json.loads(path.with_name("estimates.json").read_text())
        times[json.loads(path.read_text())["full_id"]] = estimates["median"]["point_estimate"]
    return times


def pieces(times):
    """The numbers to look at."""
    kernels = sorted({name.split("/")[1] for name in times if name.startswith("kernel/")})
    of_kernels = {kernel: times[f"kernel/{kernel}/metered"] / times[f"kernel/{kernel}/unmetered"] for kernel in kernels}
    guests = ("hello_p2", "hello_p3")
    return {
        "microseconds": {name: round(time / 1e3, 3) for name, time in sorted(times.items())},
        "metered_to_unmetered": {
            **{guest: round(times[f"request/{guest}"] / times[f"request/{guest}/unmetered"], 3) for guest in guests},
            "kernels": round(statistics.geometric_mean(of_kernels.values()), 3),
            **{f"kernel/{kernel}": round(ratio, 3) for kernel, ratio in of_kernels.items()},
        },
    }


def main():
    times = medians(CRITERION)
    try:
        print(json.dumps(pieces(times), indent=1))
    except (KeyError, statistics.StatisticsError):
        sys.exit("pieces: run `cargo bench --workspace` first")


main()
