"""The regression check: which benchmark, since which commit, by how much, how sure.

1. Exact figures (simulated disk, virtual time, instructions) compare exactly from run to run.
2. Clock figures go through changes.py. `alpha` is the chance of any false alarm in the whole check if nothing
   changed anywhere: each of its series is tested at alpha divided by their number.
3. Without a peer in the same rounds nobody can tell the engine from its machine (README.md has the rate of
   false alarms then). Such changes are `suspect`: told, but they fail only with `strict`.
4. A finding stays until it is mended (the level is back) or allowed with a reason; it does not fade because
   the next run is as slow. Improvements are told and never fail.
5. What is no longer measured cannot get worse. So a benchmark of ours that ends, a counter that vanishes and
   a theme that is left out are findings, too (ended.py).
6. Nothing is called sound that was compared with nothing: what had one run only is counted apart.
"""
from typing import NamedTuple

from . import allowed as allow_list
from . import changes, ended
from . import history as records
from .findings import ORDER, Finding, commits_between, number, recent, subject
from .signals import watched

ALPHA = 0.01
LEAST = 0.01  # relative; smaller changes of clock figures are not reported
PLACE = 2  # runs: a clock change may have come so much earlier or later than the split says


class Verdict(NamedTuple):
    findings: list
    signals: int  # clock series that were tested
    untested: int  # too short
    needed: int  # runs that a series needs
    exact: int  # exact series that were compared
    alone: int  # exact series of one run: nothing to compare them with
    alpha: float

    @property
    def failed(self):
        return [finding for finding in self.findings if finding.fails]


# ---- Exact -------------------------------------------------------------------------------------------------


def exact_figures(series, run):
    """name -> figure; rounds of exact results have to agree, the first one speaks."""
    first = series.results[run][0]
    return {"value": first.value, **first.counters}


def _exact_step(history, series, at, what, levels, entries):
    """The finding about the step to the run at index `at` of levels [(run, figure)], or None."""
    (old_run, old), (new_run, new) = levels[at - 1], levels[at]
    if old == new:
        return None
    better = series.better if what == "value" else "lower"
    worse = (new > old) == (better == "lower")
    before, after = history.runs[old_run], history.runs[new_run]
    same_code = before.commit == after.commit and not before.dirty and not after.dirty
    now = levels[-1][1]
    note = subject(after.commit)
    verdict = "regression" if worse else "improvement"
    if same_code:
        verdict, note = "regression", "the same commit gave two figures: it is not deterministic"
    elif worse and (now <= old) == (better == "lower"):
        verdict, note = "mended", f"it is {number(now)} now"
    why = allow_list.reason(entries, (series.key.benchmark, series.key.name), what,
                            commits_between(before.commit, after.commit))
    if verdict == "regression" and why:
        verdict, note = "allowed", why
    return Finding(series.key.theme, series.key.benchmark, what, "exact", verdict,
                   (new - old) / old if old else None, old, new, series.unit if what == "value" else what,
                   after.short, before.short, after.id, len(levels) - at, "exact", note)


def exact_findings(history, entries, window):
    found = []
    for series in history.own("exact"):
        runs = series.runs[-window:]
        if not recent(history, runs):
            continue
        figures = [(run, exact_figures(series, run)) for run in runs]
        for run in runs:
            rounds = {(r.value, tuple(sorted(r.counters.items()))) for r in series.results[run]}
            if len(rounds) > 1:
                where = history.runs[run]
                values = [r.value for r in series.results[run]]
                found.append(Finding(
                    series.key.theme, series.key.benchmark, "value", "exact", "broken", None, min(values),
                    max(values), series.unit, where.short, where.short, where.id, 1, "exact",
                    "rounds of one run differ: it is not deterministic"))
        for what in sorted({name for _, known in figures for name in known}):
            levels = [(run, known[what]) for run, known in figures if what in known]
            steps = (_exact_step(history, series, at, what, levels, entries) for at in range(1, len(levels)))
            found += [step for step in steps if step]
    return found


# ---- Clock -------------------------------------------------------------------------------------------------


def _who_moved(signal, before, after):
    """With a ratio either side may have moved."""
    if not signal.peers:
        return ""
    own, reference = changes.shift(signal.own[before], signal.own[after]), \
        changes.shift(signal.reference[before], signal.reference[after])
    note = f"manifolddb itself {100 * own[0]:+.1f} %, {', '.join(signal.peers)} {100 * reference[0]:+.1f} %"
    return note + (": look at the reference first" if abs(reference[0]) > abs(own[0]) else "")


