"""Requests that come when they are due, and requests made one after the other, with the time that each took.

Knows sockets, HTTP/1.1 answers and clocks; must never know which server it is talking to or what its times are good for.

wrk waits for an answer before it asks again, so a slow server is asked less. h2load sends at a rate, but only looks at the clock a hundred
times a second, and so in bursts. Here every request has a time at which it is due, however the ones before it fare, and its time is taken
from then.
"""

import collections
import dataclasses
import gc
import math
import os
import select
import socket
import time

from servers import BenchError

HEAD_END = b"\r\n\r\n"
# As all these servers write it.
LENGTH = b"\r\ncontent-length: "
CHUNKS_END = b"0\r\n\r\n"
READ_BYTES = 1 << 17
ANSWER_SECONDS_MAX = 60.0
# What is still under way when no more requests are due has this long to end.
REST_SECONDS_MAX = 5.0


@dataclasses.dataclass
class Arrivals:
    """What came of requests that were due at a constant rate."""

    seconds: float
    # For each status: microseconds from when the request was due to the end of its answer.
    times_us: dict
    # The same for those that were answered before the last request was due.
    in_time: dict
    # Microseconds from when a request was due to when it was sent: the delay is this program's, or no connection was free.
    late_us: list
    broken: int
    unanswered: int


class Line:
    """A kept connection on which requests are made one after the other."""

    def __init__(self, port):
        self.socket = connect(port)
        self.socket.settimeout(ANSWER_SECONDS_MAX)

    def ask(self, path):
        """Makes a request. Returns its status and the microseconds from sending it to the first byte of the answer."""
        request = request_for(path)
        sent = time.perf_counter()
        self.socket.sendall(request)
        answer = self.socket.recv(READ_BYTES)
        took = time.perf_counter() - sent
        while answer and not is_whole(answer):
            more = self.socket.recv(READ_BYTES)
            if not more:
                break
            answer += more
        if not is_whole(answer):
            raise BenchError(f"{path} was not answered: {answer[:200]!r}")
        return status_of(answer), took * 1e6

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class OpenLoop:
    """Connections that take the requests as they fall due; one that is due while none is free waits, and its time runs."""

    def __init__(self, port, path, connections):
        self.port, self.request = port, request_for(path)
        self.poller = select.epoll()
        self.sockets, self.parts = {}, {}
        self.free, self.due_of = collections.deque(), {}
        for _ in range(connections):
            self._open()

    def run(self, rate, seconds):
        """Makes requests at a rate for a time, and waits for the answers; at an infinite one, whenever a connection is free."""
        result = Arrivals(seconds, {}, {}, [], 0, 0)
        count, sent = math.inf if rate == math.inf else int(rate * seconds), 0
        gc.collect()
        gc.disable()
        try:
            start = time.perf_counter()
            end = start + seconds
            while sent < count or self.due_of:
                now = time.perf_counter()
                if count == math.inf and now >= end:
                    count = sent
                while sent < count and self.free and (due := start + sent / rate) <= now:
                    self._send(now if rate == math.inf else due, result)
                    sent += 1
                if now > end + REST_SECONDS_MAX:
                    break
                ready = self.poller.poll(0)
                if ready:
                    self._take(ready, end, result)
                else:
                    next_due = start + sent / rate if sent < count and self.free else now + 0.01
                    select.select([self.poller.fileno()], [], [], max(0.0, next_due - time.perf_counter()))
        finally:
            gc.enable()
        result.unanswered = count - sent + len(self.due_of)
        return result

    def close(self):
        """Hangs up."""
        for line in self.sockets.values():
            line.close()
        self.poller.close()

    def _open(self):
        line = connect(self.port)
        line.setblocking(False)
        self.sockets[line.fileno()] = line
        self.poller.register(line.fileno(), select.EPOLLIN)
        self.free.append(line.fileno())

    def _send(self, due, result):
        descriptor = self.free.popleft()
        self.due_of[descriptor] = due
        result.late_us.append((time.perf_counter() - due) * 1e6)
        try:
            os.write(descriptor, self.request)
        except OSError:
            self._broke(descriptor, result)

    def _take(self, ready, end, result):
        """Reads what has come. Each answer has its own time: the first of many must not wait for the last."""
        for descriptor, _ in ready:
            try:
                data = os.read(descriptor, READ_BYTES)
            except OSError:
                data = b""
            if not data:
                self._broke(descriptor, result)
                continue
            if descriptor in self.parts:
                data = self.parts.pop(descriptor) + data
            if not is_whole(data):
                self.parts[descriptor] = data
                continue
            now = time.perf_counter()
            took = (now - self.due_of.pop(descriptor)) * 1e6
            status = status_of(data)
            result.times_us.setdefault(status, []).append(took)
            if now <= end:
                result.in_time[status] = result.in_time.get(status, 0) + 1
            self.free.append(descriptor)

    def _broke(self, descriptor, result):
        """Replaces a connection; a request that was under way on it is lost."""
        self.poller.unregister(descriptor)
        self.sockets.pop(descriptor).close()
        self.parts.pop(descriptor, None)
        if self.due_of.pop(descriptor, None) is None:
            self.free.remove(descriptor)
        else:
            result.broken += 1
        self._open()


def at_rate(port, path, rate, seconds, connections):
    """Makes requests at a constant rate for a time."""
    loop = OpenLoop(port, path, connections)
    try:
        return loop.run(rate, seconds)
    finally:
        loop.close()


def connect(port):
    """A connection to this machine that sends at once."""
    line = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS_MAX)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def request_for(path):
    """The bytes of a request."""
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()


def status_of(answer):
    """The status of an answer."""
    return int(answer[9:12])


def is_whole(answer):
    """Whether an answer has ended: by its length, or else by the end of its chunks."""
    head = answer.find(HEAD_END)
    if head < 0:
        return False
    place = answer.find(LENGTH, 0, head)
    if place < 0:
        return answer.endswith(CHUNKS_END)
    start = place + len(LENGTH)
    return len(answer) >= head + len(HEAD_END) + int(answer[start:answer.index(b"\r\n", start)])
