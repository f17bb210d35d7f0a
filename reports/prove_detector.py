#!/usr/bin/python3
"""Proves the regression check on real noise: how often it cries wolf, and how soon it sees what was planted.

    reports/prove_detector.py             compute the tables and print them
    reports/prove_detector.py --write     and put them into reports/README.md
    reports/prove_detector.py --check     and fail if reports/README.md has others (a test does this)

The noise is that of testdata/repeated.jsonl.gz: one commit measured again and again on a machine that others
used at the same time. A/A histories are drawn from these runs, singly (each run by itself) or in blocks of
consecutive runs, which keeps the drift of the machine. Nothing changed in them: every alarm is false. In the
others one benchmark is made slower by a known share from a known run on; that is planted, not measured.

A whole check has 100 or so series, so the measured ones are drawn several times over, independently; a series
is tested at the level that it would have there.
"""
import argparse
import os
import sys
import time

import numpy

if __package__ in (None, ""):  # run as a file
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    __package__ = "reports"

from . import changes, check, history  # noqa: E402
from .signals import watched  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "testdata", "repeated.jsonl.gz")
README = os.path.join(HERE, "README.md")
BEGIN, END = "<!-- prove_detector: begin -->", "<!-- prove_detector: end -->"
SEED = 7
HISTORIES = 400  # per line of the first table
PLANTED = 200  # per cell of the second
WHOLE = 100  # series of a whole check, about
NIGHTS = 30
BLOCK = 10  # runs
EFFECTS = (0.02, 0.05, 0.10, 0.20)


def say(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="" if text else "", file=sys.stderr, flush=True)


