#!/usr/bin/python3
"""Made-up histories in the shape of real ones: every row that bench/'s themes have, with six engines.

    reports/planted_nights.py RUNS NIGHTS FILE     a large one, to see how long a report takes

RUNS runs of which the last NIGHTS are nights: all themes, the five peers, three rounds. Before them are quick
runs of the theme `standard`, as `scripts/bench --profile quick --peers` makes them.
The names are those of bench/themes/*.cc; the figures are made up, and the machine's name says so.
"""
import json
import os
import sys

if __package__ in (None, ""):  # run as a file
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    __package__ = "reports"

import numpy  # noqa: E402

from . import planted  # noqa: E402

ENGINES = {"manifolddb": 1.0, **planted.PEERS}
THREADS = (1, 2, 4, 8)
TURNS = 50  # several times as many as a night has, so that it shows if they are not folded


def _standard():
    yield from ("W1", "W4", "W10", "W8", "W11/updates", "W11/deletes", "W11/reads")
    yield from (f"W2/threads:{n}" for n in (2, 4, 8))
    yield from ("W3/threads:1/families:own", "W3/threads:8/families:own", "W3/threads:8/families:one")
    for size in (100, 1024):
        yield from (f"W5/bytes:{size}/threads:{n}/gets_per_snapshot:{gets}" for gets in (1000, 1)
                    for n in THREADS)
        yield from (f"W6/bytes:{size}/{what}" for what in ("full", "entries:100"))
    yield from (f"{name}/reads:{reads}/threads:{n}" for name, n in (("W7", 1), ("W7", 8), ("W7_seed", 8))
                for reads in (80, 50, 20))
    yield from (f"W9/bytes:{size}" for size in (10000, 100000, 1000000))


def _reads():
    yield from (f"uniform/threads:{n}" for n in (1, 2, 4, 8, 16))
    yield from ("zipfian/threads:1", "zipfian/threads:8", "missing/threads:1", "multi_get:16/threads:1",
                "multi_get:256/threads:1", "beside_a_writer/threads:1", "beside_a_writer/threads:4")


def _churn():
    yield "load"
    yield from (f"turn:{turn:02}/{what}" for turn in range(1, TURNS + 1)
                for what in ("overwrite", "delete", "put_back", "read"))


THEMES = {
    "standard": list(_standard()),
    "ycsb": [f"{letter}/threads:{n}/durable:{durable}" for durable in (1, 0) for letter in "ABCFDE"
             for n in (1, 8)],
    "batches": ["single", "transaction:1000", "batch:1000", "batch:1000/against_single"],
    "small_writes": [f"order:{order}/puts_per_commit:{puts}/families:{n}"
                     for order in ("ascending", "random") for puts in (1000, 1) for n in THREADS],
    "large_values": [f"bytes:{size}/commit:{how}" for size in (1000, 10000, 100000, 1000000)
                     for how in ("log", "checkpoint")],
    "reads": list(_reads()),
    "scans": ["entries:10", "entries:100", "long", "full", "entries:100/backwards", "full/backwards",
              "prefix:256", "entries:100/keys_only", "full/keys_only"],
    "mixed": [f"reads:{reads}/operations:{operations}/threads:{n}" for operations in (10, 100)
              for reads in (80, 50, 20) for n in THREADS],
    "log": [f"durable/threads:{n}" for n in (*THREADS, 16)]
           + [f"{how}/threads:{n}" for how in ("not_durable", "checkpoints") for n in (1, 8)],
    "recovery": [f"committed_mb:{size}/bytes:{value}" for size in (1, 10, 50, 200) for value in (100, 1000)],
    "memory": ["allocations/get", "allocations/put", "peak/load", "cache:quarter/uniform",
               "cache:quarter/zipfian", "cache:quarter/beside_a_writer", "cache:quarter/scan"],
    "churn": list(_churn()),
    "bounds": [f"families:10000/{what}" for what in ("open", "heap_of_an_idle_one", "commits_against_one",
                                                     "checkpoint_bytes_against_one")]
              + ["open_closed/bytes:10000000000", "snapshot_held/puts_against_none",
                 "memory/resident_against_cache_bytes"],
    "scale": [f"keys:{keys}/{what}" for keys in (1000000, 3000000, 10000000, 30000000)
              for what in ("load", "update", "read")],
}
LOWER = {"recovery": "ms", "allocations": "allocations/operation", "peak": "MB"}  # less of it is better
LATENCY = ("W1", "W2", "W3", "W4", "W7", "W8", "W9", "W11/updates", "W11/deletes", "ycsb", "small_writes",
           "large_values", "mixed", "log", "overwrite", "delete", "put_back", "load", "update")
