"""What is no longer measured: it could get as slow as it likes, and no comparison would say so.

1. A benchmark of ours ended when a later run of its theme, profile and machine has others and not it.
2. A theme ended when the last GIVEN_UP runs of its profile on its machine went without it. One run may be of
   some themes only (scripts/bench --themes); machines come and go, and theirs is no end.
3. A counter of an exact figure vanished, or p99 of a clock figure, when the benchmark's last run lacks it.
4. With other parameters a benchmark begins anew: told, as nothing compares its two halves, but no failure.
5. Only what was there in the last 60 runs is asked for.
"""
from . import allowed as allow_list
from . import changes
from .findings import Finding, commits_between, recent
from .history import PLAIN

GIVEN_UP = 3  # runs without a whole theme
NAMED_MAX = 6  # benchmarks that one finding names


def _finding(history, entries, key, what, span, note, verdict="gone"):
    """span: the last run that has it, the first that lacks it, how many lack it."""
    last, first, lacking = span
    before, after = history.runs[last], history.runs[first]
    if verdict == "gone":
        why = allow_list.reason(entries, (key.benchmark, key.name), what,
                                commits_between(before.commit, after.commit))
        verdict, note = ("allowed", f"no longer measured: {why}") if why else (verdict, note)
    return Finding(key.theme, key.benchmark, what, key.kind, verdict, None, None, None, what,
                         after.short, before.short, after.id, lacking, "certain", note)


def _all_of(key):
    """Stands for the benchmarks of a theme: by its name, `scans/*`, `standard/*`."""
    return key._replace(benchmark=f"{key.theme}/*" if key.theme in PLAIN else "*")


def _lacking(runs, last):
    """(last, first run without it, how many of them)."""
    later = [run for run in runs if run > last]
    return last, later[0], len(later)


def _themes(history):
    """(kind, profile, host, theme) -> series of ours."""
    groups = {}
    for kind in ("clock", "exact", "campaign"):
        for one in history.own(kind):
            groups.setdefault((one.key.kind, one.key.profile, one.key.host, one.key.theme), []).append(one)
    return groups


def _figures(series, run):
    """Names of the figures of a run that are compared."""
    results = series.results[run]
    if series.key.kind == "exact":
        return set(results[0].counters)
    return {"p99"} if series.key.kind == "clock" and any("p99" in r.latency for r in results) else set()


def _vanished(history, entries, series):
    runs = series.runs[-changes.WINDOW:]
    known = {}
    for run in runs:
        known.update(dict.fromkeys(_figures(series, run), run))
    for what, last in sorted(known.items()):
        if last < runs[-1]:
            yield _finding(history, entries, series.key, what, _lacking(runs, last),
                           "no longer counted: nobody would see it grow")


def _rows(history, entries, members):
    """Benchmarks of one theme that ended, and those that began anew."""
    runs = sorted({run for one in members for run in one.results})
    now = {one.key.benchmark for one in members if one.runs[-1] == runs[-1]}
    restarted = {}
    for one in members:
        if one.runs[-1] == runs[-1]:
            if recent(history, one.runs):
                yield from _vanished(history, entries, one)
        elif recent(history, one.runs):
            span = _lacking(runs, one.runs[-1])
            if one.key.benchmark in now:
                restarted.setdefault(span[:2], []).append(one.key)
            else:
                yield _finding(history, entries, one.key, "value", span,
                               "no longer measured: the last run of its theme has others. Was it a run of "
                               "some benchmarks only? Delete its lines")
    for (last, first), keys in sorted(restarted.items()):
        names = [key.benchmark for key in keys]
        more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
        yield _finding(history, entries, _all_of(keys[0]), "value", _lacking(runs, last),
                       "measured with other parameters since then, and compared from there on: "
                       + ", ".join(names[:NAMED_MAX]) + more, "restarted")


def _left_out(history, groups):
    """Themes without which the last runs went: (newest series, how many, its last run, later ones)."""
    measured = {}  # what ran together -> run -> names of its benchmarks
    for (kind, profile, _, _), members in groups.items():
        for one in members:
            for run in one.results:
                runs = measured.setdefault((kind, profile, history.runs[run].machine["id"]), {})
                runs.setdefault(run, set()).add((one.key.theme, one.key.benchmark))
    for (kind, profile, _, theme), members in groups.items():
        newest = max(members, key=lambda one: one.runs[-1])
        last = newest.runs[-1]
        names = {(theme, one.key.benchmark) for one in members}
        runs = measured[kind, profile, history.runs[last].machine["id"]]
        later = sorted(run for run in runs if run > last)
        # With another C library instructions are another series, and go on.
        if (len(later) >= GIVEN_UP and recent(history, newest.runs)
                and not any(names & runs[run] for run in later)):
            yield newest, len(names), last, later


def findings(history, entries):
    groups = _themes(history)
    found = [finding for members in groups.values() for finding in _rows(history, entries, members)]
    for newest, names, last, later in _left_out(history, groups):
        found.append(_finding(history, entries, _all_of(newest.key), "value",
                              (last, later[0], len(later)),
                              f"{names} benchmarks of which the last {len(later)} runs of this profile on "
                              "this machine had none"))
    return found
