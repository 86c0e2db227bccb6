#!/usr/bin/env python3
"""Measures how long requests take when others want the processors too, and what is left of the host when too much is asked of it.

Knows which loads are put on which guest; must never know how a server is started or how a number should turn out.

- steady: a constant rate that keeps the host's processor busy for 70 % of the time, and the same for `wasmtime serve`.
- beside: one request after the other, alone and beside one guest per processor that computes for ever.
- overload: twice the rate that the host can do at most, for a guest that computes.

Whoever makes the requests has a processor to itself, and the servers have the others: else the kernel lets one wait for the other, and that
is what would be measured.
"""

import argparse
import contextlib
import json
import math
import os
import pathlib
import select
import signal
import statistics
import sys
import tempfile
import time

import arrivals
import sample
import servers
from figures import percentile, spread, times

PROCESSORS = sorted(os.sched_getaffinity(0))
SHARE = 0.7
CONNECTIONS = 32
# Below the share, to see how busy the server is at a known rate.
TRIAL_SHARE = 0.5
STEADY_CONNECTIONS = 128
TIMES_TOO_MUCH = 2
# As many as may run at once (the manifest below), and many more.
PEAK_CONNECTIONS = 4
OVERLOAD_CONNECTIONS = 640
# Scanning a mebibyte takes one to two milliseconds, all of it computing, and the answer is one byte.
COMPUTING = "/compute/scan?mib=1"


def main():
    """Runs what was asked for and prints one JSON object."""
    options = parse()
    if len(PROCESSORS) > 1 and not options.together:
        os.sched_setaffinity(0, {PROCESSORS[-1]})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parts = {"steady": steady, "beside": beside, "overload": overload}
    result = {"load_average": [os.getloadavg()[0]], "rounds": options.rounds, "processors_of_the_server": len(server_processors(options))}
    with tempfile.TemporaryDirectory(prefix="spell-latency-") as directory:
        for name in options.only or parts:
            result[name] = sample.with_others(parts[name], options, pathlib.Path(directory) / name)
    result["load_average"].append(os.getloadavg()[0])
    print(json.dumps(result, indent=2))