ON_DISK = ("W1", "W3", "W9", "durable")  # rows that the bare disk has, too, up to the first slash


def argument(benchmark, name):
    """The figure behind `name:` in a benchmark, or None."""
    for part in benchmark.split("/"):
        if part.startswith(name + ":") and part[len(name) + 1:].isdigit():
            return int(part[len(name) + 1:])
    return None


def _level(theme, benchmark, speed):
    """What an engine reaches, so that curves look like curves."""
    if theme == "recovery":
        return (2 + 9 * argument(benchmark, "committed_mb")) / speed
    turn, keys = argument(benchmark, "turn") or 0, argument(benchmark, "keys") or 1e6
    threads = argument(benchmark, "threads") or argument(benchmark, "families") or 1
    if benchmark.startswith(tuple(LOWER)):
        return 20 / speed
    return 200e3 * speed * threads**0.6 * (1 - 0.004 * turn / speed) * (1e6 / keys)**(0.15 / speed)


def _more(theme, benchmark, engine, speed, value):
    """Latencies, counters and parameters where the real rows have them."""
    found = {}
    tail = benchmark.rsplit("/", 1)[-1]
    if any(word in (theme, tail) or benchmark.startswith(word) for word in LATENCY):
        p50 = 1e9 / max(value, 1)
        found["latency_us"] = {"p50": p50, "p90": 1.4 * p50, "p99": 4 * p50, "p99_9": 9 * p50,
                               "max": 40 * p50}
        turn = argument(benchmark, "turn") or 0
        if engine != "disk" and theme not in ("mixed", "log", "ycsb") and not benchmark.startswith("W7"):
            found["counters"] = {"write_amplification": 2.1 / speed**2,
                                 "space_amplification": 1 + 0.3 / speed + 0.01 * turn / speed,
                                 "space_bytes": 6e7 * (1 + 0.3 / speed + 0.01 * turn / speed)}
    size = argument(benchmark, "committed_mb")
    if theme == "recovery" or benchmark == "W10":
        bytes_each = argument(benchmark, "bytes") or 1024
        entries = size * 1000000 // bytes_each if size else 200000
        found["params"] = {"entries": entries, "value_bytes": bytes_each, "puts_per_commit": 1000}
        found["counters"] = {"first_read_seconds": value / 1000 if size else 0.3 / speed}
        if engine != "lmdb":  # which has no log
            found["counters"]["log_bytes"] = int(entries * bytes_each * (1 + 0.1 / speed))
    return found


def _engines(theme, benchmark):
    if benchmark.endswith("commit:checkpoint") or theme == "batches":
        return {"manifolddb": 1.0}
    if theme in ("standard", "log") and benchmark.split("/")[0] in ON_DISK:
        return {**ENGINES, "disk": 1.8}
    return ENGINES


def run(index, themes, profile, rounds, changes=(), seed=2):
    """Lines of one run. changes: (theme, benchmark, index of the first run, factor of our speed)."""
    random = numpy.random.default_rng((seed, index))
    night = random.normal(1, 0.1)  # the whole machine: what a ratio takes out
    begun = [change for change in changes if index >= change[2]]
    for theme in themes:
        for benchmark in THEMES[theme]:
            words = (theme, benchmark.split("/")[0])
            lower = next((unit for word, unit in LOWER.items() if word in words), "")
            for engine, speed in _engines(theme, benchmark).items():
                for number in range(1, rounds + 1):
                    value = _level(theme, benchmark, speed) * night * random.lognormal(0, 0.02)
                    for _, _, _, factor in (c for c in begun if engine == "manifolddb"
                                            and (theme, benchmark) == c[:2]):
                        value = value / factor if lower else value * factor
                    yield dict(planted.common(index, profile), kind="clock", theme=theme, benchmark=benchmark,
                               engine=engine, round=number, value=value, unit=lower or "operations/s",
                               better="lower" if lower else "higher",
                               **_more(theme, benchmark, engine, speed, value))


def history(runs, nights, changes=(), rounds=3):
    """Lines: quick runs of the theme standard, then nights of all themes."""
    for index in range(runs):
        quick = index < runs - nights
        yield from run(index, ["standard"] if quick else THEMES, "quick" if quick else "nightly",
                       1 if quick else rounds, changes)


def main():
    if len(sys.argv) != 4 or not all(word.isdigit() for word in sys.argv[1:3]):
        sys.exit(__doc__)
    with open(sys.argv[3], "w", encoding="utf-8") as file:
        for line in history(int(sys.argv[1]), int(sys.argv[2])):
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
