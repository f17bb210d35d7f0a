#!/usr/bin/python3
"""Runs what scripts/bench-exact has built: tables on stdout, history records into a file.

    bench/exact/exact.py --build FOLDER [--json FILE] [--only TEXT] [--twice] [--seed N] [--scale FACTOR]
                         [--callgrind] [--functions N] [--caches]

Needs nothing but Python, and valgrind for --callgrind. Exit code: 0; 1 if two runs differ or one failed.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
from reports import origin  # noqa: E402

PROGRAMS = ("bench_exact", "bench_exact_committers")
# Hot path -> two numbers of operations: what happens once falls out of their difference.
OPERATIONS = collections.defaultdict(lambda: (2_000, 12_000), {
    "put/random": (20_000, 40_000),  # beyond the first touch of each page since the checkpoint
    "put/ascending": (4_000, 24_000),
})


# Caches of the simulated processor: the same on every machine.
CACHES = ("--cache-sim=yes", "--I1=32768,8,64", "--D1=32768,8,64", "--LL=4194304,16,64")
MISSES = {"I1mr": "i1_misses", "D1mr": "d1_read_misses", "D1mw": "d1_write_misses", "ILmr": "ll_code_misses",
          "DLmr": "ll_read_misses", "DLmw": "ll_write_misses"}


class Failed(Exception):
    """What went wrong, for the user."""


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


# ---- Workloads in virtual time ----------------------------------------------------------------------------


def run_shown(command):
    """Its output is seen line by line, not when all is over."""
    sys.stdout.flush()
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")


def run_workloads(options):
    """The result lines of all programs, as text; they print their tables. Empty: nothing has the name."""
    lines = []
    for program in PROGRAMS:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "results")
            command = [os.path.join(options.build, "bench/exact", program), "--json", path]
            command += ["--seed", str(options.seed), "--scale", str(options.scale)]
            command += ["--only", options.only] if options.only else []
            command += ["--no-head"] if program != PROGRAMS[0] else []
            try:
                run_shown(command)
            except Failed as failed:
                if options.only and "no workload is called" in str(failed):
                    continue
                raise
            with open(path, encoding="utf-8") as file:
                lines.append(file.read())
    return "".join(lines)


# ---- Instructions -----------------------------------------------------------------------------------------


def short_name(function):
    """`ns::Result<T> ns::C::f<T>(A) const [clone .x]` -> `C::f`."""
    function = function.split(" [clone")[0].split("'")[0].replace("(anonymous namespace)::", "")
    while True:
        bare = re.sub(r"(?<!operator)<[^<>]*>|\([^()]*\)", "", function)
        if bare == function:
            break
        function = bare
    function = function.replace(" const", "").strip()
    operator = re.search(r"operator (new|delete)\S*", function)
    if operator:
        return operator[0]
    return "::".join(function.split(" ")[-1].split("::")[-2:])


def parse_callgrind(text):
    """All events, and instructions by function without what it calls; inlined code counts for its caller."""
    names, costs = {}, collections.Counter()
    current, skip = None, False
    for line in text.splitlines():
        if line.startswith("fn="):
            match = re.match(r"fn=\((\d+)\)(?: (.*))?", line)
            if match[2]:
                names[match[1]] = match[2]
            current = match[1]
        elif line.startswith("cfn=") or line.startswith("cfi=") or line.startswith("cob="):
            match = re.match(r"cfn=\((\d+)\) (.*)", line)
            if match:
                names[match[1]] = match[2]
        elif line.startswith("calls="):
            skip = True  # the next line is what the call cost, which stands with the callee
        elif re.match(r"[+\-*\d]", line):
            if not skip and len(line.split()) > 1:
                costs[current] += int(line.split()[1])
            skip = False
    events = re.search(r"^events: (.*)$", text, re.MULTILINE)[1].split()
    counts = re.search(r"^totals: (.*)$", text, re.MULTILINE)[1].split()
    totals = dict(zip(events, map(int, counts)))
    if totals["Ir"] != sum(costs.values()):
        raise Failed(f"callgrind's file adds up to {sum(costs.values())} instead of {totals['Ir']}")
    by_name = collections.Counter()
    for key, cost in costs.items():
        by_name[short_name(names[key])] += cost
    return totals, by_name


def count_once(options, path, operations):
    program = os.path.join(options.build, "bench/exact/bench_exact")
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        # An empty environment, because its size moves the stack and with it some counts.
        run(["env", "-i", "/usr/bin/valgrind", "--tool=callgrind", "--collect-atstart=no",
             "--toggle-collect=measured_*", "--compress-strings=yes", f"--callgrind-out-file={out}",
             *(CACHES if options.caches else ()),
             program, "--callgrind", path, "--operations", str(operations)])
        with open(out, encoding="utf-8") as file:
            return parse_callgrind(file.read())


def count_path(options, path):
    low, high = OPERATIONS[path]
    totals_low, by_name_low = count_once(options, path, low)
    totals, by_name = count_once(options, path, high)
    by_name.subtract(by_name_low)
    each = {event: (total - totals_low[event]) / (high - low) for event, total in totals.items()}
    return {"path": path, "operations": high - low, "instructions": each["Ir"],
            "misses": {name: each[event] for event, name in MISSES.items() if event in each},
            "functions": {name: cost / (high - low) for name, cost in by_name.items()}}


def run_callgrind(options):
    """Instructions per operation of each hot path; prints them."""
    paths = run([os.path.join(options.build, "bench/exact/bench_exact"), "--callgrind", "list"]).split()
    paths = [path for path in paths if options.only in f"exact/instructions/{path}"]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        counting = [pool.submit(count_path, options, path) for path in paths]
        for number, done in enumerate(concurrent.futures.as_completed(counting), start=1):
            count = done.result()
            print(f"[{number} of {len(paths)}] exact/instructions/{count['path']}: "
                  f"{count['instructions']:.1f} instructions/op", file=sys.stderr, flush=True)
        counted = [done.result() for done in counting]
    if counted:
        print(f"\n{'':34} {'instructions':>12}\n{'hot path':34} {'/op':>12}")
    for count in counted:
        print(f"{'exact/instructions/' + count['path']:34} {count['instructions']:12.1f}")
        if count["misses"]:
            print("    " + ", ".join(f"{name} {misses:.2f}" for name, misses in count["misses"].items()))
        top = sorted(count["functions"].items(), key=lambda item: (-item[1], item[0]))
        for name, cost in top[:options.functions]:
            print(f"    {100 * cost / count['instructions']:5.1f}% {cost:9.1f}  {name}")
    return counted


def instruction_lines(counted):
    for count in counted:
        yield {"benchmark": f"exact/instructions/{count['path']}", "value": count["instructions"],
               "unit": "instructions/op", "better": "lower", "counters": count["misses"],
               "params": {"ops": count["operations"]}}


# ---- History ----------------------------------------------------------------------------------------------


def history_lines(results, common):
    for result in results:
        yield {**common, "kind": "exact", "theme": "exact", "benchmark": result["benchmark"],
               "engine": "manifolddb", "round": 1,
               **{key: result[key] for key in ("value", "unit", "better", "counters", "params")}}


# ---- All of it --------------------------------------------------------------------------------------------


def measure(options):
    results = run_workloads(options)
    counted = run_callgrind(options) if options.callgrind else []
    return results, counted


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--json")
    parser.add_argument("--only", default="")
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--callgrind", action="store_true")
    parser.add_argument("--functions", type=int, default=0)
    parser.add_argument("--caches", action="store_true")
    options = parser.parse_args()
    try:
        results, counted = measure(options)
        if not results and not counted:
            raise Failed(f"nothing is called {options.only}")
        if options.twice:
            print("\nthe same again\n")
            if measure(options) != (results, counted):
                raise Failed("the second run DIFFERS from the first")
            print("\nboth runs are equal, bit for bit")
        if options.json:
            lines = [json.loads(line) for line in results.splitlines()]
            lines += instruction_lines(counted)
            found = history_lines(lines, origin.common("exact", "simulated"))
            with open(options.json, "a", encoding="utf-8") as file:
                file.writelines(json.dumps(line) + "\n" for line in found)
    except Failed as failed:
        print(f"bench-exact: {failed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
