"""Figures of the latest run: latencies, curves, amplification, recovery. Each says which theme it belongs to.

Where benchmarks differ in nothing but one number (threads, column families, keys, bytes of a value, the turn
of a long run) they are one curve. Of a curve's benchmarks the first and the last show their latencies.
"""
import re

from . import figures, latest
from .history import OURS

AXES = {"turn": "turn", "keys": "keys", "families": "column families, a thread each", "threads": "threads",
        "bytes": "bytes of a value"}
CURVE_MIN = 3  # points of all engines; two are two rows of the table
_AXIS = {axis: re.compile(rf"(?:(?<=/)|^){axis}:(\d+)(?=/|$)") for axis in AXES}


def slug(*words):
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")


def families(last):
    """(theme, name with a star, axis) -> [(x, engines)], from CURVE_MIN points on, by size."""
    found = {}
    for (theme, name), engines in last:
        for axis, pattern in _AXIS.items():
            match = pattern.search(name)
            if match and not (theme == "recovery" or OURS not in engines):
                star = f"{name[:match.start()]}{axis}:*{name[match.end():]}"
                found.setdefault((theme, star, axis), []).append((int(match[1]), name, engines))
    return {key: sorted(points, key=lambda point: point[0]) for key, points in found.items()
            if len(points) >= CURVE_MIN}


def _curve(points, pick):
    """Engine -> [(x, y)]; the disk has no threads of its own."""
    curves = {}
    for x, _, engines in points:
        for engine, entry in engines.items():
            y = pick(latest.Latest.results(entry))
            if engine != "disk" and y:
                curves.setdefault(engine, []).append((x, y))
    return {engine: curve for engine, curve in curves.items() if len(curve) > 1}


def _drawn(theme, name, what, axis, curves, word):
    svg = figures.curves(slug(word, theme, name), f"{what} of {name} by {AXES[axis]}", curves, AXES[axis],
                         linear=axis == "turn")
    return {"theme": theme, "name": name, "what": f"{what} by {AXES[axis]}", "svg": svg,
            "engines": [engine for engine in figures.ENGINES if engine in curves]}


def scaling(found):
    """Speed by threads, families, keys, bytes and turns."""
    drawn = []
    for (theme, name, axis), points in found.items():
        curves = _curve(points, latest.median)
        if OURS in curves:
            series = points[0][2][OURS][0]
            low = ", less is better" if series.better == "lower" else ""
            drawn.append(_drawn(theme, name, series.unit + low, axis, curves, "scaling"))
    return drawn


def file_sizes(found):
    """What the files of a long run took, turn by turn."""
    drawn = []
    for (theme, name, axis), points in found.items():
        if axis != "turn":
            continue
        curves = _curve(points, lambda results: (latest.counters(results).get("space_bytes") or 0) / 1e6)
        if OURS in curves:
            drawn.append(_drawn(theme, name, "MB of files", axis, curves, "space"))
    return drawn


def latencies(last, found):
    inner = {(theme, name) for (theme, _, _), points in found.items() for _, name, _ in points[1:-1]}
    drawn = []
    for (theme, name), engines in last:
        if (theme, name) in inner:
            continue
        known = {engine: latest.latency(last.results(entry)) for engine, entry in engines.items()}
        known = {engine: figure for engine, figure in known.items() if figure}
        if OURS in known:
            svg = figures.latency(slug("latency", theme, name), f"Latencies of {name}", known)
            drawn.append({"theme": theme, "name": name, "svg": svg, "ours": known[OURS]})
    return drawn


def amplification(last, found):
    drawn, curved = [], set()
    for (theme, name, axis), points in found.items():
        for counter in ("write_amplification", "space_amplification"):
            curves = _curve(points, lambda results, c=counter: latest.counters(results).get(c))
            if OURS in curves:
                curved |= {(theme, point[1], counter) for point in points}
                drawn.append(_drawn(theme, name, counter.replace("_", " "), axis, curves, counter))
    for (theme, name), engines in last:
        counters = {engine: latest.counters(last.results(entry)) for engine, entry in engines.items()}
        for counter in sorted({c for known in counters.values() for c in known
                               if c.endswith("_amplification")}):
            known = {engine: c[counter] for engine, c in counters.items() if c.get(counter)}
            if known and (theme, name, counter) not in curved:
                words = counter.replace("_", " ")
                drawn.append({"theme": theme, "name": name, "what": words, "engines": [], "svg": figures.bars(
                    slug(counter, theme, name), f"{words} of {name}", known, "x")})
    return sorted(drawn, key=lambda one: (latest.theme_order(one["theme"]), latest.order(one["name"]),
                                          one["what"]))


# ---- Recovery ----------------------------------------------------------------------------------------------

RECOVERY_SECONDS = ("recovery_seconds", "first_read_seconds", "open_seconds")
COMMITTED, IN_LOG = "MB committed before the crash", "MB in log files at opening"


def _recoveries(last):
    """Bytes of a value -> what is on the x axis -> engine -> [(MB, seconds)]."""
    found = {}
    for (theme, name), engines in last:
        if theme != "recovery" and not (theme == "standard" and latest.workload(name) == "W10"):
            continue
        for engine, entry in engines.items():
            series, counters = entry[0], latest.counters(last.results(entry))
            seconds = next((counters[c] for c in RECOVERY_SECONDS if counters.get(c)), None)
            entries, value = series.params.get("entries"), series.params.get("value_bytes")
            sizes = {COMMITTED: entries * value if entries and value else None,
                     IN_LOG: counters.get("log_bytes")}
            for what, size in sizes.items():
                if seconds and size:
                    curves = found.setdefault(value or 0, {}).setdefault(what, {})
                    curves.setdefault(engine, []).append((size / 1e6, seconds))
    return found


def recovery(last):
    """Time from opening to the first right answer against the size of the log, as far as engines have logs
    and say how large they are, and against what had been committed, which all have in common."""
    drawn = []
    for value, kinds in sorted(_recoveries(last).items()):
        for what, curves in kinds.items():
            sizes = sorted({x for curve in curves.values() for x, _ in curve})
            name = f"values of {value} bytes" if value else "recovery"
            if max(len({x for x, _ in curve}) for curve in curves.values()) > 1:
                svg = figures.curves(slug("recovery", name, what), f"Time of recovery by {what}", curves,
                                     what, log_y=True)
                engines = [engine for engine in figures.ENGINES if engine in curves]
                drawn.append({"name": name, "what": f"seconds by {what}", "svg": svg, "engines": engines})
            elif what == COMMITTED:  # a curve of one point shows nothing
                seconds = {engine: curve[0][1] for engine, curve in curves.items()}
                svg = figures.bars(slug("recovery", name, what), "Time of recovery", seconds, " s")
                drawn.append({"name": name, "what": f"seconds, {sizes[-1]:.0f} {what}", "svg": svg,
                              "engines": []})
    return drawn
