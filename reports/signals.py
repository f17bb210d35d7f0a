"""What is watched: one number per run, made of a benchmark's results, so that levels can be compared.

Absolute figures move from day to day with the machine. Where other engines ran the same benchmark in the same
round, what is watched is therefore the ratio to them: what slows everybody down cancels. Several engines make
one reference, their geometric mean; it consists of the same engines in all runs that are compared. The bare
disk is none: it does nothing that an engine does, and where it is throttled it moves by itself.
"""
import statistics
from typing import NamedTuple

import numpy

from . import history as records

PEERS_IN = 0.9  # of the runs: engines that are measured less often are no reference


class Signal(NamedTuple):
    series: records.Series
    what: str  # value, or p99 of the latency
    unit: str
    better: str
    peers: tuple  # engines of the reference; empty: absolute figures
    runs: list  # indices into history.runs
    values: numpy.ndarray  # one per run: median of its rounds
    own: numpy.ndarray  # our absolute figure
    reference: numpy.ndarray  # that of the peers, or None

    @property
    def benchmark(self):
        return self.series.key.benchmark

    @property
    def name(self):
        suffix = "" if self.what == "value" else f" {self.what}"
        return self.benchmark + suffix

    def worse(self, change):
        return change < 0 if self.better == "higher" else change > 0


def _figure(result, what):
    return result.value if what == "value" else result.latency.get(what)


def _by_round(series, run, what):
    found = {}
    for result in series.results.get(run, ()):
        figure = _figure(result, what)
        if figure is not None and figure > 0:
            found[result.round] = figure
    return found


def _reference(peers, runs, what):
    """The peers that ran in nearly all of the runs, and per run and round their geometric mean."""
    rounds = {name: {run: _by_round(series, run, what) for run in runs} for name, series in peers.items()}
    names = tuple(sorted(name for name in rounds
                         if sum(bool(found) for found in rounds[name].values()) >= PEERS_IN * len(runs)))
    means = {}
    for run in runs if names else ():
        common = set.intersection(*(set(rounds[name][run]) for name in names))
        means[run] = {r: records.geometric_mean([rounds[name][run][r] for name in names]) for r in common}
    return names, means


def signal(history, series, what="value", window=None):
    """The signal of one of our series, over the last `window` runs, or None where nothing was measured."""
    own = {}
    for run in series.runs[-window:] if window else series.runs:
        found = _by_round(series, run, what)
        if found:
            own[run] = found
    if not own:
        return None
    runs = sorted(own)
    peers = {name: other for name, other in history.peers(series).items() if name != "disk"}
    names, means = _reference(peers, runs, what)
    ratios = {run: [own[run][r] / mean for r, mean in means[run].items() if r in own[run]] for run in means}
    unit = series.unit if what == "value" else "us"
    better = series.better if what == "value" else "lower"
    runs = [run for run in runs if ratios.get(run)] if names else runs
    absolute = numpy.array([statistics.median(own[run].values()) for run in runs])
    if not names:
        return Signal(series, what, unit, better, (), runs, absolute, absolute, None)
    values = numpy.array([statistics.median(ratios[run]) for run in runs])
    reference = numpy.array([statistics.median(means[run].values()) for run in runs])
    return Signal(series, what, unit, better, names, runs, values, absolute, reference)


def watched(history, window=None):
    """All signals of ours."""
    found = []
    for kind in ("clock", "campaign"):
        for series in history.own(kind):
            for what in ("value", "p99"):
                one = signal(history, series, what, window)
                if one is not None:
                    found.append(one)
    return found
