"""The page: what the history, the check and the campaigns say, drawn and put into template.html."""
import os
import statistics

import jinja2
import markupsafe

from . import campaigns as crash
from . import changes, check, figures, findings, latest, overview, shapes
from . import history as records
from .latest import order
from .shapes import slug
from .signals import signal

EXACT_TRENDS_MAX = 24
MARKS_MAX = 6  # change points that are named in one figure; the newest


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
    key = one.series.key
    svg = figures.trend(slug("trend", key.profile, key.host, key.theme, one.name, key.params),
                        f"Trend of {one.name}", one.values.tolist(), days, named + quiet, edges[:-1],
                        1.0 if one.peers else None)
    versus = f"ratio to {_together(one.peers)}" if one.peers else one.unit
    return {"name": one.name, "svg": svg, "what": f"{versus}, {one.better} is better",
            "now": f"{figures.short(one.values[edges[-2]:].mean())}", "marks": marks, "profile": key.profile,
            "host": key.host}


def _together(engines):
    return engines[0] if len(engines) == 1 else "the mean of " + ", ".join(engines)


def trends(history, alpha, flagged, progress=lambda done, of: None):
    """By workload and theme. p99 is drawn where the check says something about it."""
    todo = []
    for kind in ("clock", "campaign"):
        for series in history.own(kind):
            todo.append((series, "value"))
            if (series.key.theme, series.key.benchmark, "p99") in flagged:
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
        place = latest.theme_order(series.key.theme), latest.group(series.key.theme, series.key.benchmark)
        groups.setdefault(place, []).append(drawn)
    for members in groups.values():
        members.sort(key=lambda drawn: order(drawn["name"]))
    return {name: groups[theme, name]
            for theme, name in sorted(groups, key=lambda place: (place[0], order(place[1])))}


# ---- Exact figures and campaigns ---------------------------------------------------------------------------


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
    now = findings.number(levels[-1][1])
    return {"name": key.benchmark, "what": f"{unit}, {better} is better; now {now}", "svg": svg}


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
                rates.append(latest.median(one.results[last]))
            for result in one.results[last]:
                for name, count in result.counters.items():
                    counters[name] = counters.get(name, 0) + count
    return {"run": history.runs[last], "counters": counters, "rate": statistics.mean(rates) if rates else 0}


# ---- The page ----------------------------------------------------------------------------------------------


def _counted(words):
    """[(2, "regression"), (1, "broken")] -> "2 regressions and 1 broken"."""
    told = [f"{count} {word}{'s' if plural and count != 1 else ''}" for count, word, plural in words if count]
    return " and ".join([", ".join(told[:-1])] * (len(told) > 1) + told[-1:])


def headline(history, verdict, standing=None):
    """`standing`: how many comparisons with other engines were won, even and lost; told where no earlier run
    says more."""
    if not history.runs:
        return "empty", "No runs yet"
    if verdict.failed:
        count = {word: sum(f.verdict == word for f in verdict.failed) for word in findings.FAILS}
        words = _counted([(count["regression"], "regression", True), (count["broken"], "broken", False),
                          (count["gone"], "no longer measured", False)])
        return "bad", words + ": to be mended, or allowed with a reason"
    if verdict.signals == 0 and verdict.exact == 0:
        compared = sum(standing.values()) if standing else 0
        if compared:
            return "empty", f"Ahead in {standing['win']} of {compared} comparisons; no earlier run yet"
        return "empty", "No earlier run to compare with yet"
    suspects = sum(f.verdict == "suspect" for f in verdict.findings)
    if suspects:
        return "warn", f"No regression proved; {suspects} change{'s' if suspects != 1 else ''} to look at"
    if verdict.signals == 0 and verdict.untested:
        return "good", "No regression of exact figures; too few runs to judge the clock"
    return "good", "No regression"


def render(history, verdict, campaigns=(), progress=lambda done, of: None, sources=(), evidence=None):
    here = os.path.dirname(os.path.abspath(__file__))
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(here), autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["short"] = figures.short
    environment.filters["duration"] = figures.duration
    environment.filters["figure"] = findings.number
    environment.filters["breakable"] = lambda name: markupsafe.escape(name).replace(
        "/", markupsafe.Markup("/<wbr>"))  # a long name breaks between its words
    environment.filters["meaning"] = latest.meaning
    environment.filters["n"] = lambda count: f"{count or 0:,.0f}"
    folded = records.folded(history)  # where levels are compared; curves show each turn
    clock = latest.Latest(history, "clock")
    curved = shapes.families(clock)
    flagged = {(finding.theme, finding.benchmark, finding.what) for finding in verdict.findings}
    standing = overview.overview(latest.Latest(folded, "clock"))
    kind, words = headline(history, verdict, standing and standing["sum"])
    last = history.latest()
    return environment.get_template("template.html").render(
        kind=kind, headline=words, verdict=verdict, summary=check.summary(verdict),
        history=history, last=last, subject=findings.subject(last.commit) if last else "", sources=sources,
        overview=standing,
        trends=trends(folded, verdict.alpha, flagged, progress),
        latencies=latest.by_theme(shapes.latencies(clock, curved)),
        scaling=latest.by_theme(shapes.scaling(curved) + shapes.file_sizes(curved)),
        amplification=latest.by_theme(shapes.amplification(clock, curved)), recovery=shapes.recovery(clock),
        exact=exact(history), exact_trends=exact_trends(history), cards=campaign_cards(history),
        campaigns=campaigns, matrix=crash.kill_matrix(campaigns), meanings=crash.MEANINGS, tie=overview.TIE,
        alpha=verdict.alpha, evidence=evidence)