def clock_changes(history, signal, found, entries, families, least=LEAST, strict=False):
    """Findings about the changes found in a signal. families: how many signals were tested together."""
    findings = []
    bounds = [0] + [change.index for change in found] + [len(signal.values)]
    last = slice(bounds[-2], bounds[-1])
    for begin, change, end in zip(bounds, found, bounds[2:]):
        before, after = slice(begin, change.index), slice(change.index, end)
        by = changes.shift(signal.values[before], signal.values[after])
        if by is None or abs(by[0]) < least:
            continue
        now = changes.shift(signal.values[before], signal.values[last])[0]
        old, new = (history.runs[signal.runs[i]] for i in (change.index - 1, change.index))
        verdict, note = "improvement", _who_moved(signal, before, after)
        if signal.worse(by[0]):
            verdict = "regression" if signal.worse(now) and abs(now) >= least else "mended"
            near = signal.runs[max(change.index - 1 - PLACE, 0)], signal.runs[
                min(change.index + PLACE, len(signal.runs) - 1)]
            commits = commits_between(*(history.runs[i].commit for i in near)) + tuple(
                history.runs[i].commit for i in range(near[0] + 1, near[1] + 1))
            why = allow_list.reason(entries, (signal.benchmark, signal.series.key.name), signal.what, commits)
            if verdict == "regression" and why:
                verdict, note = "allowed", why
            elif verdict == "regression" and len(set(commits)) == 1:
                verdict, note = "suspect", "the same commit before and after: it is the machine"
            elif verdict == "regression" and not signal.peers and not strict:
                verdict, note = "suspect", "absolute: no other engine ran beside it, it may be the machine"
        p = min(change.p * families, 1.0)
        own = [float(sorted(signal.own[part])[len(signal.own[part]) // 2]) for part in (before, after)]
        findings.append(Finding(
            signal.series.key.theme, signal.benchmark, signal.what, signal.series.key.kind, verdict, by[0],
            *own, signal.unit,
            new.short, old.short, new.id, len(signal.values) - change.index,
            f"{min(100 * (1 - p), 99.99):.2f} %", note, by[1:], p))
    return findings


def clock_findings(history, entries, alpha, least, strict=False, progress=lambda done, of: None):
    found = [signal for signal in watched(records.folded(history), changes.WINDOW)
             if recent(history, signal.runs)]
    tested, findings, short = [], [], 0
    needed = changes.runs_needed(alpha / max(2 * len(found), 1))  # two windows each
    for signal in found:
        size = max((size for size in changes.LENGTHS if size <= len(signal.values)), default=0)
        if needed is None or size < needed:
            short += 1
        else:
            tested.append(signal)
    for done, signal in enumerate(tested):
        progress(done, len(tested))
        hits = changes.detect_latest(signal.values, alpha / len(found))
        findings += clock_changes(history, signal, hits, entries, len(found), least, strict)
    return findings, len(tested), short, needed


# ---- Campaign ----------------------------------------------------------------------------------------------


def campaign_findings(history):
    """A broken promise or a mutant that survived in the latest campaign of each sort."""
    findings = []
    for series in history.own("campaign"):
        run = series.runs[-1]
        where, counters = history.runs[run], series.results[run][-1].counters
        common = dict(theme=series.key.theme, benchmark=series.key.benchmark, kind="campaign",
                      verdict="broken", change=None, since=where.short, previous=where.short, run=where.id,
                      runs_since=1, how_sure="certain")
        if counters.get("violations"):
            findings.append(Finding(what="violations", before=0, after=counters["violations"],
                                    unit="violations",
                                    note="promises broken; the campaign's report has the line that plays it "
                                    "again", **common))
        mutants, killed = counters.get("mutants"), counters.get("mutants_killed")
        if mutants is not None and killed is not None and killed < mutants:
            findings.append(Finding(what="mutants_killed", before=mutants, after=killed,
                                    unit="mutants killed",
                                    note=f"{mutants - killed:.0f} survived", **common))
    return findings


# ---- All ---------------------------------------------------------------------------------------------------


def check(history, entries=(), alpha=ALPHA, least=LEAST, strict=False, progress=lambda done, of: None):
    findings, tested, short, needed = clock_findings(history, entries, alpha, least, strict, progress)
    findings += exact_findings(history, entries, changes.WINDOW) + campaign_findings(history)
    findings += ended.findings(history, entries)
    findings.sort(key=lambda f: (ORDER.index(f.verdict), f.theme, f.benchmark, f.what, f.run))
    runs = [len(series.runs) for series in history.own("exact") if recent(history, series.runs)]
    return Verdict(findings, tested, short, needed, sum(n > 1 for n in runs), runs.count(1), alpha)


def _series(count, sort):
    return f"{count} {sort} series"


def summary(verdict):
    done, waits = [], []
    if verdict.signals:
        done.append(f"{_series(verdict.signals, 'clock')} tested at a chance of {100 * verdict.alpha:g} % of "
                    "any false alarm")
    if verdict.exact:
        done.append(f"{_series(verdict.exact, 'exact')} compared")
    if verdict.untested:
        waits.append(f"{_series(verdict.untested, 'clock')} " + (
            f"too short to judge (with so many each needs {verdict.needed} runs)" if verdict.needed else
            "cannot be judged: too many"))
    if verdict.alone:
        waits.append(f"{_series(verdict.alone, 'exact')} of one run, with nothing to compare it with")
    return "; ".join([f"check: {len(verdict.failed)} to mend", ", ".join(done) or "nothing compared", *waits])
