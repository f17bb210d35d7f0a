#!/usr/bin/python3
"""The table of README.md's figures, from the last run of the theme `standard` in a history.

    scripts/bench_readme.py [HISTORY]       default: build/history.jsonl

Which rows there are is decided here and not by how they turn out: those that are lost stand beside those that
are won. docs/benchmarks.md has all of them.
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bench_report as report  # noqa: E402

ROWS = {
    "W1": "1 KiB puts in ascending order, 1,000 per durable commit (W1)",
    "W4": "the same without syncs (W4)",
    "W2/threads:2": "W1 by 2 threads, a family each (W2)",
    "W2/threads:4": "W1 by 4 threads",
    "W2/threads:8": "W1 by 8 threads",
    "W3/threads:1/families:own": "durable commits of one 100-byte put, 1 thread (W3)",
    "W3/threads:8/families:own": "8 threads, a family each",
    "W3/threads:8/families:one": "8 threads, one family",
    "W5/bytes:100/threads:1/gets_per_snapshot:1000":
        "random reads of 1 M cached entries of 100 bytes, 1 thread (W5)",
    "W5/bytes:100/threads:8/gets_per_snapshot:1000": "8 threads",
    "W5/bytes:1024/threads:2/gets_per_snapshot:1": "of 1 KiB, a snapshot for each, 2 threads",
    "W6/bytes:100/full": "scan of everything (W6)",
    "W6/bytes:100/entries:100": "scans of 100 entries",
    "W7/reads:80/threads:8": "batches of 1,000, 80 % reads, durable, 8 threads (W7)",
    "W7/reads:20/threads:8": "20 % reads",
    "W7_seed/reads:50/threads:8": "50 % reads, 20 keys per batch",
    "W8": "load of 2 M keys in random order, durable (W8)",
    "W11/updates": "random updates (W11)",
    "W11/reads": "random reads afterwards",
    "W9/bytes:10000": "10 KB values, 1 MB per durable commit (W9)",
    "W9/bytes:1000000": "1 MB values",
    "W10": "recovery of 200 k entries of 1 KiB to the first read (W10)",
}


def last_run(path):
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    lines = [line for line in lines if line["kind"] == "clock" and line["theme"] == "standard"
             and line["profile"] == "full"]
    if not lines:
        sys.exit(f"bench_readme: {path} has no run of profile full with the theme standard")
    return [line for line in lines if line["run"] == lines[-1]["run"]]


def chosen(lines):
    """The lines of the rows above, under the names that they have there; fails if one was not measured."""
    by_row = {}
    for line in lines:
        by_row.setdefault(line["benchmark"], []).append(line)
    missing = ROWS.keys() - by_row.keys()
    if missing:
        sys.exit("bench_readme: not measured: " + ", ".join(sorted(missing)))
    return [line | {"benchmark": name} for row, name in ROWS.items() for line in by_row[row]]


def main():
    lines = last_run(sys.argv[1] if len(sys.argv) > 1 else "build/history.jsonl")
    report.table(chosen(lines))
    print("\n" + "\n".join([report.origin_note(lines), *report.disk_notes(lines)]))


if __name__ == "__main__":
    main()
