"""What crashsim wrote (`crashsim run --json`, `crashsim mutants --json`), for the dashboard.

scripts/report-campaign shows a campaign in full; here its figures stand beside the benchmarks."""
import json
import math
import os
from typing import NamedTuple

from .history import InputError, lines_of

PROMISES = ("G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8", "G9", "G10")
MEANINGS = {"G1": "durable", "G2": "atomic", "G3": "prefix", "G4": "isolated", "G5": "whole",
            "G6": "restartable", "G7": "honest about damage", "G8": "honest about errors", "G9": "no leaks",
            "G10": "bounded"}


class Campaign(NamedTuple):
    name: str
    header: dict
    summary: dict
    mutants: list
    violations: int

    @property
    def verdict(self):
        return self.summary.get("verdict", "no verdict")


def load(paths):
    return [_load(path) for path in paths]


def _load(path):
    header, summary, mutants, violations = {}, {}, [], 0
    for number, line in lines_of(path):
        # Points and traces are most of the file, and not needed here.
        if line.startswith(('{"type":"point"', '{"type":"trace"')) or not line.strip():
            continue
        try:
            record = json.loads(line)
            kind = record["type"]
            _check(record)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise InputError(f"{path}:{number}: not a record of crashsim ({error!r}). Was the run cut off? "
                             "Delete the line") from error
        if kind == "header":
            header = record
        elif kind in ("summary", "mutants_summary"):
            summary = record
        elif kind == "mutant":
            mutants.append(record)
        violations += kind in ("violation", "harness_error")
    if not header and not summary:
        raise InputError(
            f"{path}:1: holds no campaign. crashsim run --json and crashsim mutants --json write one")
    return Campaign(os.path.basename(path), header, summary, mutants, violations)


# What is reckoned with or shown further on, and of what sort it is; any of it may be missing.
_NUMBERS = ("executions", "seconds", "hits", "recoveries_per_second", "points", "images", "recoveries")
_TEXTS = ("type", "site", "promise", "by", "verdict")


def _check(record):
    if not isinstance(record, dict):
        raise TypeError("want an object")
    for name in _NUMBERS:
        value = record.get(name, 0)
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise TypeError(f"{name} is not a number")
    for name in _TEXTS:
        if not isinstance(record.get(name, ""), (str, type(None)) if name == "promise" else str):
            raise TypeError(f"{name} is not a text")


class Row(NamedTuple):
    """A mutant in the kill matrix."""
    site: str
    killed: bool
    promise: str
    by: str
    executions: int
    seconds: float
    hits: int


def kill_matrix(campaigns):
    """(promises and other words that killed, in order; the mutants by module), or None without mutants."""
    rows = []
    for campaign in campaigns:
        for m in campaign.mutants:
            if m.get("site"):
                promise = m.get("promise") or ("other" if m.get("killed") else "")
                rows.append(Row(m["site"], bool(m.get("killed")), promise, m.get("by", ""),
                                int(m.get("executions", 0)), float(m.get("seconds", 0)),
                                int(m.get("hits", 0))))
    if not rows:
        return None
    seen = {row.promise for row in rows if row.promise}
    columns = [p for p in PROMISES if p in seen] + sorted(seen - set(PROMISES))
    modules = {}
    for row in sorted(rows):
        modules.setdefault(row.site.split(".")[0], []).append(row)
    return columns, modules
