"""The allow-list: changes that are known, each with the reason why it may stay.

    {"allowed": [{"benchmark": "W3/*", "counter": "writes", "commit": "1a2b3c4d5e6f", "reason": "why"}]}

`benchmark` and `counter` are patterns as in a shell; `counter` is a counter's name, "value" or "p99";
`benchmark` is matched with the name as the check tells it (`churn/turn:*/read`) and, for any theme, with the
benchmark's own (`turn:*/read`). What is no longer measured is allowed as "value", or by its counter, with the
first commit without it. `commit` is the one that made the change, at least seven digits of it: an entry never
allows the next change as well.
"""
import fnmatch
import json
import os
import re
from typing import NamedTuple

from .history import InputError

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "allowed.json")
FIELDS = ("benchmark", "counter", "commit", "reason")


class Entry(NamedTuple):
    benchmark: str
    counter: str
    commit: str
    reason: str
    where: str


def load(path=FILE):
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}. An empty list is {{\"allowed\": []}}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}:{getattr(error, 'lineno', 1)}: not JSON ({error})") from error
    if not isinstance(content, dict) or not isinstance(content.get("allowed"), list) or len(content) != 1:
        raise InputError(f"{path}:1: want {{\"allowed\": [entries]}}")
    return [_entry(path, number, one) for number, one in enumerate(content["allowed"], 1)]


def _entry(path, number, one):
    where = f"{path}: entry {number}"
    if not (isinstance(one, dict) and set(one) == set(FIELDS)
            and all(isinstance(x, str) for x in one.values())):
        raise InputError(f"{where}: want the words {', '.join(FIELDS)} and no others")
    if not re.fullmatch(r"[0-9a-f]{7,40}", one["commit"]):
        raise InputError(f"{where}: commit '{one['commit']}' is not 7 to 40 digits of a commit's name")
    if len(one["reason"].split()) < 3:
        raise InputError(f"{where}: the reason has to say why this may stay, in a few words at least")
    return Entry(where=where, **one)


def reason(entries, names, counter, commits):
    """Why a change is allowed, or None. names: of the benchmark; commits: those that may have made it."""
    for entry in entries:
        if (any(fnmatch.fnmatchcase(name, entry.benchmark) for name in names)
                and fnmatch.fnmatchcase(counter, entry.counter)
                and any(commit.startswith(entry.commit) for commit in commits)):
            return entry.reason
    return None
