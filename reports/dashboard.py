"""The page: what the history, the check and the campaigns say, drawn and put into template.html."""
import os
import re
import statistics

import jinja2

from . import campaigns as crash
from . import changes, check, figures, findings
from .history import OURS
from .signals import signal

TIE = 0.15  # gaps below are ties: the spread of single rounds reaches it
PEERS = ("rocksdb", "lmdb", "leveldb", "sqlite", "wiredtiger")
WORKLOADS = {
    "W1": "1,000 sequential 1 KiB puts per durable commit, one thread",
    "W2": "the same on 2, 4 and 8 threads",
    "W3": "one 100-byte put per durable commit", "W4": "W1 without sync", "W5": "random point reads, cached",
    "W6": "scans", "W7": "reads and writes mixed, durable", "W8": "load in random order, durable",
    "W9": "large values", "W10": "opening after a crash, to the first right answer",
    "W11": "random updates and deletes, then reads",
}
VERDICTS = {"regression": "slower", "broken": "broken", "suspect": "suspect", "allowed": "allowed",
            "improvement": "faster", "mended": "mended"}
EXACT_TRENDS_MAX = 24
MARKS_MAX = 6  # change points that are named in one figure; the newest


def workload(benchmark):
    match = re.match(r"W\d+(?=[/_]|$)", benchmark)
    return match[0] if match else benchmark.split("/")[0]


