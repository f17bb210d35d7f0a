#!/usr/bin/python3
"""Proves the regression check on real noise: how often it cries wolf, and how soon it sees what was planted.

    reports/prove_detector.py             compute the tables and print them
    reports/prove_detector.py --write     and put them into reports/README.md
    reports/prove_detector.py --check     and fail if reports/README.md has others (as a test does)

The noise is real: testdata/ has one commit measured again and again on a machine with two cores on which
others compiled at the same time. `busy` ran with low priority and was starved up to fourfold for minutes,
`prior` with high priority. Two sorts of series are made of them:

  absolute   the median of a run's five rounds, as for a benchmark that no other engine runs
  ratio      rounds 1, 3, 5 against rounds 2 and 4 of the same run: as if another engine, just as fast and
             just as sensitive, had run beside it in the same rounds. Real peers lie between the two

A/A histories are drawn from these runs, singly (each run by itself, anything may follow anything) or in
blocks of consecutive runs, which keeps the drift of the machine. Nothing changed in them: every alarm is
false. In the others one benchmark is made slower by a known share from a known run on; that is planted, not
measured.

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

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = {name: os.path.join(HERE, "testdata", f"repeated_{name}.jsonl.gz") for name in ("busy", "prior")}
README = os.path.join(HERE, "README.md")
BEGIN, END = "<!-- prove_detector: begin -->", "<!-- prove_detector: end -->"
SEED = 7
HISTORIES = 200  # per line of the first table
PLANTED = 200  # per cell of the second
WHOLE = 100  # series of a whole check, about
NIGHTS = 30
BLOCK = 10  # runs
ROUNDS = (1, 5, 20)  # per night
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


def alarms(values, alpha):
    """Where a check would report each row as slower, judged as check.py does: windows, p, direction and size;
    -1 where it would not. Higher is better in all of the data."""
    length = values.shape[1]
    sizes = changes.latest_windows(length)
    place = numpy.full(len(values), -1)
    for size in sizes:
        index, p = changes.best_splits(values[:, length - size:])
        for row in numpy.flatnonzero((p <= alpha / len(sizes)) & (place < 0)):
            at = length - size + index[row]
            if changes.shift(values[row][length - size:at], values[row][at:])[0] <= -check.LEAST:
                place[row] = at
    return place


def wilson(hits, of):
    """95 % interval of a rate."""
    z, rate = 1.96, hits / of
    middle = (rate + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * (rate * (1 - rate) / of + z * z / (4 * of * of)) ** 0.5
    return max(middle - half, 0.0), min(middle + half, 1.0)


def false_alarms(measured, length, block, nights, seed):
    """In how many A/A histories a check raised an alarm, on any of `nights` nights in a row."""
    random = numpy.random.default_rng((SEED, seed))
    copies = max(round(WHOLE / measured.shape[1]), 1)
    alpha = check.ALPHA / (copies * measured.shape[1])
    hits = 0
    for _ in range(HISTORIES):
        picked = [draw(random, len(measured), length + nights - 1, block) for _ in range(copies)]
        series = numpy.concatenate([measured[runs] for runs in picked], axis=1).T
        rows = numpy.concatenate([series[:, night:night + length] for night in range(nights)])
        hits += bool((alarms(rows, alpha) >= 0).any())
    return hits


def nights(random, values, rounds, shape):
    """What so many nights would have measured: medians of some rounds, which are real runs drawn singly."""
    return numpy.median(values[random.integers(0, len(values), (*shape, rounds))], axis=-1)


def planted(values, rounds, effect, seed):
    """(share of the planted changes that were found within NIGHTS nights, median delay in runs or None)."""
    random = numpy.random.default_rng((SEED, *seed))
    length = changes.WINDOW
    series = nights(random, values, rounds, (PLANTED, length + NIGHTS))
    series[:, length:] *= 1 - effect
    begins = range(1, NIGHTS + 1)
    rows = numpy.concatenate([[one[begin:begin + length] for begin in begins] for one in series])
    place = alarms(rows, check.ALPHA / WHOLE)
    night = numpy.tile(numpy.arange(1, NIGHTS + 1), PLANTED)
    found = (place >= 0) & (numpy.abs(place - (length - night)) <= 5)  # it named the right place
    first = [int(row.argmax()) + 1 for row in found.reshape(PLANTED, NIGHTS) if row.any()]
    return len(first) / PLANTED, float(numpy.median(first)) if first else None


def noise(values):
    """Spread of the runs around their median, robust, as a share of it."""
    middle = numpy.median(values)
    return 1.4826 * numpy.median(numpy.abs(values - middle)) / middle


class Measured:
    """One file of repeated runs: values by sort, a row per run and a column per benchmark."""

    def __init__(self, path):
        loaded = history.load([path])
        own = loaded.own("clock")
        # Runs of which every benchmark got to an end in every round; when starved, one may not in its 0.2 s.
        whole = [run for run in range(len(loaded.runs))
                 if all(run in s.results and all(r.value > 0 for r in s.results[run]) for s in own)]
        self.runs, self.names = len(whole), [series.key.benchmark for series in own]
        rounds = numpy.array([[[r.value for r in s.results[run]] for s in own] for run in whole])
        self.absolute = numpy.median(rounds, axis=2)
        self.ratio = numpy.median(rounds[:, :, 0::2], axis=2) / numpy.median(rounds[:, :, 1::2], axis=2)


class Proof:
    # noise, sort of series, runs in the history, drawn in blocks of, nights
    AA = (("prior", "ratio", 22, 1, 1), ("prior", "ratio", 60, 1, 1), ("prior", "ratio", 60, BLOCK, 1),
          ("busy", "ratio", 60, 1, 1), ("busy", "ratio", 60, BLOCK, 1), ("prior", "absolute", 60, 1, 1),
          ("prior", "absolute", 60, BLOCK, 1), ("busy", "absolute", 60, BLOCK, 1),
          ("prior", "ratio", 60, 1, NIGHTS), ("prior", "ratio", 60, BLOCK, NIGHTS))

    def __init__(self):
        self.data = {name: Measured(path) for name, path in DATA.items()}

    def aa_line(self, number):
        name, sort, length, block, nights = self.AA[number]
        hits = false_alarms(getattr(self.data[name], sort), length, block, nights, 100 + number)
        low, high = wilson(hits, HISTORIES)
        drawn = "singly" if block == 1 else f"in blocks of {block}"
        return (f"| {name} | {sort} | {length} | {drawn} | {nights} | {hits} of {HISTORIES} | "
                f"{100 * hits / HISTORIES:.1f} % ({100 * low:.1f} to {100 * high:.1f} %) |")

    def spread(self, row):
        """Noise of the figure of one night."""
        rounds, column = row
        values = self.data["prior"].ratio[:, column]
        return noise(nights(numpy.random.default_rng((SEED, rounds, column)), values, rounds, (2000,)))

    def planted_rows(self):
        """(rounds, column), the quietest series first."""
        rows = [(rounds, column) for rounds in ROUNDS for column in range(len(self.data["prior"].names))]
        return sorted(rows, key=self.spread)

    def planted_line(self, row):
        rounds, column = row
        data = self.data["prior"]
        cells = []
        for effect in EFFECTS:
            rate, delay = planted(data.ratio[:, column], rounds, effect, (rounds, column, int(100 * effect)))
            after = f", {delay:.0f}" if delay is not None and rate >= 0.05 else ""
            cells.append(f"{100 * rate:.0f} %{after}")
        return (f"| {data.names[column]} | {rounds} | {100 * self.spread(row):.1f} % | {' | '.join(cells)} |")

    def tables(self):
        runs = ", ".join(f"{data.runs} real runs ({name})" for name, data in self.data.items())
        lines = [f"{runs} of {len(self.data['prior'].names)} benchmarks; alpha {check.ALPHA:g} for a whole "
                 f"check of about {WHOLE} series.", "",
                 "False alarms in A/A histories (at least one, anywhere in the whole check):", "",
                 "| noise | series | runs | drawn | nights in a row | with alarm | rate (95 % interval) |",
                 "|---|---|---:|---|---:|---:|---|"]
        for number in range(len(self.AA)):
            say(f"A/A histories, line {number + 1} of {len(self.AA)}")
            lines.append(self.aa_line(number))
        effects = " | ".join(f"{100 * effect:.0f} %" for effect in EFFECTS)
        lines += ["", f"Planted slow-downs after {changes.WINDOW} sound runs, the quietest series first: "
                      "share found "
                  f"within {NIGHTS} runs at the right place, and the median number of runs until then:", "",
                  f"| benchmark | rounds | noise | {effects} |", "|---|---:|---:|" + "---:|" * len(EFFECTS)]
        rows = self.planted_rows()
        for done, row in enumerate(rows):
            say(f"planted changes, series {done + 1} of {len(rows)}")
            lines.append(self.planted_line(row))
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
    options = parser.parse_args()
    began = time.monotonic()
    lines = Proof().tables()
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
