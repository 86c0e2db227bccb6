"""Servers under test: how each is started, found on its port, and stopped.

Knows processes and their command lines; must never know what is measured or how results are shown.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
GUESTS = REPOSITORY / "components/target/wasm32-wasip2/release"
NATIVE = REPOSITORY / "bench/target/release/bench-native"
WASMTIME = REPOSITORY / ".tools/bin/wasmtime"
SPELL = REPOSITORY / "target/release/spell"

# What makes a fresh instance cheapest in the engine: memory is reset in place, and only where the page map says that it was written.
BEST = ["-O", "pooling-memory-keep-resident=4194304,pooling-table-keep-resident=65536,pooling-async-stack-keep-resident=32768,"
              "pooling-pagemap-scan=y"]

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
# Read from each server's own output: it takes a free port itself, so no two can want the same one.
ADDRESS = re.compile(r"^Serving .*http://127\.0\.0\.1:(\d+)", re.MULTILINE)

FIRST_KEY = re.compile(r"^sk_\S+", re.MULTILINE)
CONTROL_ADDRESS = re.compile(r"^Control plane on http://127\.0\.0\.1:(\d+)", re.MULTILINE)


class BenchError(Exception):
    """The bench cannot go on, or a server did not do what it must."""


class Server:
    """A started server, stopped by `stop` or at the end of its `with`."""

    def __init__(self, name, command, directory, start_seconds_max=START_SECONDS_MAX):
        self.name = name
        self.start_seconds_max = start_seconds_max
        self.output = directory / "output"
        self.state = directory / "state"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=environment(), cwd=directory, start_new_session=True)
        try:
            self.port = self._wait_for_port()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self):
        """Process id of the server."""
        return self.process.pid

    def stop(self):
        """Asks the server and its children to end, then ends them."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS_MAX)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _wait_for_port(self):
        deadline = time.monotonic() + self.start_seconds_max
        while time.monotonic() < deadline:
            text = self.output.read_text(errors="replace")
            found = ADDRESS.search(text)
            if found:
                return int(found.group(1))
            if self.process.poll() is not None:
                raise BenchError(f"{self.name} ended with status {self.process.returncode}: {text[-2000:]}")
            time.sleep(0.05)
        raise BenchError(f"{self.name} did not listen within {self.start_seconds_max:.0f} s: {text[-2000:]}")


def start(name, make_command, directory):
    """Starts a server in a new directory of its own. `make_command` is told that directory."""
    directory.mkdir(parents=True)
    return Server(name, make_command(directory), directory)


def native(_directory):
    """The command of the server without WebAssembly."""
    return [NATIVE]


def wasmtime(guest, *flags):
    """The command of `wasmtime serve`. Rust's standard library imports `wasi:cli`, which it only links when asked to."""
    return lambda _directory: [WASMTIME, "serve", "-S", "cli", *flags, "--addr", "127.0.0.1:0", GUESTS / guest]


def spell(guest):
    """The command of the host, with metering, recording and the control plane on as always."""
    def command(directory):
        manifest = directory / "spin.toml"
        manifest.write_text(MANIFEST.format(source=json.dumps(str(GUESTS / guest))))
        return [SPELL, "up", "-f", manifest, "--quiet", "--listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0",
                "--state-dir", directory / "state"]
    return command


def spell_app(directory_of_app):
    """The command of the host for an app that is there."""
    return lambda directory: [SPELL, "up", "-f", directory_of_app, "--quiet", "--listen", "127.0.0.1:0",
                              "--control-listen", "127.0.0.1:0", "--state-dir", directory / "state"]


def platform(directory):
    """The command of the platform: each cast is on disk before it runs and before it is answered. One client sends all that it takes."""
    operator = directory / "spell.toml"
    operator.write_text("[rate]\nkey = 0\ntenant = 0\naddress = 0\n[quota]\nrunning = 100_000\ncasts_per_day = 1_000_000_000\n")
    return [SPELL, "serve", "--config", operator, "--listen", "127.0.0.1:0", "--state-dir", directory / "state"]


def first_key(server):
    """The key that a platform prints at its first start."""
    return FIRST_KEY.search(server.output.read_text(errors="replace")).group(0)


def control_port(server):
    """The port of a host's control plane."""
    return int(CONTROL_ADDRESS.search(server.output.read_text(errors="replace")).group(1))


def recorded(server):
    """What a stopped host has recorded: the document of `spell stats --json`."""
    command = [SPELL, "stats", "--state-dir", server.state, "--json"]
    return json.loads(subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE, timeout=60).stdout)


def version(command):
    """What a program tells of its version, without build settings and copyright."""
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    return (done.stdout.decode(errors="replace").splitlines() or ["?"])[0].partition(" [")[0].strip()


def environment():
    """A bare environment: neither backtraces, nor logs, nor anyone's settings change what is measured."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


MANIFEST = """\
spin_manifest_version = 2

[application]
name = "bench"

[[trigger.http]]
route = "/..."
component = "hello"

[component.hello]
source = {source}
"""