def draw(random, runs, length, block):
    """Indices of the runs that make a history: blocks of consecutive ones, begun anywhere."""
    if block == 1:
        return random.integers(0, runs, length)
    begins = random.integers(0, runs - block + 1, -(-length // block))
    return (begins[:, None] + numpy.arange(block)).ravel()[:length]


def alarms(values, lower_is_worse, alpha):
    """Which rows a check would report as a regression, judged as check.py does: p, direction and size."""
    index, p = changes.best_splits(values)
    found = numpy.zeros(len(values), dtype=bool)
    for row in numpy.flatnonzero(p <= alpha):
        change = changes.shift(values[row][:index[row]], values[row][index[row]:])[0]
        found[row] = abs(change) >= check.LEAST and (change < 0) == lower_is_worse[row]
    return found, index


def wilson(hits, of):
    """95 % interval of a rate."""
    z, rate = 1.96, hits / of
    middle = (rate + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * (rate * (1 - rate) / of + z * z / (4 * of * of)) ** 0.5
    return max(middle - half, 0.0), min(middle + half, 1.0)


def false_alarms(measured, lower_is_worse, length, block, nights, seed):
    """In how many A/A histories a check raised an alarm, on any of `nights` nights in a row."""
    random = numpy.random.default_rng((SEED, seed))
    copies = max(round(WHOLE / measured.shape[1]), 1)
    alpha = check.ALPHA / (copies * measured.shape[1])
    worse = numpy.tile(lower_is_worse, copies)
    hits = 0
    for _ in range(HISTORIES):
        picked = [draw(random, len(measured), length + nights - 1, block) for _ in range(copies)]
        series = numpy.concatenate([measured[runs] for runs in picked], axis=1).T
        rows = numpy.concatenate([series[:, night:night + length] for night in range(nights)])
        hits += bool(alarms(rows, numpy.tile(worse, nights), alpha)[0].any())
    return hits


def planted(values, lower_is_worse, effect, seed):
    """(share of the planted changes that were found within NIGHTS nights, median delay in runs or None)."""
    random = numpy.random.default_rng((SEED, seed))
    length = changes.WINDOW
    factor = 1 - effect if lower_is_worse else 1 + effect
    rows = []
    for _ in range(PLANTED):
        series = values[draw(random, len(values), length + NIGHTS, 1)].copy()
        series[length:] *= factor
        rows += [series[night:night + length] for night in range(1, NIGHTS + 1)]
    rows = numpy.array(rows)
    found, index = alarms(rows, numpy.full(len(rows), lower_is_worse), check.ALPHA / WHOLE)
    night = numpy.tile(numpy.arange(1, NIGHTS + 1), PLANTED)
    found &= numpy.abs(index - (length - night)) <= 5  # it named the right place
    first = [int(row.argmax()) + 1 for row in found.reshape(PLANTED, NIGHTS) if row.any()]
    return len(first) / PLANTED, float(numpy.median(first)) if first else None


def noise(values):
    """Spread of the runs around their median, robust, as a share of it."""
    middle = numpy.median(values)
    return 1.4826 * numpy.median(numpy.abs(values - middle)) / middle


class Proof:
    def __init__(self, path=DATA):
        self.history = history.load([path])
        self.signals = [s for s in watched(self.history) if len(s.runs) >= 0.9 * len(self.history.runs)]
        common = set.intersection(*(set(s.runs) for s in self.signals))
        columns = [[v for run, v in zip(s.runs, s.values) if run in common] for s in self.signals]
        self.measured = numpy.array(columns).T
        self.lower_is_worse = numpy.array([s.better == "higher" for s in self.signals])

    AA = ((20, 1, 1), (40, 1, 1), (60, 1, 1), (60, BLOCK, 1), (60, 1, NIGHTS), (60, BLOCK, NIGHTS))

    def aa_line(self, number):
        length, block, nights = self.AA[number]
        length = max(size for size in changes.LENGTHS if size <= length)
        hits = false_alarms(self.measured, self.lower_is_worse, length, block, nights, 100 + number)
        low, high = wilson(hits, HISTORIES)
        drawn = "singly" if block == 1 else f"in blocks of {block}"
        return (f"| {length} | {drawn} | {nights} | {hits} of {HISTORIES} | {100 * hits / HISTORIES:.1f} % "
                f"({100 * low:.1f} to {100 * high:.1f} %) |")

    def planted_line(self, column):
        signal, values = self.signals[column], self.measured[:, column]
        cells = []
        for i, effect in enumerate(EFFECTS):
            rate, delay = planted(values, bool(self.lower_is_worse[column]), effect, 1000 + 10 * column + i)
            cells.append(f"{100 * rate:.0f} %" + (f", {delay:.0f}" if delay is not None else ""))
        against = f" / {', '.join(signal.peers)}" if signal.peers else ""
        return f"| {signal.name}{against} | {100 * noise(values):.1f} % | {' | '.join(cells)} |"

    def tables(self):
        lines = [f"{len(self.measured)} real runs of {len(self.signals)} series; alpha {check.ALPHA:g} for a "
                 f"whole check of about {WHOLE} series.", "",
                 "False alarms in A/A histories (at least one, anywhere in the whole check):", "",
                 "| runs | drawn | nights in a row | histories | rate (95 % interval) |", "|---:|---|---:|---:|---|"]
        for number in range(len(self.AA)):
            say(f"A/A histories, line {number + 1} of {len(self.AA)}")
            lines.append(self.aa_line(number))
        effects = " | ".join(f"{100 * effect:.0f} %" for effect in EFFECTS)
        lines += ["", f"Planted slow-downs after {changes.WINDOW} sound runs: share found within {NIGHTS} runs at "
                  "the right place, and the median number of runs until then:", "",
                  f"| series | noise | {effects} |", "|---|---:|" + "---:|" * len(EFFECTS)]
        for column in range(len(self.signals)):
            say(f"planted changes, series {column + 1} of {len(self.signals)}")
            lines.append(self.planted_line(column))
        say("")
        return lines


def published(path=README):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    head, rest = text.split(BEGIN)
    table, tail = rest.split(END)
    return head, table.strip().split("\n"), tail


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--data", default=DATA)
    options = parser.parse_args()
    began = time.monotonic()
    lines = Proof(options.data).tables()
    print("\n".join(lines))
    print(f"prove_detector: {time.monotonic() - began:.0f} s", file=sys.stderr)
    if options.write:
        head, _, tail = published()
        with open(README, "w", encoding="utf-8") as file:
            file.write(head + BEGIN + "\n" + "\n".join(lines) + "\n" + END + tail)
    if options.check and published()[1] != lines:
        print("prove_detector: reports/README.md has other tables: reports/prove_detector.py --write",
              file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
