#!/usr/bin/env python3
"""Measures casts against plain requests to the same programs: a cast is on disk before it runs and before it is answered.

Knows how a program is uploaded, cast and served; must never know how a number is taken.
"""

import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import urllib.parse

import compare
import report
import sample
import servers
from report import PLATFORM, SPELL
from servers import BenchError

PROGRAMS_DIRECTORY = servers.REPOSITORY / "components/target/abi"
PROGRAMS = {"A spell in Rust": "c-string-rust-processed.wasm", "A spell in AssemblyScript": "assemblyscript-default-processed.wasm"}
INPUT, OUTPUT = "Hello WASM!", "Processed: Hello WASM!"
CAST, POST = (pathlib.Path(__file__).resolve().with_name(name) for name in ("cast.lua", "post.lua"))
# On the disk that holds the build, which temporary directories often are not.
DISK = servers.REPOSITORY / "target/bench"


def main():
    """Runs everything; the exit status tells whether each cast that was answered is on record."""
    parser = compare.parser("Measures casts against plain requests to the same programs.", connections=64)
    options = parser.parse_args()
    # Servers are ended by their `with`, which a signal alone would skip.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    load = sample.Load(options.seconds, options.connections, options.threads)
    busy = os.getloadavg()[0]
    DISK.mkdir(parents=True, exist_ok=True)
    try:
        compare.require(servers.SPELL, *(PROGRAMS_DIRECTORY / program for program in PROGRAMS.values()))
        with tempfile.TemporaryDirectory(prefix="casts-", dir=DISK) as directory:
            groups = {title: measure(title, PROGRAMS_DIRECTORY / program, load, options, pathlib.Path(directory) / program)
                      for title, program in PROGRAMS.items()}
    except BenchError as error:
        print(f"bench: FAILED: {error}", file=sys.stderr)
        return 1
    versions = compare.versions(((servers.SPELL, "--version"), ("wrk", "-v")))
    facts = report.facts(versions, compare.shown_command("casts"), load, options.rounds, (busy, os.getloadavg()[0]))
    report.save("casts", {"facts": facts, "groups": groups})
    return 0


def measure(title, program, load, options, directory):
    """Measures one program as an app and as a spell, in rounds that alternate, and returns the rounds of both."""
    app = directory / "app"
    run([servers.SPELL, "export", program, "-o", app])
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(servers.start(SPELL, servers.spell_app(app), directory / "plain"))
        platform = stack.enter_context(servers.start(PLATFORM, servers.platform, directory / "platform"))
        key = servers.first_key(platform)
        address = ["--server", f"http://127.0.0.1:{platform.port}", "--key", key]
        run([servers.SPELL, "push", program, "--spell", "processed", *address])
        check(plain, "/", {}, INPUT, lambda body: body == OUTPUT)
        cast = {"Authorization": f"Bearer {key}", "Idempotency-Key": "check", "Content-Type": "application/json"}
        asked = json.dumps({"spell_key": "processed", "input": INPUT})
        check(platform, "/api/v1/cast", cast, asked, lambda body: json.loads(body)["output"] == OUTPUT)
        rounds = {PLATFORM: [], SPELL: []}
        for number in range(options.rounds + 1):
            compare.say(f"{title}: {f'round {number} of {options.rounds}' if number else 'warming up'}")
            of_round = load if number else dataclasses.replace(load, seconds=options.warm_up)
            rounds[PLATFORM].append(sample.take(platform, of_round, script=CAST, arguments=[key, "processed", f"round-{number}"]))
            rounds[SPELL].append(sample.take(plain, of_round, script=POST))
    for name, entries in rounds.items():
        bad = sum(entry.refused + entry.broken for entry in entries)
        if bad:
            raise BenchError(f"{title}: {name} failed {bad} requests")
    check_kept(platform, 1 + sum(entry.requests for entry in rounds[PLATFORM]))
    return {name: {"rounds": [dataclasses.asdict(entry) for entry in entries[1:]], "system_calls": None} for name, entries in rounds.items()}


def run(command):
    """Runs a command of the host to its end."""
    done = subprocess.run(command, env=servers.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    if done.returncode != 0:
        raise BenchError(f"{command[1]} ended with status {done.returncode}: {done.stdout.decode(errors='replace')[-2000:]}")


def check(server, path, headers, body, is_right):
    """Sends one request, and sees that its answer is right before any is counted."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    if answer.status not in (200, 201) or not is_right(text):
        raise BenchError(f"{server.name} answered {answer.status} with {text[:200]!r}")


def check_kept(server, answered):
    """What was answered is on record, now that the host has ended."""
    path = urllib.parse.quote(str(server.state / "spell.db"))
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        kept = database.execute("SELECT count(*) FROM casts WHERE state = 'completed'").fetchone()[0]
    compare.say(f"{answered} casts answered, {kept} on record")
    if kept < answered:
        raise BenchError(f"{answered} casts were answered, but {kept} are on record")


if __name__ == "__main__":
    sys.exit(main())
