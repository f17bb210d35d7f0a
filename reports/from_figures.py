#!/usr/bin/python3
"""Turns a report of bench_figures (Google Benchmark's JSON) into lines of a history.

    reports/from_figures.py [--commit COMMIT] [--time UTC] [--profile P] [--dir FOLDER] [--scale F]
                            FIGURES.json >> history.jsonl

The raw disk was measured in the same rounds; it stands as engine `disk` beside the durable commits, which it
bounds. How testdata/repeated.jsonl.gz was made: bench_figures --scale=0.1 --benchmark_repetitions=5
--benchmark_enable_random_interleaving=true --benchmark_format=json, again and again.
"""
import argparse
import json
import os
import sys

if __package__ in (None, ""):  # run as a file
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    __package__ = "reports"

from . import origin  # noqa: E402

UNITS = {"durable_commits": "commits/s", "durable_puts_1k": "puts/s", "point_reads_100": "gets/s",
         "scan_100": "entries/s", "recovery_1k": "entries/s"}
DISK = "overwrite_and_sync_4k"


def lines(report, common, scale):
    for one in report["benchmarks"]:
        if one["run_type"] != "iteration":
            continue
        name = one["name"].split("/iterations:")[0]
        latency = {name: round(one[f"{name}_us"], 3) for name in ("p50", "p99") if f"{name}_us" in one}
        record = dict(common, benchmark=name, engine="manifolddb", round=one["repetition_index"] + 1,
                      value=round(one["per_second"], 1), unit=UNITS.get(name.split("/")[0], "1/s"),
                      better="higher",
                      params={"scale": scale})
        if latency:
            record["latency_us"] = latency
        if "group_size" in one:
            record["counters"] = {"group_size": round(one["group_size"], 3)}
        if name != DISK:
            yield record
            continue
        for commits in sorted({other["name"].split("/iterations:")[0] for other in report["benchmarks"]
                               if other["name"].startswith("durable_commits")}):
            yield dict(record, benchmark=commits, engine="disk", unit=UNITS["durable_commits"])


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    origin.add_options(parser)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("figures")
    options = parser.parse_args()
    with open(options.figures, encoding="utf-8") as file:
        report = json.load(file)
    common = dict(origin.common(options), kind="clock", theme="figures")
    for record in lines(report, common, options.scale):
        print(json.dumps(record, separators=(",", ":")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
