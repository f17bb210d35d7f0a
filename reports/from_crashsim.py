#!/usr/bin/python3
"""Turns what crashsim wrote (`run --json`, `mutants --json`) into lines of a history, kind `campaign`.

    reports/from_crashsim.py [--commit COMMIT] [--time UTC] [--profile P] [--dir FOLDER]
                             FILES.jsonl >> history.jsonl

Give the files of one night together, so that they make one run.
"""
import argparse
import json
import os
import sys

if __package__ in (None, ""):  # run as a file
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    __package__ = "reports"

from . import campaigns, history, origin  # noqa: E402


def _name(header):
    """A night runs one workload on several disks and sizes: each is a benchmark of its own."""
    name = f"campaign/{header.get('workload', 'unknown')}"
    if header.get("preset", "strict") != "strict":
        name += f"/{header['preset']}"
    if header.get("unit"):
        name += f"/unit:{header['unit']}"
    if header.get("pairings"):
        name += "/pairings"
    return name if header.get("config", "any") == "any" else f"{name}/{header['config']}"


def lines(found, common):
    for campaign in found:
        if campaign.mutants:
            broken = [mutant for mutant in campaign.mutants if mutant.get("site")]
            name = "campaign/mutants"
            value = sum(m["executions"] for m in broken) / max(sum(m["seconds"] for m in broken), 1e-9)
            counters = {"mutants": len(broken), "mutants_killed": sum(bool(m.get("killed")) for m in broken)}
        else:
            name = _name(campaign.header)
            value = campaign.summary.get("recoveries_per_second", 0)
            counters = {key: campaign.summary[key] for key in ("points", "images", "recoveries")
                        if key in campaign.summary}
            counters["violations"] = campaign.violations
        yield dict(common, kind="campaign", theme="crash", benchmark=name, engine="manifolddb", round=1,
                   value=round(value, 1), unit="recoveries/s", better="higher", counters=counters)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--commit", help="40 digits (default: that of the checkout)")
    parser.add_argument("--time", help="UTC, as 2026-11-26T03:50:00Z (default: now)")
    parser.add_argument("--profile", default="quick", choices=("quick", "full", "nightly"))
    parser.add_argument("--dir", default=".", help="where it ran")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    try:
        found = campaigns.load(options.files)
    except history.InputError as error:
        print(f"from_crashsim: {error}", file=sys.stderr)
        return 2
    file_system = origin.file_system_of(options.dir)
    common = origin.common(options.profile, file_system, options.commit, options.time)
    for line in lines(found, common):
        print(json.dumps(line, separators=(",", ":")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
