#!/usr/bin/python3
"""Turns the reports of bench/'s binaries into history and a table; called by scripts/bench.

    scripts/bench_report.py --profile P --directory DIR --history FILE ROUND.THEME.json ...

Appends one JSON object per result and round to the history and prints a Markdown table: medians over the
rounds, their spread, and the ratios of this engine to each peer, taken within each round. A ratio above 1
means that this engine is better, also where less is better.
"""
import argparse
import datetime
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys

OWN = "manifolddb"
DISK = "disk"
LATENCY = {"p50": "latency_p50_us", "p90": "latency_p90_us", "p99": "latency_p99_us",
           "p99_9": "latency_p99_9_us", "max": "latency_max_us"}
# What Google Benchmark adds to each record on its own.
NOT_COUNTERS = {"family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads",
                "iterations", "real_time", "cpu_time", "value"} | set(LATENCY.values())


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def first(path, prefix):
    with open(path, encoding="utf-8") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith(prefix)), "")


def machine(directory):
    described = {
        "cpu": first("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(first("/proc/meminfo", "MemTotal").split()[0]) / 2**20),
        "file_system": output("stat", "-f", "-c", "%T", directory),
        "kernel": platform.release(),
        "compiler": output("g++", "--version").split("\n")[0],
    }
    if described["file_system"] == "ext2/ext3":  # one magic number for three
        described["file_system"] = output("findmnt", "-no", "FSTYPE", "--target", directory)
    identity = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:12]
    return {"id": identity} | described


def whole(number):
    return int(number) if isinstance(number, float) and number.is_integer() else number


def record(common, theme, found, label, round_number):
    """One line of the history."""
    line = dict(common)
    line |= {"kind": "clock", "theme": theme, "benchmark": label["row"], "engine": label["engine"],
             "round": round_number, "value": found["value"], "unit": label["unit"], "better": label["better"]}
    if LATENCY["p50"] in found:
        line["latency_us"] = {name: found[counter] for name, counter in LATENCY.items()}
    line["counters"] = {name: whole(value) for name, value in found.items()
                        if isinstance(value, (int, float)) and not isinstance(value, bool)
                        and name not in NOT_COUNTERS}
    line["counters"]["seconds"] = found["real_time"] / 1000  # of milliseconds: what was measured
    line["params"] = {name: whole(value) for name, value in label["params"].items()}
    return line


def records(arguments):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    commit = output("git", "rev-parse", "HEAD")
    common = {"schema": 1, "run": f"{now}-{commit[:12]}", "time": now, "commit": commit,
              "dirty": bool(output("git", "status", "--porcelain")), "profile": arguments.profile,
              "machine": machine(arguments.directory)}
    for path in arguments.reports:
        round_number, theme = os.path.basename(path).removesuffix(".json").split(".")
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        for found in report["benchmarks"]:
            if not found.get("error_occurred"):
                yield record(common, theme, found, json.loads(found["label"]), int(round_number))


def short(number):
    if number >= 1e6:
        return f"{number / 1e6:.2f} M"
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def ratios(own, other, better):
    """Of the rounds in which both were measured."""
    both = sorted(own.keys() & other.keys())
    pairs = [(own[r], other[r]) if better == "higher" else (other[r], own[r]) for r in both]
    return [mine / theirs for mine, theirs in pairs if theirs > 0]


def spread(values):
    return f"{min(values):.2f} to {max(values):.2f}" if len(values) > 1 else "one round"


def best_peer(row, peers):
    """The peer with the best median, and the ratios to it."""
    pick = max if row["better"] == "higher" else min
    measured = [peer for peer in peers if peer in row["values"]]
    if not measured or OWN not in row["values"]:
        return None
    name = pick(measured, key=lambda peer: statistics.median(row["values"][peer].values()))
    return name, ratios(row["values"][OWN], row["values"][name], row["better"])


def cell(row, engine):
    if engine not in row["values"]:
        return ""
    text = short(statistics.median(row["values"][engine].values()))
    if engine in (OWN, DISK) or OWN not in row["values"]:
        return text
    found = ratios(row["values"][OWN], row["values"][engine], row["better"])
    return f"{text} ({statistics.median(found):.2f})" if found else text


def table(lines):
    rows, engines = {}, []
    for line in lines:
        key = (line["theme"], line["benchmark"])
        row = rows.setdefault(key, {"unit": line["unit"], "better": line["better"], "values": {}})
        row["values"].setdefault(line["engine"], {})[line["round"]] = line["value"]
        if line["engine"] not in engines:
            engines.append(line["engine"])
    peers = sorted(engine for engine in engines if engine not in (OWN, DISK))
    shown = [OWN] + ([DISK] if DISK in engines else []) + peers
    heads = ["", ""] + shown + [f"spread of {OWN}"] + (["best peer", "ratio"] if peers else [])
    print("| " + " | ".join(heads) + " |")
    print("|---|---|" + "---:|" * (len(shown) + 1) + ("---|---:|" if peers else ""))
    for (theme, benchmark), row in rows.items():
        own = list(row["values"].get(OWN, {}).values())
        cells = [f"{theme}/{benchmark}", row["unit"]] + [cell(row, engine) for engine in shown]
        cells.append(f"{short(min(own))} to {short(max(own))}" if own else "")
        if peers:
            best = best_peer(row, peers)
            against = f"**{statistics.median(best[1]):.2f}** ({spread(best[1])})" if best and best[1] else ""
            cells += [best[0] if best else "", against]
        print("| " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", required=True)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--history", required=True)
    parser.add_argument("reports", nargs="+")
    arguments = parser.parse_args()
    lines = list(records(arguments))
    if not lines:
        sys.exit("bench: no result to report")
    with open(arguments.history, "a", encoding="utf-8") as history:
        for line in lines:
            history.write(json.dumps(line) + "\n")
    table(lines)
    described, rounds = lines[0]["machine"], max(line["round"] for line in lines)
    state = lines[0]["commit"][:12] + (" and changes" if lines[0]["dirty"] else "")
    print(f"\nMedians of {rounds} round{'s' if rounds > 1 else ''}, profile {lines[0]['profile']}; in "
          f"brackets: {OWN}'s ratio to that peer, above 1 is better. {described['cpu']}, "
          f"{described['cores']} cores, "
          f"{described['memory_gib']} GiB; {described['file_system']}; Linux {described['kernel']}; "
          f"{described['compiler']}; commit {state}, {lines[0]['time']}.")


if __name__ == "__main__":
    main()
