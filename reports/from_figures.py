#!/usr/bin/python3
"""Turns a report of bench_figures (Google Benchmark's JSON) into lines of a history.

    reports/from_figures.py --commit COMMIT [--time UTC] [--scale F] [--dir FOLDER] FIGURES.json >> history.jsonl

The raw disk was measured in the same rounds; it stands as engine `disk` beside the durable commits, which it
bounds. How testdata/repeated.jsonl.gz was made: bench_figures --scale=0.1 --benchmark_repetitions=5
--benchmark_enable_random_interleaving=true --benchmark_format=json, again and again.
"""
import argparse
import datetime
import hashlib
import json
import os
import platform
import subprocess
import sys

UNITS = {"durable_commits": "commits/s", "durable_puts_1k": "puts/s", "point_reads_100": "gets/s",
         "scan_100": "entries/s", "recovery_1k": "entries/s"}
DISK = "overwrite_and_sync_4k"


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[0].strip()


def machine(folder):
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    with open("/proc/meminfo", encoding="utf-8") as info:
        memory = round(int(info.readline().split()[1]) / 2**20)
    about = {"cpu": names[0] if names else platform.machine(), "cores": os.cpu_count(), "memory_gib": memory,
             "file_system": first_line("stat", "-f", "-c", "%T", folder),
             "kernel": f"{platform.system()} {platform.release()}", "compiler": first_line("g++", "--version")}
    return {"id": hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:8], **about}


def lines(report, common, scale):
    for one in report["benchmarks"]:
        if one["run_type"] != "iteration":
            continue
        name = one["name"].split("/iterations:")[0]
        latency = {new: round(one[old], 3) for new, old in (("p50", "p50_us"), ("p99", "p99_us")) if old in one}
        record = dict(common, benchmark=name, engine="manifolddb", round=one["repetition_index"] + 1,
                      value=round(one["per_second"], 1), unit=UNITS.get(name.split("/")[0], "1/s"), better="higher",
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
    parser.add_argument("--commit", required=True)
    parser.add_argument("--time")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--dir", default=".")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("figures")
    options = parser.parse_args()
    moment = options.time or datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    with open(options.figures, encoding="utf-8") as file:
        report = json.load(file)
    common = {"schema": 1, "run": f"{moment}-{options.commit[:12]}", "time": moment, "commit": options.commit,
              "dirty": False, "profile": options.profile, "machine": machine(options.dir), "kind": "clock",
              "theme": "figures"}
    for record in lines(report, common, options.scale):
        print(json.dumps(record, separators=(",", ":")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
