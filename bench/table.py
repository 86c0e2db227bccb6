#!/usr/bin/env python3
"""Puts the results of all parts together: the table of targets, and one table for each group of servers.

Knows which parts there are; must never know how one was measured.
"""

import argparse

import report
import targets

PARTS = ["servers", "growth", "latency", "pieces", "key_value", "casts", "platform_cast"]


def main():
    """Prints the tables; with `--write`, also into docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()
    results = {name: report.load(name) for name in PARTS}
    text = "\n\n".join(sections(results))
    print(text)
    if options.write:
        report.write(text)


def sections(results):
    """The facts, the targets, the servers, as far as they were measured."""
    servers = results["servers"]
    if servers:
        yield servers["facts"]
    yield "### Targets"
    yield report.table(["", "measure", "target", "reached", "met"], targets.rows(results))
    for title, group in (servers or {"groups": {}})["groups"].items():
        yield report.section(title, group)
    for title, group in (results["casts"] or {"groups": {}})["groups"].items():
        yield report.section(title, group)


if __name__ == "__main__":
    main()
