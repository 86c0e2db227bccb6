"""Many numbers to few: medians, ranges and percentiles, for programs to read.

Knows numbers; must never know how anything was measured.
"""

import math
import statistics


def spread(values):
    """The median and the range."""
    return {"median": round(statistics.median(values), 3), "lowest": round(min(values), 3), "highest": round(max(values), 3)}


def spread_of_each(entries):
    """The median and range of each kind of number."""
    return {kind: spread([entry[kind] for entry in entries]) for kind in entries[0]}


def times(rounds):
    """Percentiles of the microseconds of each round: their median and range."""
    return {f"p{share * 100:.0f}_us": spread([percentile(values, share) for values in rounds]) for share in (0.5, 0.99)}


def percentile(values, share):
    """The value that a share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
