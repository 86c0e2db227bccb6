"""A component that exports `spell:runtime/cast`. The first line of what it is given names the spell, the rest is its input."""

import json
import re
from itertools import groupby

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.cast import Content, Failure


def processed(data: bytes) -> bytes:
    return b"Processed: " + data


def suffix(data: bytes) -> bytes:
    return data + b"-wasm"


def rle(data: bytes) -> bytes:
    # A character is a byte and the continuation bytes behind it.
    characters = re.findall(rb"(?s).[\x80-\xbf]*", data)
    return b"".join(b"%d%b" % (len(list(run)), character) for character, run in groupby(characters))


def transform(data: bytes) -> bytes:
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Err(Failure("failed", "Input is no JSON object"))
    if isinstance(value.get("name"), str):
        value["name"] = value["name"].upper()
    return json.dumps({**value, "seen": True}).encode()


def churn(data: bytes) -> bytes:
    kept = [""] * 256
    total = len(data)
    for number in range(10_000):
        text = str(number) * (number % 7 + 1)
        kept[number % 256] = text
        for byte in text.encode():
            total = (total * 31 + byte) & 0xFFFF_FFFF
    return b"%d" % total


def fails(data: bytes) -> bytes:
    raise Err(Failure("failed", "Input is required"))


SPELLS = {b"processed": processed, b"suffix": suffix, b"json": transform, b"rle": rle, b"churn": churn, b"fails": fails}


class Cast(exports.Cast):
    def cast(self, input: Content) -> Content:
        name, _, data = input.bytes.partition(b"\n")
        if name not in SPELLS:
            raise Err(Failure("invalid-input", "The first line names no spell"))
        return Content(SPELLS[name](data), None)
