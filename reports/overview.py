"""How we stand against each engine: ratios taken within a round, by benchmark, workload and engine."""
import statistics

from . import figures, latest
from .history import OURS
from .latest import PEERS

TIE = 0.15  # gaps below are ties: the spread of single rounds reaches it


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
                    "rounds": len(pairs), "run": run}
    return None


def _count(rows, engines):
    total = {"win": 0, "tie": 0, "loss": 0}
    for row in rows:
        for engine in engines:
            if row["cells"].get(engine):
                total[row["cells"][engine]["kind"]] += 1
    return total


def _means(rows, peers):
    """Engine -> geometric mean of our ratios to it."""
    means = {}
    for engine in peers:
        found = [row["cells"][engine]["ratio"] for row in rows if row["cells"].get(engine)]
        if found:
            means[engine] = statistics.geometric_mean(found)
    return means


def _figures(themes, peers):
    """One of the theme standard, by workload, one of the other themes."""
    parts = {"W1 to W11": themes.get("standard", {}),
             "Other themes": {name: rows for theme, groups in themes.items() if theme != "standard"
                              for name, rows in groups.items()}}
    drawn = []
    for title, groups in parts.items():
        rows = [(name, _means(members, peers)) for name, members in groups.items()]
        rows = [(name, means) for name, means in rows if means]
        if rows:
            drawn.append({"name": title, "svg": figures.ratios(
                f"ratios-{len(drawn)}", f"Speed against each engine: {title}", rows)})
    return drawn


def _engine(engine, groups, rows):
    """One engine in a line: each workload and each theme counts once, however many benchmarks it has."""
    means = [means[engine] for means in (_means(members, (engine,)) for members in groups.values()) if means]
    return {"mean": statistics.geometric_mean(means), "groups": len(means), **_count(rows, (engine,))}


def overview(last):
    groups, themes = {}, {}
    for (theme, name), engines in last:
        if OURS not in engines:
            continue
        ours = engines[OURS]
        cells = {engine: _cell(ours, engines[engine]) for engine in PEERS + ("disk",) if engine in engines}
        row = {"name": name, "value": latest.median(last.results(ours)), "unit": ours[0].unit,
               "better": ours[0].better, "cells": cells, "rounds": len(last.results(ours))}
        group = latest.group(theme, name)
        groups.setdefault(group, []).append(row)
        themes.setdefault(theme, {}).setdefault(group, groups[group])
    rows = [row for members in groups.values() for row in members]
    peers = [engine for engine in PEERS if any(row["cells"].get(engine) for row in rows)]
    counts = {theme: _count([row for members in found.values() for row in members], peers)
              for theme, found in themes.items()}
    return {"themes": themes, "peers": peers, "disk": any(row["cells"].get("disk") for row in rows),
            "engines": {engine: _engine(engine, groups, rows) for engine in peers}, "rows": len(rows),
            "figures": _figures(themes, peers), "sum": _count(rows, peers), "counts": counts}