def order(benchmark):
    """W2 before W10, and numbers in names by size."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", benchmark)]


def slug(*words):
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")


def _median(results, pick=lambda result: result.value):
    found = [pick(result) for result in results if pick(result) is not None]
    return statistics.median(found) if found else None


def _counters(results):
    names = {name for result in results for name in result.counters}
    return {name: _median(results, lambda r, name=name: r.counters.get(name)) for name in names}


def _latency(results):
    quantiles = ("p50", "p90", "p99", "p99_9", "max")
    return {q: _median(results, lambda r, q=q: r.latency.get(q)) for q in quantiles
            if any(q in r.latency for r in results)}


class Latest:
    """The newest results of each engine for each benchmark of the machine and profile that ran last."""

    def __init__(self, history, kind):
        self.history = history
        self.benchmarks = {}  # benchmark -> engine -> (series, run)
        chosen = [(one.runs[-1], key) for key, one in history.series.items() if key.kind == kind]
        if not chosen:
            return
        last = max(chosen, key=lambda pair: pair[0])[1]
        for key, one in sorted(history.series.items()):
            if key.kind == kind and (key.profile, key.host) == (last.profile, last.host):
                known = self.benchmarks.setdefault(key.benchmark, {})
                if key.engine not in known or known[key.engine][1] < one.runs[-1]:
                    known[key.engine] = (one, one.runs[-1])

    def __iter__(self):
        for name in sorted(self.benchmarks, key=order):
            yield name, self.benchmarks[name]

    @staticmethod
    def results(entry):
        series, run = entry
        return series.results[run]


# ---- Overview ----------------------------------------------------------------------------------------------


def advantage(own, other, better):
    return own / other if better == "higher" else other / own


def _cell(ours, theirs):
    """Advantage over one engine: from rounds that both ran in the last run that has both."""
    series, other = ours[0], theirs[0]
    for run in reversed(series.runs):
        rounds = {r.round: r.value for r in other.results.get(run, ()) if r.value > 0}
        pairs = [advantage(r.value, rounds[r.round], series.better) for r in series.results[run]
                 if r.round in rounds and r.value > 0]
        if pairs:
            middle = statistics.median(pairs)
            kind = "tie" if 1 / (1 + TIE) < middle < 1 + TIE else "win" if middle > 1 else "loss"
            return {"ratio": middle, "low": min(pairs), "high": max(pairs), "kind": kind,
                    "rounds": len(pairs),
                    "run": run}
    return None


def overview(latest):
    groups, totals = {}, {engine: {"win": 0, "tie": 0, "loss": 0} for engine in PEERS}
    for name, engines in latest:
        if OURS not in engines:
            continue
        ours = engines[OURS]
        cells = {engine: _cell(ours, engines[engine]) for engine in PEERS + ("disk",) if engine in engines}
        for engine in PEERS:
            if cells.get(engine):
                totals[engine][cells[engine]["kind"]] += 1
        groups.setdefault(workload(name), []).append(
            {"name": name, "value": _median(latest.results(ours)), "unit": ours[0].unit,
             "better": ours[0].better, "cells": cells, "rounds": len(latest.results(ours))})
    peers = [engine for engine in PEERS if any(totals[engine].values())]
    has_disk = any(row["cells"].get("disk") for rows in groups.values() for row in rows)
    rows = []
    for name, members in groups.items():
        means = {}
        for engine in peers:
            found = [row["cells"][engine]["ratio"] for row in members if row["cells"].get(engine)]
            if found:
                means[engine] = statistics.geometric_mean(found)
        if means:
            rows.append((name, means))
    figure = figures.ratios("ratios", "Speed against each engine, by workload", rows) if rows else None
    return {"groups": groups, "peers": peers, "disk": has_disk, "totals": totals, "figure": figure,
            "sum": {kind: sum(totals[e][kind] for e in peers) for kind in ("win", "tie", "loss")}}


# ---- Trends ------------------------------------------------------------------------------------------------


def _mark(history, one, before, after, index):
    by = changes.shift(one.values[before], one.values[after])
    if by is None or abs(by[0]) < check.LEAST:
        return None
    text = f"{history.runs[one.runs[index]].commit[:7]} {100 * by[0]:+.0f} %"
    return index, ("\u25bc " if by[0] < 0 else "\u25b2 ") + text, "bad" if one.worse(by[0]) else "good"


def _trend(history, one, alpha):
    found = changes.detect(one.values, alpha)
    edges = [0] + [change.index for change in found] + [len(one.values)]
    marks = [_mark(history, one, slice(begin, at), slice(at, end), at)
             for begin, at, end in zip(edges, edges[1:], edges[2:])]
    marks = [mark for mark in marks if mark]
    named = marks[-MARKS_MAX:]
    if len(one.values) > 150:  # room for two labels beside each other at most
        named = marks[-3:]
    quiet = [(index, "", kind) for index, _, kind in marks if (index not in {m[0] for m in named})]
    days = [history.runs[run].day for run in one.runs]
    svg = figures.trend(slug("trend", one.series.key.profile, one.series.key.host, one.name,
                             one.series.key.params), f"Trend of {one.name}", one.values.tolist(), days,
                        named + quiet, edges[:-1], 1.0 if one.peers else None)
    versus = f"ratio to {_together(one.peers)}" if one.peers else one.unit
    return {"name": one.name, "svg": svg, "what": f"{versus}, {one.better} is better",
            "now": f"{figures.short(one.values[edges[-2]:].mean())}",
            "marks": marks, "runs": len(one.values), "profile": one.series.key.profile,
            "host": one.series.key.host, "params": one.series.params}


def _together(engines):
    return engines[0] if len(engines) == 1 else "the mean of " + ", ".join(engines)


def trends(history, alpha, flagged, progress=lambda done, of: None):
    """By workload. p99 is drawn where the check says something about it."""
    todo = []
    for kind in ("clock", "campaign"):
        for series in history.own(kind):
            todo.append((series, "value"))
            if (series.key.benchmark, "p99") in flagged:
                todo.append((series, "p99"))
    groups = {}
    several_hosts = len({(s.key.profile, s.key.host) for s, _ in todo}) > 1
    for done, (series, what) in enumerate(todo):
        progress(done, len(todo))
        one = signal(history, series, what)
        if one is None or len(one.values) < 2:
            continue
        drawn = _trend(history, one, alpha / max(len(todo), 1))
        drawn["host"] = f"{drawn['profile']}, machine {drawn['host']}" if several_hosts else ""
        groups.setdefault(workload(series.key.benchmark), []).append(drawn)
    for members in groups.values():
        members.sort(key=lambda drawn: order(drawn["name"]))
    return dict(sorted(groups.items(), key=lambda item: order(item[0])))


# ---- The other figures -------------------------------------------------------------------------------------


def latencies(latest):
    drawn = []
    for name, engines in latest:
        known = {engine: _latency(latest.results(entry)) for engine, entry in engines.items()}
        known = {engine: figure for engine, figure in known.items() if figure}
        if OURS in known:
            svg = figures.latency(slug("latency", name), f"Latencies of {name}", known)
            drawn.append({"name": name, "svg": svg, "ours": known[OURS]})
    return drawn


def scaling(latest):
    """Benchmarks that differ in nothing but the number of threads."""
    families = {}
    for name, engines in latest:
        match = re.search(r"/threads:(\d+)", name)
        if match:
            family = name[:match.start()] + name[match.end():]
            for engine, entry in engines.items():
                if engine != "disk":
                    curve = families.setdefault(family, {}).setdefault(engine, [])
                    curve.append((int(match[1]), _median(latest.results(entry)), entry[0].unit))
    drawn = []
    for family, by_engine in families.items():
        if len({x for points in by_engine.values() for x, _, _ in points}) < 2:
            continue
        unit = next(iter(by_engine.values()))[0][2]
        points = {engine: [(x, y) for x, y, _ in curve] for engine, curve in by_engine.items()}
        drawn.append({"name": family, "what": f"{unit} by threads", "engines": [e for e in figures.ENGINES
                                                                               if e in points],
                      "svg": figures.curves(slug("scaling", family), f"Scaling of {family}", points,
                                            "threads")})
    return drawn


def amplification(latest):
    drawn = []
    for name, engines in latest:
        counters = {engine: _counters(latest.results(entry)) for engine, entry in engines.items()}
        found = {counter for known in counters.values() for counter in known}
        for counter in sorted(counter for counter in found if counter.endswith("_amplification")):
            known = {engine: c[counter] for engine, c in counters.items() if c.get(counter)}
            if known:
                words = counter.replace("_", " ")
                drawn.append({"name": name, "what": words, "svg": figures.bars(
                    slug(counter, name), f"{words} of {name}", known, "x")})
    return drawn


RECOVERY_SECONDS = ("recovery_seconds", "first_read_seconds", "open_seconds")


def _log_bytes(counters, params):
    if counters.get("log_bytes"):
        return counters["log_bytes"]
    entries, value = params.get("entries"), params.get("value_bytes")
    return entries * value if entries and value else None


def recovery(latest):
    """Time from opening to the first right answer against what there was to replay."""
    points = {}
    for name, engines in latest:
        if workload(name) not in ("W10", "recovery"):
            continue
        for engine, (series, run) in engines.items():
            counters = _counters(series.results[run])
            seconds = next((counters[c] for c in RECOVERY_SECONDS if counters.get(c)), None)
            size = _log_bytes(counters, series.params)
            if seconds and size:
                points.setdefault(engine, []).append((size / 2**20, seconds))
    if not points:
        return None
    sizes = len({x for curve in points.values() for x, _ in curve})
    if sizes == 1:  # a curve of one point shows nothing
        seconds = {engine: curve[0][1] for engine, curve in points.items()}
        svg = figures.bars("recovery", "Time of recovery", seconds, " s")
    else:
        svg = figures.curves("recovery", "Time of recovery by size of the log", points, "MiB to replay",
                             log_y=True)
    return {"svg": svg, "sizes": sizes, "mib": max(x for curve in points.values() for x, _ in curve),
            "engines": [engine for engine in figures.ENGINES if engine in points]}


def exact(history):
    """The latest exact figures, each with what became of it in the step before."""
    rows = []
    for series in history.own("exact"):
        runs = series.runs
        now = series.results[runs[-1]][0]
        before = series.results[runs[-2]][0] if len(runs) > 1 else None
        figures_now = {"value": now.value, **now.counters}
        figures_before = {"value": before.value, **before.counters} if before else {}
        changed = {name: (figures_before[name], figure) for name, figure in figures_now.items()
                   if name in figures_before and figures_before[name] != figure}
        rows.append({"name": series.key.benchmark, "profile": series.key.profile, "value": now.value,
                     "unit": series.unit, "counters": dict(sorted(now.counters.items())), "changed": changed,
                     "commit": history.runs[runs[-1]].short})
    return sorted(rows, key=lambda row: order(row["name"]))


def exact_trends(history):
    """Of the exact figures that ever changed, the last ones. Every step is a change: no noise."""
    found = []
    for series in history.own("exact"):
        names = {"value"} | {name for run in series.runs for name in series.results[run][0].counters}
        for what in sorted(names):
            known = [(run, check.exact_figures(series, run)) for run in series.runs]
            levels = [(run, figures_of[what]) for run, figures_of in known if what in figures_of]
            steps = [i for i in range(1, len(levels)) if levels[i][1] != levels[i - 1][1]]
            if steps:
                found.append((levels[steps[-1]][0], series, what, levels, steps))
    found.sort(key=lambda one: (-one[0], order(one[1].key.benchmark), one[2]))
    return [_exact_trend(history, *one[1:]) for one in found[:EXACT_TRENDS_MAX]]


def _exact_trend(history, series, what, levels, steps):
    better = series.better if what == "value" else "lower"
    marks = []
    for i in steps[-3:]:
        old, new = levels[i - 1][1], levels[i][1]
        by = f" {100 * (new - old) / old:+.1f} %" if old else ""
        worse = (new > old) == (better == "lower")
        arrow = "\u25b2" if new > old else "\u25bc"
        text = f"{arrow} {history.runs[levels[i][0]].commit[:7]}{by}"
        marks.append((i, text, "bad" if worse else "good"))
    key = series.key
    svg = figures.trend(slug("exact", key.benchmark, what, key.profile, key.host, key.params),
                        f"Steps of {key.benchmark}, {what}", [figure for _, figure in levels],
                        [history.runs[run].day for run, _ in levels], marks, [0] + steps)
    unit = series.unit if what == "value" else what.replace("_", " ")
    return {"name": key.benchmark, "what": f"{unit}, {better} is better; now {findings.number(levels[-1][1])}",
            "svg": svg}


def campaign_cards(history):
    """Figures of the latest campaign in the history."""
    found = history.own("campaign")
    if not found:
        return None
    last = max(one.runs[-1] for one in found)
    counters, rates = {}, []
    for one in found:
        if one.runs[-1] == last:
            if any("recoveries" in result.counters for result in one.results[last]):
                rates.append(_median(one.results[last]))
            for result in one.results[last]:
                for name, count in result.counters.items():
                    counters[name] = counters.get(name, 0) + count
    return {"run": history.runs[last], "counters": counters, "rate": statistics.mean(rates) if rates else 0}


# ---- The page ----------------------------------------------------------------------------------------------


def headline(history, verdict):
    if not history.runs:
        return "empty", "No runs yet"
    if verdict.failed:
        broken = sum(f.verdict == "broken" for f in verdict.failed)
        slower = len(verdict.failed) - broken
        words = [f"{slower} regression{'s' if slower != 1 else ''}"] if slower else []
        words += [f"{broken} broken"] if broken else []
        return "bad", " and ".join(words) + ": to be mended, or allowed with a reason"
    if len(history.runs) == 1:
        return "empty", "One run: figures, but nothing yet to compare them with"
    if verdict.signals == 0 and verdict.exact == 0:
        return "empty", "Too few runs to judge"
    suspects = sum(f.verdict == "suspect" for f in verdict.findings)
    if suspects:
        return "warn", f"No regression proved; {suspects} change{'s' if suspects != 1 else ''} to look at"
    return "good", "No regression"


def render(history, verdict, campaigns=(), progress=lambda done, of: None, sources=()):
    here = os.path.dirname(os.path.abspath(__file__))
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(here), autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["short"] = figures.short
    environment.filters["figure"] = findings.number
    environment.filters["n"] = lambda count: f"{count or 0:,.0f}"
    clock = Latest(history, "clock")
    flagged = {(finding.benchmark, finding.what) for finding in verdict.findings}
    kind, words = headline(history, verdict)
    last = history.latest()
    return environment.get_template("template.html").render(
        kind=kind, headline=words, verdict=verdict, summary=check.summary(verdict), verdicts=VERDICTS,
        history=history, last=last, subject=findings.subject(last.commit) if last else "", sources=sources,
        overview=overview(clock), workloads=WORKLOADS,
        trends=trends(history, verdict.alpha, flagged, progress), latencies=latencies(clock),
        scaling=scaling(clock), amplification=amplification(clock), recovery=recovery(clock),
        exact=exact(history), exact_trends=exact_trends(history), cards=campaign_cards(history),
        campaigns=campaigns, matrix=crash.kill_matrix(campaigns), meanings=crash.MEANINGS, tie=TIE,
        alpha=verdict.alpha)
