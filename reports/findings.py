"""What a check tells: findings, and their words."""
import functools
import os
import subprocess
from typing import NamedTuple

from . import changes
from . import history as records

HERE = os.path.dirname(os.path.abspath(__file__))
ORDER = ("broken", "regression", "gone", "suspect", "allowed", "restarted", "improvement", "mended")
FAILS = ("broken", "regression", "gone")


class Finding(NamedTuple):
    theme: str
    benchmark: str
    what: str  # "value", "p99" or a counter's name
    kind: str  # clock, exact, campaign
    verdict: str  # of ORDER
    change: float  # relative, or None where it was zero or is not a number of that sort
    before: float
    after: float
    unit: str
    since: str  # commit, 12 digits
    previous: str  # last commit before it, 12 digits
    run: str
    runs_since: int
    how_sure: str
    note: str = ""
    interval: tuple = None
    p: float = 0.0

    @property
    def name(self):
        return records.named(self.theme, self.benchmark)

    @property
    def fails(self):
        return self.verdict in FAILS

    @property
    def percent(self):
        return "" if self.change is None else f"{100 * self.change:+.{1 if abs(self.change) < 1 else 0}f} %"


@functools.lru_cache(maxsize=None)
def commits_between(old, new):
    """Names of the commits after old up to new, new first; just new where git does not know them."""
    done = subprocess.run(["git", "-C", HERE, "rev-list", f"{old}..{new}"], capture_output=True, text=True,
                          check=False)
    return tuple(dict.fromkeys([new] + done.stdout.split() if done.returncode == 0 else [new]))


@functools.lru_cache(maxsize=None)
def subject(commit):
    done = subprocess.run(["git", "-C", HERE, "log", "-1", "--format=%s", commit], capture_output=True,
                          text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def number(value):
    if value is None:
        return "?"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def recent(history, runs):
    """Whether the last of these runs is among the last ones: what was given up long ago is not checked."""
    return runs[-1] >= len(history.runs) - changes.WINDOW


def describe(finding):
    name = finding.name + ("" if finding.what == "value" else f" [{finding.what}]")
    lines = [f"{finding.verdict.upper():11} {name}  {finding.percent}".rstrip()]
    unit = "" if finding.unit == finding.what else f" {finding.unit}"
    moved = f"{number(finding.before)} -> {number(finding.after)}{unit}"
    if finding.interval:
        low, high = (f"{100 * x:+.1f}" for x in finding.interval)
        moved += f" (95 %: {low} to {high} %)"
    if finding.verdict not in ("gone", "restarted"):
        lines.append(f"            {moved}")
    if finding.kind == "campaign" and finding.verdict == "broken":
        lines.append(f"            in commit {finding.since}, run {finding.run}")
    else:
        sure = finding.how_sure
        if sure not in ("exact", "certain"):
            sure += " sure, all series considered"
        since = f"since commit {finding.since} (before it {finding.previous}), {finding.runs_since} run"
        lines.append(f"            {since}{'s' if finding.runs_since != 1 else ''}; {sure}")
    if finding.note:
        lines.append(f"            {finding.note}")
    return "\n".join(lines)
