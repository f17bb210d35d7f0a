#!/usr/bin/python3
"""Turns the reports of bench/'s binaries into history and a table; called by scripts/bench.

    scripts/bench_report.py begin --profile P --directory DIR --run FILE
    scripts/bench_report.py append --run FILE --lines FILE --history FILE ROUND.THEME.json ...
    scripts/bench_report.py table --lines FILE [--seconds N]

`begin` writes down what all lines of a run have in common. `append`, after each theme of each round, adds one
JSON object per result to the history and to the run's own lines: what was measured is kept, whatever ends the
run. `table` prints those as a Markdown table: medians over the rounds, their spread, and the ratios of this
engine to each peer, taken within each round. A ratio above 1 means that this engine is better, also where
less is better. Beneath it stands what one has to know to read it.
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
DISK_MOVED = 1.5  # times, between two rows that write the same
QUICK_SECONDS = 180
QUICK_BYTES = 2 << 30
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


def records(common, reports):
    for path in reports:
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


def name_of(line):
    return f"{line['theme']}/{line['benchmark']}, round {line['round']}"


def disk_notes(lines):
    """Where the bare disk itself was not the same: rows with the same blocks, by one thread."""
    by_size = {}
    for line in lines:
        counters = line["counters"]
        if line["engine"] == DISK and line["params"].get("threads") == 1 and counters.get("seconds"):
            rate = counters["bytes_written"] / 1e6 / counters["seconds"]
            by_size.setdefault(line["params"]["block_bytes"], []).append((rate, name_of(line)))
    for size, rates in sorted(by_size.items()):
        (slow, slow_row), (fast, fast_row) = min(rates), max(rates)
        if fast > DISK_MOVED * slow:
            yield (f"The disk was not the same throughout: blocks of {size // 1024:,} KiB, overwritten and "
                   f"synced, {short(slow)} MB/s in {slow_row}, {short(fast)} MB/s in {fast_row}. Ratios of "
                   "durable rows are worth the less.")


def cache_notes(lines):
    found = [f"{line['engine']} in {name_of(line)} ({line['counters']['not_cached']:.2f} reads of files for "
             "each entry)" for line in lines if "not_cached" in line["counters"]]
    if found:
        yield "Not everything was in the cache, though it had room: " + "; ".join(found) + "."


def limits(lines, seconds):
    """Wall time and the greatest peak of memory; for quick, whether it kept to what it promises."""
    peak, where = max(((line["counters"].get("peak_rss_bytes", 0), f"{line['engine']} in {name_of(line)}")
                       for line in lines), default=(0, ""))
    text = (f"Measured in {int(seconds) // 60} min {int(seconds) % 60} s; "
            f"at most {peak / 2**20:,.0f} MiB in memory")
    yield text + (f" ({where})." if where else ".")
    if lines[0]["profile"] == "quick":
        if seconds > QUICK_SECONDS:
            yield f"That is LONGER than the {QUICK_SECONDS // 60} minutes that `quick` may take."
        if peak > QUICK_BYTES:
            yield f"That is MORE than the {QUICK_BYTES / 2**30:.0f} GiB that `quick` may take."


def origin_note(lines):
    described, rounds = lines[0]["machine"], max(line["round"] for line in lines)
    state = lines[0]["commit"][:12] + (" and changes" if lines[0]["dirty"] else "")
    return (f"Medians of {rounds} round{'s' if rounds > 1 else ''}, profile {lines[0]['profile']}; under the "
            f"other engines' names {OWN}'s ratios to them, within each round: above 1 it is better. "
            f"{described['cpu']}, {described['cores']} cores, {described['memory_gib']} GiB; "
            f"{described['file_system']}; {described['kernel']}; {described['compiler']}; commit {state}, "
            f"{lines[0]['time']}.")


def begin(arguments):
    common = origin.common(arguments.profile, origin.file_system_of(arguments.directory))
    with open(arguments.run, "w", encoding="utf-8") as file:
        json.dump(common, file)


def append(arguments):
    with open(arguments.run, encoding="utf-8") as file:
        common = json.load(file)
    text = "".join(json.dumps(line) + "\n" for line in records(common, arguments.reports))
    for path in (arguments.history, arguments.lines):
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)


def print_table(arguments):
    with open(arguments.lines, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    if not lines:
        sys.exit("bench: no result to report")
    table(lines)
    notes = [origin_note(lines), *disk_notes(lines), *cache_notes(lines)]
    notes += limits(lines, arguments.seconds) if arguments.seconds is not None else []
    print("\n" + "\n".join(notes))


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    first = commands.add_parser("begin")
    first.add_argument("--profile", required=True)
    first.add_argument("--directory", required=True)
    first.set_defaults(do=begin)
    each = commands.add_parser("append")
    each.add_argument("--history", required=True)
    each.add_argument("reports", nargs="+")
    each.set_defaults(do=append)
    last = commands.add_parser("table")
    last.add_argument("--seconds", type=float)
    last.set_defaults(do=print_table)
    for command in (first, each):
        command.add_argument("--run", required=True)
    for command in (each, last):
        command.add_argument("--lines", required=True)
    arguments = parser.parse_args()
    arguments.do(arguments)


if __name__ == "__main__":
    main()
