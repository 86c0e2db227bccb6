#!/usr/bin/env python3
"""Measures the host against its public peers, in interleaved rounds, and checks that it records every request.

Knows which servers are compared and in what order; must never know how a server is started or a number is taken.
"""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import shlex
import signal
import sys
import tempfile

import report
import sample
import servers
from report import NATIVE, P2, P3, SERVE, SERVE_BEST, SERVE_REUSED, SPELL
from servers import BenchError

EXACT_REQUESTS = 2_000
TRACED_SECONDS = 2


@dataclasses.dataclass(frozen=True)
class Group:
    """Servers that answer with the same guest."""

    title: str
    guest: str
    servers: dict


FRESH = ["--max-instance-reuse-count", "1"]
REUSED = ["--max-instance-reuse-count", "128"]
GROUPS = [
    Group(P2, "hello_p2.wasm", {
        NATIVE: servers.native,
        SERVE: servers.wasmtime("hello_p2.wasm"),
        SERVE_BEST: servers.wasmtime("hello_p2.wasm", *servers.BEST),
        SERVE_REUSED: servers.wasmtime("hello_p2.wasm", *REUSED),
        SPELL: servers.spell("hello_p2.wasm"),
    }),
    Group(P3, "hello_p3.wasm", {
        SERVE_REUSED: servers.wasmtime("hello_p3.wasm"),
        SERVE: servers.wasmtime("hello_p3.wasm", *FRESH),
        SERVE_BEST: servers.wasmtime("hello_p3.wasm", *FRESH, *servers.BEST),
        SPELL: servers.spell("hello_p3.wasm"),
    }),
]


def main():
    """Runs everything; the exit status tells whether the host did all that it must."""
    options = parser("Measures the host against its public peers.", connections=32).parse_args()
    # Servers are ended by their `with`, which a signal alone would skip.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    load = sample.Load(options.seconds, options.connections, options.threads)
    busy = os.getloadavg()[0]
    failures = []
    try:
        require(servers.NATIVE, servers.WASMTIME, servers.SPELL, *(servers.GUESTS / group.guest for group in GROUPS))
        with tempfile.TemporaryDirectory(prefix="spell-bench-") as directory:
            directory = pathlib.Path(directory)
            results = {group.title: measure(group, load, options, directory / str(index), failures) for index, group in enumerate(GROUPS)}
            for group in GROUPS:
                check_exact(group, directory / f"exact-{group.guest}", failures)
    except BenchError as error:
        failures.append(str(error))
        results = {}
    if results and not failures:
        facts = report.facts(versions(), shown_command("servers"), load, options.rounds, (busy, os.getloadavg()[0]))
        report.save("servers", {"facts": facts, "groups": results})
    for failure in failures:
        print(f"bench: FAILED: {failure}", file=sys.stderr)
    return 1 if failures else 0


def parser(description, connections):
    """The options of a part that loads servers in rounds, with so many connections unless somebody says otherwise."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=bounded(1, 100), default=5, help="rounds per server [5]")
    parser.add_argument("--seconds", type=bounded(1, 600), default=5, help="length of a round [5]")
    parser.add_argument("--warm-up", type=bounded(1, 60), default=2, help="seconds of load before the first round [2]")
    parser.add_argument("--connections", type=bounded(1, 4_096), default=connections, help=f"connections kept open [{connections}]")
    parser.add_argument("--threads", type=bounded(1, 64), default=1, help="threads of the load generator [1]")
    return parser


def bounded(low, high):
    """A whole number within bounds, as an argument's type."""
    def number(text):
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be {low} to {high}")
        return value
    return number


def measure(group, load, options, directory, failures):
    """Measures one group and returns, for each server, its rounds and its system calls per request."""
    with contextlib.ExitStack() as stack:
        running = {}
        for index, (name, command) in enumerate(group.servers.items()):
            running[name] = stack.enter_context(servers.start(name, command, directory / str(index)))
        served = dict.fromkeys(running, 0)
        for name, server in running.items():
            say(f"{group.title}: warming up {name}")
            sample.ask(server.port, 1)
            served[name] += 1 + sample.take(server, dataclasses.replace(load, seconds=options.warm_up)).requests
        samples = {name: [] for name in running}
        for number in range(1, options.rounds + 1):
            say(f"{group.title}: round {number} of {options.rounds}")
            for name, server in running.items():
                samples[name].append(sample.take(server, load))
                served[name] += samples[name][-1].requests
        calls = {}
        for name, server in running.items():
            say(f"{group.title}: counting the system calls of {name}")
            calls[name], requests = sample.system_calls(server, dataclasses.replace(load, seconds=TRACED_SECONDS))
            served[name] += requests
    check(group, samples, running[SPELL], served[SPELL], (options.rounds + 2) * load.connections, failures)
    return {name: {"rounds": [dataclasses.asdict(entry) for entry in samples[name]], "system_calls": calls[name]} for name in running}


def check(group, samples, spell, served, cut_off_max, failures):
    """Every answer must be a good one, and the host must know of each: counted or dropped, none lost.

    At the end of a run the load generator hangs up on what it is waiting for. The host has those requests on record
    although nobody counted their answers: at most one per connection and run.
    """
    for name, rounds in samples.items():
        bad = sum(entry.refused + entry.broken for entry in rounds)
        if bad:
            failures.append(f"{group.title}: {name} failed {bad} requests")
    stats = servers.recorded(spell)
    known = stats["count"] + stats["dropped"]
    say(f"{group.title}: {served} answers counted, {stats['count']} requests recorded and {stats['dropped']} dropped")
    if not served <= known <= served + cut_off_max:
        failures.append(f"{group.title}: {known} requests are on record, but {served} to {served + cut_off_max} were served")


def check_exact(group, directory, failures):
    """A client that waits for every answer must find exactly as many requests on record as it made."""
    with servers.start(SPELL, group.servers[SPELL], directory) as server:
        sample.ask(server.port, EXACT_REQUESTS)
    stats = servers.recorded(server)
    if stats["count"] + stats["dropped"] != EXACT_REQUESTS:
        failures.append(f"{group.title}: {EXACT_REQUESTS} requests were made, but {stats['count']} recorded and {stats['dropped']} dropped")


def require(*files):
    """Fails with all the files that are missing."""
    missing = [str(file.relative_to(servers.REPOSITORY)) for file in files if not file.exists()]
    if missing:
        raise BenchError(f"missing: {', '.join(missing)}; `make bench` builds everything")


COMPARED = ((servers.SPELL, "--version"), (servers.WASMTIME, "--version"), ("wrk", "-v"))


def versions(programs=COMPARED):
    """What was compared: programs, each with the flag by which it tells its version."""
    return [servers.version([program, flag]) for program, flag in programs]


def shown_command(part):
    """How to run the same again."""
    return shlex.join(["bench/run.sh", part, *sys.argv[1:]])


def say(text):
    """Progress, for whoever waits."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
