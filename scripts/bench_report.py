#!/usr/bin/python3
"""Turns the reports of bench/'s binaries into history and a table; called by scripts/bench.

    scripts/bench_report.py --profile P --directory DIR --history FILE ROUND.THEME.json ...

Appends one JSON object per result and round to the history and prints a Markdown table: medians over the
rounds, their spread, and the ratios of this engine to each peer, taken within each round. A ratio above 1
means that this engine is better, also where less is better.
"""
import argparse
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from reports import origin  # noqa: E402

OWN = "manifolddb"
DISK = "disk"
LATENCY = {"p50": "latency_p50_us", "p90": "latency_p90_us", "p99": "latency_p99_us",
           "p99_9": "latency_p99_9_us", "max": "latency_max_us"}
# What Google Benchmark adds to each record on its own.
NOT_COUNTERS = {"family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads",
                "iterations", "real_time", "cpu_time", "value"} | set(LATENCY.values())


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
    common = origin.common(arguments.profile, origin.file_system_of(arguments.directory))
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


def against_best(row, peers):
    """The peer with the best median, and the ratio to it."""
    measured = [peer for peer in peers if peer in row["values"]]
    if not measured or OWN not in row["values"]:
        return ""
    pick = max if row["better"] == "higher" else min
    name = pick(measured, key=lambda peer: statistics.median(row["values"][peer].values()))
    found = ratios(row["values"][OWN], row["values"][name], row["better"])
    return f"**{statistics.median(found):.2f}** {name} ({spread(found)})" if found else ""


def ratio(row, engine):
    if engine not in row["values"] or OWN not in row["values"]:
        return ""
    found = ratios(row["values"][OWN], row["values"][engine], row["better"])
    return f"{statistics.median(found):.2f}" if found else ""


def own_figure(row):
    own = list(row["values"].get(OWN, {}).values())
    if not own:
        return ""
    rest = f" ({short(min(own))} to {short(max(own))})" if len(own) > 1 else ""
    return short(statistics.median(own)) + rest


def table(lines):
    rows, engines = {}, set()
    for line in lines:
        key = (line["theme"], line["benchmark"])
        row = rows.setdefault(key, {"unit": line["unit"], "better": line["better"], "values": {}})
        row["values"].setdefault(line["engine"], {})[line["round"]] = line["value"]
        engines.add(line["engine"])
    peers = sorted(engines - {OWN, DISK})
    others = ([DISK] if DISK in engines else []) + peers
    several = len({theme for theme, _ in rows}) > 1
    heads = ["", OWN, "unit"] + others + (["best peer"] if peers else [])
    print("| " + " | ".join(heads) + " |")
    print("|---|---:|---|" + "---:|" * len(others) + ("---|" if peers else ""))
    for (theme, benchmark), row in rows.items():
        cells = [f"{theme}/{benchmark}" if several else benchmark, own_figure(row), row["unit"]]
        cells += [ratio(row, engine) for engine in others] + ([against_best(row, peers)] if peers else [])
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
    print(f"\nMedians of {rounds} round{'s' if rounds > 1 else ''}, profile {lines[0]['profile']}; under the "
          f"other engines' names {OWN}'s ratios to them, within each round: above 1 it is better. "
          f"{described['cpu']}, {described['cores']} cores, {described['memory_gib']} GiB; "
          f"{described['file_system']}; {described['kernel']}; {described['compiler']}; commit {state}, "
          f"{lines[0]['time']}.")


if __name__ == "__main__":
    main()
