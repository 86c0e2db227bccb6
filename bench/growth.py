#!/usr/bin/env python3
"""Measures what it costs to have many components: to start with them, to keep them, to load them, and to be asked for all of them.

Knows how many components a host has and how many of them it may keep loaded; must never know how either is done.

The app and its compiled code stay in `target/bench/growth`, so only the first run compiles. Of the components asked for with `--components`,
a tenth is "some" and a hundredth "few".
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import sys
import threading
import time
from concurrent import futures

import arrivals
import sample
import servers
from figures import spread, spread_of_each, times

DIRECTORY = servers.REPOSITORY / "target/bench/growth"
GUEST = servers.GUESTS / "hello_p2.wasm"
SCRIPT = sample.SCRIPT.with_name("churn.lua")
COMPONENTS_MAX = 10_000
START_SECONDS_MAX = 3_600.0
SETTLE_SECONDS = 5.0
# The library notes uses by the second: what was asked for in another second than the rest is known to be older, or newer.
CLOCK_SECONDS = 1.2
CONNECTIONS = 32
LOADED = re.compile(r"^spell_components_loaded (\S+)$", re.MULTILINE)


def main():
    """Runs what was asked for and prints one JSON object."""
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.cold:
        shutil.rmtree(DIRECTORY / "state", ignore_errors=True)
    write_components(options.components)
    result = {"components": options.components, "rounds": options.rounds, "load_average": [os.getloadavg()[0]]}
    result["cold_start"] = sample.with_others(cold_start, options)
    parts = {"registered": registered, "loaded": loaded, "first_byte": first_byte, "churn": churn}
    for name in options.only or parts:
        result[name] = sample.with_others(parts[name], options)
    result["load_average"].append(os.getloadavg()[0])
    print(json.dumps(result, indent=2))
    if "churn" in result and (result["churn"]["error_count"] or result["churn"]["seen"]["loaded"] > result["churn"]["loaded_max"]):
        sys.exit("growth: FAILED: requests failed, or more components were loaded than may be")


def parse():
    """What was typed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--components", type=int, choices=range(200, COMPONENTS_MAX + 1), default=COMPONENTS_MAX, metavar="N",
                        help=f"components of the app, 200 to {COMPONENTS_MAX} [{COMPONENTS_MAX}]")
    parser.add_argument("--rounds", type=int, choices=range(1, 101), default=3, metavar="N", help="rounds of each measurement [3]")
    parser.add_argument("--seconds", type=int, choices=range(1, 601), default=10, metavar="N", help="length of a round of load [10]")
    parser.add_argument("--cold", action="store_true", help="throw the compiled code away first")
    parser.add_argument("--only", action="append", choices=["registered", "loaded", "first_byte", "churn"],
                        help="this part alone; may be repeated")
    return parser.parse_args()