def parse():
    """What was typed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, choices=range(1, 101), default=3, metavar="N", help="rounds of each load [3]")
    parser.add_argument("--seconds", type=int, choices=range(1, 601), default=5, metavar="N", help="length of a round [5]")
    parser.add_argument("--requests", type=int, choices=range(100, 100_001), default=1_000, metavar="N",
                        help="requests made one after the other [1000]")
    parser.add_argument("--together", action="store_true", help="let servers and whoever makes the requests share all processors")
    parser.add_argument("--only", action="append", choices=["steady", "beside", "overload"], help="this part alone; may be repeated")
    return parser.parse_args()


def steady(options, directory):
    """A constant rate, in rounds that alternate between the servers. The native server gets the host's rate: it tells what the way of
    measuring adds by itself."""
    commands = {"spell": servers.spell("hello_p2.wasm"), "wasmtime serve": servers.wasmtime("hello_p2.wasm"), "native hyper": servers.native}
    with contextlib.ExitStack() as stack:
        running = {name: stack.enter_context(start(options, name, command, directory / str(index)))
                   for index, (name, command) in enumerate(commands.items())}
        capacity = {name: closed_loop(server, options) for name, server in running.items()}
        beside = {name: statistics.median(answered(arrivals.at_rate(server.port, "/", math.inf, options.seconds, CONNECTIONS))
                                          for _ in range(options.rounds)) for name, server in running.items()}
        rate = {name: at_share(server, TRIAL_SHARE * beside[name], options) for name, server in running.items()}
        rate["native hyper"] = rate["spell"]
        rounds, shares = {name: [] for name in running}, {name: [] for name in running}
        for number in range(1, options.rounds + 1):
            for name, server in running.items():
                say(f"steady: round {number} of {options.rounds}, {name} at {rate[name]:,.0f} requests/s")
                found, share = busy_at(server, rate[name], options)
                rounds[name].append(found)
                shares[name].append(share)
    return {name: {"capacity_by_wrk": spread(capacity[name]), "capacity": beside[name], "rate": rate[name],
                   "processors_used": spread(shares[name]), **shown_steady(rounds[name])} for name in running}


def at_share(server, trial_rate, options):
    """The rate that keeps the server's processors busy for the share: what a request costs at a rate is more than at full load, where one
    look at the network finds many."""
    say(f"steady: {server.name} at {trial_rate:,.0f} requests/s, to see what they cost")
    _, used = busy_at(server, trial_rate, options)
    return trial_rate * SHARE * len(server_processors(options)) / used


def busy_at(server, rate, options):
    """A round at a rate: what came of it, and how many processors the server used meanwhile."""
    ticks, began = sample.kernel_counts(server.pid)[0], time.monotonic()
    found = arrivals.at_rate(server.port, "/", rate, options.seconds, STEADY_CONNECTIONS)
    ticks = sample.kernel_counts(server.pid)[0] - ticks
    return found, ticks / sample.TICKS_PER_SECOND / (time.monotonic() - began)


def shown_steady(rounds):
    """What a server made of its rate. `late` is from when a request was due to when it was sent, `error_count` all that was not 200."""
    took = [found.times_us.get(200, [0.0]) for found in rounds]
    return {
        "answered_per_second": spread([answered(found) for found in rounds]),
        **times(took),
        "p99_by_p50": spread([percentile(values, 0.99) / max(1.0, percentile(values, 0.5)) for values in took]),
        "late_p50_us": spread([percentile(found.late_us, 0.5) for found in rounds]),
        "late_p99_us": spread([percentile(found.late_us, 0.99) for found in rounds]),
        "error_count": sum(failures(found) for found in rounds),
    }


def beside(options, directory):
    """One request after the other, on a connection of its own each round. The guests that compute for ever get their connections first:
    the host gives each to the worker with the fewest."""
    spinners = len(server_processors(options))
    quiet, busy, cores = [], [], []
    with start(options, "spell", mixed, directory) as server:
        one_after_other(server, options.requests)
        for number in range(1, options.rounds + 1):
            say(f"beside: round {number} of {options.rounds}")
            quiet.append(one_after_other(server, options.requests))
            # The host has seen by then that the connection is gone.
            time.sleep(0.5)
            with contextlib.ExitStack() as stack:
                spinning = [stack.enter_context(contextlib.closing(arrivals.connect(server.port))) for _ in range(spinners)]
                for line in spinning:
                    line.sendall(arrivals.request_for("/compute/spin"))
                ticks, began = sample.kernel_counts(server.pid)[0], time.monotonic()
                time.sleep(1)
                busy.append(one_after_other(server, options.requests))
                ticks = sample.kernel_counts(server.pid)[0] - ticks
                cores.append(ticks / sample.TICKS_PER_SECOND / (time.monotonic() - began))
                if select.select(spinning, [], [], 0)[0]:
                    raise servers.BenchError("a guest that was to compute all the while has ended")
            time.sleep(0.5)
    return {"spinners": spinners, "processors_used_by_spell": spread(cores),
            "quiet": times(quiet), "beside": times(busy),
            "p99_beside_by_quiet": spread([percentile(after, 0.99) / percentile(before, 0.99)
                                           for before, after in zip(quiet, busy, strict=True)])}


def overload(options, directory):
    """A rate that the host cannot do. What it answers with 200 meanwhile, by what it can do at most, is what it is still good for."""
    with start(options, "spell", mixed, directory) as server:
        peak = closed_loop(server, options, COMPUTING, PEAK_CONNECTIONS)
        most = statistics.median(peak)
        rounds = []
        for number in range(1, options.rounds + 1):
            say(f"overload: round {number} of {options.rounds}, at {TIMES_TOO_MUCH * most:,.0f} requests/s")
            rounds.append(arrivals.at_rate(server.port, COMPUTING, TIMES_TOO_MUCH * most, 2 * options.seconds, OVERLOAD_CONNECTIONS))
            time.sleep(1)
    statuses = sorted({status for found in rounds for status in found.times_us})
    return {
        "peak": spread(peak),
        "rate": TIMES_TOO_MUCH * most,
        "goodput": spread([answered(found) for found in rounds]),
        "goodput_by_peak": spread([answered(found) / most for found in rounds]),
        "answers": {status: {"count": sum(len(found.times_us.get(status, [])) for found in rounds),
                             **times([found.times_us[status] for found in rounds if status in found.times_us])}
                    for status in statuses},
        "late_p99_us": spread([percentile(found.late_us, 0.99) for found in rounds]),
        "broken": sum(found.broken for found in rounds),
        "unanswered": sum(found.unanswered for found in rounds),
    }


def start(options, name, command, directory):
    """Starts a server on the processors that are its own."""
    numbers = ",".join(str(number) for number in server_processors(options))
    return servers.start(name, lambda made: ["taskset", "--cpu-list", numbers, *command(made)], directory)


def server_processors(options):
    """The processors that servers run on."""
    return PROCESSORS if options.together or len(PROCESSORS) == 1 else PROCESSORS[:-1]


def closed_loop(server, options, path="/", connections=CONNECTIONS):
    """The most requests per second, a number for each round, after one that only warms up."""
    load = sample.Load(options.seconds, connections, 1)
    found = []
    for number in range(options.rounds + 1):
        say(f"{server.name}: {'warming up' if number == 0 else f'capacity, round {number} of {options.rounds}'}")
        result = sample.wrk(server, load, path)
        if result["refused"] or result["broken"]:
            raise servers.BenchError(f"{server.name} failed {result['refused'] + result['broken']} requests")
        found.append(result["requests"] / (result["duration_us"] / 1e6))
    return found[1:]


def one_after_other(server, count):
    """Microseconds to the first byte of each of so many requests on one connection."""
    with arrivals.Line(server.port) as line:
        answers = [line.ask("/hello/") for _ in range(count)]
    if any(status != 200 for status, _ in answers):
        raise servers.BenchError("a request was refused")
    return [took for _, took in answers]


def mixed(directory):
    """The command of a host with a guest that says hello and one that does what it is told to, the limits of which let it compute."""
    manifest = directory / "spin.toml"
    hello, tests = (json.dumps(str(servers.GUESTS / guest)) for guest in ("hello_p2.wasm", "tests_p2.wasm"))
    manifest.write_text(MANIFEST.format(hello=hello, tests=tests))
    return [servers.SPELL, "up", "-f", manifest, "--quiet", "--listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0",
            "--state-dir", directory / "state"]


def answered(found):
    """Requests answered with 200 in time, per second."""
    return found.in_time.get(200, 0) / found.seconds


def failures(found):
    """What was asked for and not answered with 200."""
    return found.broken + found.unanswered + sum(len(took) for status, took in found.times_us.items() if status != 200)


def say(text):
    """Progress, for whoever waits."""
    print(f"latency: {text}", file=sys.stderr, flush=True)


MANIFEST = """\
spin_manifest_version = 2

[application]
name = "latency"

[[trigger.http]]
route = "/hello/..."
component = "hello"

[component.hello]
source = {hello}

[[trigger.http]]
route = "/compute/..."
component = "compute"

[component.compute]
source = {tests}

[component.compute.tool.spell]
limits = {{ time = "60s", fuel = 1_000_000_000_000, concurrency = 4, queue = 4, queue_time = "3ms" }}
"""

if __name__ == "__main__":
    main()
