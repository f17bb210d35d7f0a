"""Histories that are made up, for tests: nothing in them was measured, and the machine's name says so.

They have the shape of real ones (W1 to W11, peers, exact figures, campaigns) so that tests of the check and
of the page know what has to come out: which benchmark changed, where and by how much.
"""
import datetime
import hashlib
import json

import numpy

MACHINE = {"id": "planted0", "cpu": "made up for a test, not measured", "cores": 2, "memory_gib": 24,
           "file_system": "none", "kernel": "none", "compiler": "none"}
PEERS = {"rocksdb": 0.6, "lmdb": 1.5, "leveldb": 0.9, "sqlite": 0.4, "wiredtiger": 1.05}
BENCHMARKS = {"W1": 400e3, "W2/threads:2": 500e3, "W2/threads:4": 520e3, "W2/threads:8": 560e3,
              "W3/threads:1/families:own": 8e3, "W3/threads:8/families:own": 30e3,
              "W3/threads:8/families:one": 27e3,
              "W4": 800e3, "W5/bytes:100/threads:1/gets:1000": 1.2e6,
              "W5/bytes:100/threads:2/gets:1000": 2.2e6,
              "W5/bytes:100/threads:4/gets:1000": 2.1e6, "W5/bytes:100/threads:8/gets:1000": 2.0e6,
              "W6/bytes:100/full": 40e6, "W6/bytes:100/entries:100": 200e3, "W7/reads:80/threads:1": 300e3,
              "W7/reads:20/threads:8": 180e3, "W8": 250e3, "W9/bytes:1000000": 600.0, "W10": 700e3,
              "W11/updates": 240e3, "W11/deletes": 250e3, "W11/reads": 900e3}


def commit(index):
    return hashlib.sha1(f"planted {index}".encode()).hexdigest()


def common(index, profile="nightly"):
    moment = datetime.datetime(2024, 1, 1, 3) + datetime.timedelta(days=index)
    text = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"schema": 1, "run": f"{text}-{commit(index)[:12]}", "time": text, "commit": commit(index),
            "dirty": False, "profile": profile, "machine": MACHINE}


def record(index, kind, benchmark, value, **more):
    units = {"exact": "virtual ns/op", "campaign": "recoveries/s"}
    theme = {"exact": "exact", "campaign": "crash"}.get(kind, "standard")
    line = dict(common(index), kind=kind, theme=theme, benchmark=benchmark, engine="manifolddb", round=1,
                value=value, unit=units.get(kind, "operations/s"),
                better="lower" if kind == "exact" else "higher")
    line.update(more)
    return line


def _more(benchmark, engine, speed, random):
    """Latencies, amplification and recovery where the real benchmarks have them."""
    if benchmark.startswith("W3"):
        p50 = 1e6 / (8e3 * speed) * random.normal(1, 0.02)
        return {"latency_us": {"p50": p50, "p90": 1.4 * p50, "p99": 4 * p50, "p99_9": 9 * p50,
                               "max": 40 * p50}}
    if benchmark in ("W8", "W11/updates") and engine != "disk":
        return {"counters": {"write_amplification": 2.1 / speed**2, "space_amplification": 1 + 0.3 / speed}}
    if benchmark.startswith("W10"):
        return {"counters": {"first_read_seconds": 0.3 / speed},
                "params": {"entries": 200000, "value_bytes": 1024}}
    return {}


def history(runs, changes=(), noise=0.02, seed=2, benchmarks=None, peers=True, rounds=1):
    """Lines of a history. changes: (benchmark, index of the first run, factor of our speed)."""
    random = numpy.random.default_rng(seed)
    lines = []
    for index in range(runs):
        night = random.normal(1, 0.1)  # the whole machine: what a ratio takes out
        for benchmark, base in (benchmarks or BENCHMARKS).items():
            engines = {"manifolddb": 1.0, **(PEERS if peers else {})}
            if peers and benchmark.startswith("W3"):
                engines["disk"] = 1.8
            for engine, speed in engines.items():
                for number in range(1, rounds + 1):
                    value = base * speed * night * random.lognormal(0, noise)
                    for name, begin, factor in changes if engine == "manifolddb" else ():
                        value *= factor if name == benchmark and index >= begin else 1
                    lines.append(record(index, "clock", benchmark, value, engine=engine, round=number,
                                        **_more(benchmark, engine, speed, random)))
    return lines


def exact(runs, steps=(), benchmark="W3/threads:1"):
    """steps: (index of the first run, name of the figure, what is added to it from then on)."""
    lines = []
    for index in range(runs):
        known = {"value": 64000.0, "writes": 12, "syncs": 1, "instructions": 48123}
        for begin, name, more in steps:
            known[name] += more if index >= begin else 0
        lines.append(record(index, "exact", benchmark, known.pop("value"), counters=known))
    return lines


def campaign(runs, violations=0, killed=64, rate=4800.0):
    counters = {"points": 53894, "images": 240000, "recoveries": 288013, "violations": violations,
                "mutants": 64, "mutants_killed": killed}
    return [record(index, "campaign", "mixed", rate + index % 7, counters=counters) for index in range(runs)]


def write(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    return path