def write_components(count):
    """Writes components that say hello, unlike every other: each ends with a custom section that nobody reads."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    guest, written_at = GUEST.read_bytes(), GUEST.stat().st_mtime
    for number in range(count):
        path = DIRECTORY / f"{number}.wasm"
        if not path.exists() or path.stat().st_mtime < written_at:
            # Section 0, its length, a name of one byte, the number.
            path.write_bytes(guest + bytes([0, 6, 1]) + b"n" + number.to_bytes(4, "little"))


@contextlib.contextmanager
def host(registered_count, loaded_max):
    """A host of the first so many components. Gives the server and the seconds until it listened."""
    components = "".join(COMPONENT.format(number=number) for number in range(registered_count))
    manifest, operator = DIRECTORY / "spin.toml", DIRECTORY / "operator.toml"
    manifest.write_text(APPLICATION + components)
    operator.write_text(f"[host]\nloaded = {loaded_max}\n")
    command = [servers.SPELL, "up", "-f", manifest, "--config", operator, "--quiet", "--listen", "127.0.0.1:0",
               "--control-listen", "127.0.0.1:0", "--state-dir", DIRECTORY / "state"]
    name = f"{registered_count} components, {loaded_max} loaded"
    began, ended = time.monotonic(), threading.Event()
    threading.Thread(target=tell, args=(registered_count, ended), daemon=True).start()
    try:
        with servers.Server(name, command, DIRECTORY, START_SECONDS_MAX) as server:
            yield server, time.monotonic() - began
    finally:
        ended.set()


def tell(count, ended):
    """Tells every ten seconds how much was compiled, for as long as something is."""
    while compiled() < count and not ended.wait(10):
        say(f"{compiled()} of {count} compiled")


def compiled():
    """How many components have compiled code on disk."""
    with contextlib.suppress(FileNotFoundError):
        return sum(entry.name.endswith(".cwasm") for entry in os.scandir(DIRECTORY / "state/code"))
    return 0


def cold_start(options):
    """Compiles what has no code yet. The seconds are null if some had: then they would tell nothing."""
    before = compiled()
    with host(options.components, options.components // 10) as (server, seconds):
        say(f"{server.name}: started in {seconds:.1f} s, {before} of them compiled before")
        return {"compiled_before": before, "seconds": round(seconds, 2) if before == 0 else None,
                "processor_seconds": round(sample.kernel_counts(server.pid)[0] / sample.TICKS_PER_SECOND, 2)}


def registered(options):
    """Memory of a registered component that is not loaded: of a host of many, less that of a host of few, by the difference."""
    few = options.components // 100
    each, starts, used = [], [], []
    for number in range(options.rounds):
        say(f"registered: round {number + 1} of {options.rounds}")
        with host(few, 1) as (server, _):
            small = settled(server)
        with host(options.components, 1) as (server, seconds):
            large = settled(server)
            starts.append(seconds)
            used.append({**large, **sample.holdings(server.pid)})
        each.append({kind: (large[kind] - small[kind]) / (options.components - few) for kind in large})
    return {"bytes_each": spread_of_each(each), "warm_start_seconds": spread(starts), "host": spread_of_each(used)}


def loaded(options):
    """What a loaded component takes beyond a registered one, after all were asked once: of a host that keeps all, less one that keeps one."""
    some = options.components // 10
    each, used = [], []
    for number in range(options.rounds):
        say(f"loaded: round {number + 1} of {options.rounds}")
        found = {}
        for loaded_max in (1, some):
            with host(some, loaded_max) as (server, _):
                ask(server, range(some))
                found[loaded_max] = {**settled(server), **sample.holdings(server.pid)}
                if gauge(server) != loaded_max:
                    raise servers.BenchError(f"{server.name}: {gauge(server)} are loaded")
        used.append(found[some])
        each.append({kind: (found[some][kind] - found[1][kind]) / (some - 1) for kind in found[1]})
    return {"each": spread_of_each(each), "host": spread_of_each(used)}


def first_byte(options):
    """Time from a request to the first byte of its answer, of components that are not loaded, and of the same ones now that they are."""
    loaded_max, asked = options.components // 100, options.components // 20
    absent, present = [], []
    with host(options.components, loaded_max) as (server, _):
        for number in range(options.rounds):
            say(f"first byte: round {number + 1} of {options.rounds}")
            # Others take all the places first.
            ask(server, range(options.components - loaded_max, options.components))
            time.sleep(CLOCK_SECONDS)
            absent.append(ask(server, range(asked)))
            # Half the places: what was asked for last is there still.
            present.append(ask(server, list(range(asked - loaded_max // 2, asked)) * 10))
    return {"not_loaded": times(absent), "loaded": times(present)}


def churn(options):
    """Load on all components by chance, of which a tenth is loaded."""
    loaded_max = options.components // 10
    load = sample.Load(options.seconds, CONNECTIONS, 1)
    watched, results = [], []
    with host(options.components, loaded_max) as (server, _), futures.ThreadPoolExecutor(1) as pool:
        for number in range(options.rounds):
            say(f"churn: round {number + 1} of {options.rounds}")
            loading = pool.submit(sample.wrk, server, load, script=SCRIPT, arguments=[str(options.components)])
            # Twice only: what /metrics costs must not become the load.
            for _ in range(2):
                time.sleep(options.seconds / 3)
                watched.append(look(server))
            results.append(loading.result())
            watched.append(look(server))
    return {
        "requests_per_second": spread([result["requests"] / (result["duration_us"] / 1e6) for result in results]),
        "error_count": sum(result["refused"] + result["broken"] for result in results),
        **{f"p{share}_us": spread([result[f"p{share}_us"] for result in results]) for share in (50, 99)},
        "loaded_max": loaded_max,
        "private_after_each_round": [entry["private"] for entry in watched[2::3]],
        "seen": {kind: max(entry[kind] for entry in watched) for kind in watched[-1]},
    }


def look(server):
    """What a host holds now."""
    return {**sample.memory(server.pid), **sample.holdings(server.pid), "loaded": gauge(server)}


def ask(server, numbers):
    """Asks for components one after the other on one connection. Gives the microseconds to the first byte of each answer."""
    with arrivals.Line(server.port) as line:
        answers = [(number, *line.ask(f"/{number}/")) for number in numbers]
    refused = [f"{number}: {status}" for number, status, _ in answers if status != 200]
    if refused:
        raise servers.BenchError(f"{server.name} refused {len(refused)} requests: {', '.join(refused[:10])}")
    return [took for _, _, took in answers]


def gauge(server):
    """How many components are loaded, as the control plane tells."""
    connection = http.client.HTTPConnection("127.0.0.1", servers.control_port(server), timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", "/metrics")
        return int(float(LOADED.search(connection.getresponse().read().decode()).group(1)))


def settled(server):
    """Memory, once whatever a start has left behind was given back."""
    time.sleep(SETTLE_SECONDS)
    return sample.memory(server.pid)


def say(text):
    """Progress, for whoever waits."""
    print(f"growth: {text}", file=sys.stderr, flush=True)


# As short as can be: a manifest has at most a mebibyte.
APPLICATION = """\
spin_manifest_version = 2
[application]
name = "growth"
"""
COMPONENT = """\
[[trigger.http]]
route = "/{number}/..."
component = "c{number}"
[component.c{number}]
source = "{number}.wasm"
"""

if __name__ == "__main__":
    main()
