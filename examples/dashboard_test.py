#!/usr/bin/python3
"""The dashboard asks for metrics that there are.

    dashboard_test.py DASHBOARD PROGRAM      PROGRAM --names prints them, one on each line
"""
import json
import re
import subprocess
import sys


def main():
    dashboard, program = sys.argv[1:]
    names = set(subprocess.run((program, "--names"), check=True, text=True,
                               stdout=subprocess.PIPE).stdout.split())
    there = names | {name + end for name in names for end in ("_bucket", "_sum", "_count")}
    with open(dashboard, encoding="utf-8") as file:
        board = json.load(file)
    asked = {query: set(re.findall(r"\bmanifolddb_\w+", query)) for query in queries(board)}
    wrong = {query: sorted(used - there) for query, used in asked.items() if used - there or not used}
    for query, missing in wrong.items():
        print(f"{query}: {', '.join(missing) or 'no metric of manifolddb'}")
    shown = {name for used in asked.values() for name in used}
    shown |= {re.sub("_(bucket|sum|count)$", "", name) for name in shown}
    print(f"{len(asked)} queries, {len(wrong)} wrong; not shown: {', '.join(sorted(names - shown))}")
    return 1 if wrong or len(asked) < 10 or len(ids(board)) != len(board["panels"]) else 0


def queries(board):
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]


def ids(board):
    return {panel["id"] for panel in board["panels"]}


if __name__ == "__main__":
    sys.exit(main())
