"""Load on a server, and what the kernel counted for it meanwhile.

Knows the load generator and /proc; must never know which server it is measuring or how results are shown.
"""

import dataclasses
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from servers import BenchError, environment

BODY = b"Hello, world!"
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
TRACE_START_SECONDS = 1.0
TRACE_STOP_SECONDS_MAX = 30.0
SCRIPT = pathlib.Path(__file__).resolve().with_name("wrk.lua")


@dataclasses.dataclass(frozen=True)
class Load:
    """How a server is loaded."""

    seconds: int
    connections: int
    threads: int


@dataclasses.dataclass(frozen=True)
class Sample:
    """One round on one server."""

    requests: int
    refused: int
    broken: int
    requests_per_second: float
    cpu_us: float
    page_faults: float
    p50_us: int
    p99_us: int


def ask(port, count):
    """Sends requests one after the other on one connection, and checks each answer to the byte."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        for _ in range(count):
            connection.request("GET", "/")
            answer = connection.getresponse()
            body = answer.read()
            if (answer.status, body, answer.getheader("content-length")) != (200, BODY, str(len(BODY))):
                raise BenchError(f"port {port} answered {answer.status} with {body[:200]!r}")
    finally:
        connection.close()


def take(server, load, **how):
    """Loads a server for a round and returns its sample; CPU time and page faults are per request. `how` is what `wrk` takes."""
    before = kernel_counts(server.pid)
    result = wrk(server, load, **how)
    after = kernel_counts(server.pid)
    requests = result["requests"]
    if requests == 0:
        raise BenchError(f"{server.name} answered no request")
    return Sample(
        requests=requests,
        refused=result["refused"],
        broken=result["broken"],
        requests_per_second=requests / (result["duration_us"] / 1e6),
        cpu_us=(after[0] - before[0]) * 1e6 / TICKS_PER_SECOND / requests,
        page_faults=(after[1] - before[1]) / requests,
        p50_us=result["p50_us"],
        p99_us=result["p99_us"],
    )


def system_calls(server, load):
    """Loads a server under strace. Returns system calls per request and the requests made; (None, 0) without strace."""
    if shutil.which("strace") is None:
        return None, 0
    report = server.output.with_name("strace")
    trace = subprocess.Popen(
        ["strace", "-c", "-U", "calls,name", "-f", "-o", report, "-p", str(server.pid)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(), start_new_session=True)
    try:
        time.sleep(TRACE_START_SECONDS)
        if trace.poll() is not None:
            return None, 0
        requests = wrk(server, load)["requests"]
        trace.send_signal(signal.SIGINT)
        trace.wait(TRACE_STOP_SECONDS_MAX)
    finally:
        if trace.poll() is None:
            trace.kill()
            trace.wait()
    # One line per system call: how often, and its name.
    rows = re.findall(r"^\s*(\d+)\s+(?!total$)\w+$", report.read_text(), re.MULTILINE)
    calls = sum(int(count) for count in rows) / requests if rows and requests else None
    return calls, requests


def wrk(server, load, path="/", script=SCRIPT, arguments=()):
    """Runs the load generator once and returns what its script printed."""
    command = ["wrk", f"-t{load.threads}", f"-c{load.connections}", f"-d{load.seconds}s", "-s", script,
               f"http://127.0.0.1:{server.port}{path}", *arguments]
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=load.seconds + 60, check=False)
    text = done.stdout.decode(errors="replace")
    line = next((line for line in text.splitlines() if line.startswith("{")), None)
    if done.returncode != 0 or line is None:
        raise BenchError(f"wrk failed on {server.name}: {text[-2000:]}")
    return json.loads(line)


def kernel_counts(pid):
    """CPU ticks and minor page faults of a process and all its children, living and waited for."""
    ticks = faults = 0
    for member in family(pid):
        try:
            stat = pathlib.Path(f"/proc/{member}/stat").read_text()
        except FileNotFoundError:
            continue
        # The name in parentheses may hold spaces; fields are counted from after it, the state being the third.
        fields = stat.rpartition(")")[2].split()
        minflt, cminflt = int(fields[7]), int(fields[8])
        utime, stime, cutime, cstime = (int(field) for field in fields[11:15])
        ticks += utime + stime + cutime + cstime
        faults += minflt + cminflt
    return ticks, faults


def with_others(measure, *arguments):
    """Takes a measurement, and adds to its results how many processors were used meanwhile by programs that have no part in it."""
    began, before = time.monotonic(), _used_by_others()
    result = measure(*arguments)
    result["processors_used_by_others"] = round((_used_by_others() - before) / (time.monotonic() - began), 3)
    return result


def _used_by_others():
    """Seconds of processors used by all programs but this one and its children that have ended."""
    user, nice, system, _, _, interrupts, soft_interrupts, *_ = (int(field) for field in pathlib.Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + interrupts + soft_interrupts) / TICKS_PER_SECOND - sum(os.times()[:4])


def memory(pid):
    """Bytes of memory of a process by kind, as the kernel adds them up: each page that it alone has is private."""
    rows = re.findall(r"^(\w+):\s+(\d+) kB$", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    bytes_of = {name: int(kib) * 1024 for name, kib in rows}
    private = bytes_of["Private_Clean"] + bytes_of["Private_Dirty"]
    return {"private": private, "anonymous": bytes_of["Anonymous"], "pss": bytes_of["Pss"], "rss": bytes_of["Rss"]}


def holdings(pid):
    """How many mappings, descriptors and threads a process has."""
    mappings = pathlib.Path(f"/proc/{pid}/maps").read_bytes().count(b"\n")
    return {"mappings": mappings, "descriptors": len(os.listdir(f"/proc/{pid}/fd")), "threads": len(os.listdir(f"/proc/{pid}/task"))}


def family(pid):
    """A process and its living descendants."""
    found, waiting = [], [pid]
    while waiting:
        member = waiting.pop()
        found.append(member)
        for children in pathlib.Path(f"/proc/{member}/task").glob("*/children"):
            try:
                waiting.extend(int(child) for child in children.read_text().split())
            except FileNotFoundError:
                continue
    return found
