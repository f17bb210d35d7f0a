"""Where a series of measurements changed its level: E-Divisive with a permutation test, on ranks.

E-Divisive (Matteson and James, 2014; Hunter and Otava use it for benchmarks) splits a series where the energy
distance between the parts is greatest, asks by permutation whether chance does as well, and goes on within
the parts. Here:

1. It is taken of the ranks, not of the values. An outlier counts for no more than the highest rank; timings
   on a machine that others use have such tails.
2. If nothing changed, all orders of the ranks are equally likely, whatever the distribution of the noise. So
   one table of permutations (per length, seeded) serves all series: p costs a search in it.
3. The statistic of a split is scored by how rarely chance reaches it *at this place*. The plain statistic is
   blind near the ends, where a check that runs every night has to see first.
4. Stretches are taken in windows of few different lengths that overlap by half or more: so few tables do.
5. Permutations assume that runs are independent. A machine that drifts is not: what cures that is a ratio to
   what ran beside it (signals.py), and a check that believes nothing else (check.py).
6. The price of a permutation test: a change shows only when enough runs came after it. With n runs before and
   k after, p is never below about 2 / (n + k choose k). That is the delay; README.md has it measured.
"""
import functools
import math
from typing import NamedTuple

import numpy

SEGMENT_MIN = 3  # runs; fewer cannot be significant among many series
LENGTHS = (6, 8, 10, 12, 15, 18, 22, 27, 33, 40, 49, 60)  # of windows
WINDOW = LENGTHS[-1]
SEED = 20261126
PERMUTATIONS = 100_000
SCORING = 40_000  # permutations for the scores, whose tails are continued
_CHUNK = 4096


class Change(NamedTuple):
    index: int  # of the first value of the new level
    p: float  # chance of a split as good as this if nothing changed


def rank(values):
    """Ranks from 0 along the last axis. Ties are broken by lot, the same each time: a mean rank would make a
    split look better than any permutation can, an order by time would make a trend of what stands still."""
    values = numpy.atleast_2d(numpy.asarray(values, dtype=float))
    lot = numpy.random.default_rng(SEED).permutation(values.shape[1])
    order = lot[numpy.argsort(values[:, lot], axis=1, kind="stable")]
    ranks = numpy.empty(values.shape)
    numpy.put_along_axis(ranks, order, numpy.arange(values.shape[1], dtype=float)[None], axis=1)
    return ranks


def energy(ranks):
    """Energy statistic of every split of every row: column j is the split before element SEGMENT_MIN + j."""
    ranks = numpy.ascontiguousarray(ranks.T, dtype=numpy.float32)  # a row per time: sums run along memory
    length = len(ranks)
    to_all = numpy.zeros_like(ranks)  # distance of each element to all of its series
    to_left = numpy.zeros_like(ranks)  # and to those before it
    for time in range(length):
        distances = numpy.abs(ranks[:time] - ranks[time])
        to_left[time] = distances.sum(axis=0)
        to_all[time] += to_left[time]
        to_all[:time] += distances
    within_left = numpy.cumsum(to_left, axis=0, dtype=numpy.float64)
    crossing = numpy.cumsum(to_all, axis=0, dtype=numpy.float64) - 2 * within_left
    within_right = within_left[-1] - within_left - crossing
    splits = slice(SEGMENT_MIN - 1, length - SEGMENT_MIN)
    n = numpy.arange(1, length + 1, dtype=float)[splits, None]
    m = length - n
    distance = (crossing[splits] / (n * m) - within_left[splits] / (n * n) - within_right[splits] / (m * m))
    return (2 * distance * n * m / length).T


class Null:
    """What chance does to series of one length: the score of each split's statistic, and the best score."""

    def __init__(self, length, permutations):
        random = numpy.random.default_rng((SEED, length))
        # Permutations of its own for the scores: those that made them never exceed them, others do.
        scoring = numpy.concatenate(list(self._shuffled(random, length, min(SCORING, permutations))))
        self.knots = [self._knots(column) for column in numpy.sort(scoring.T, axis=1)]
        best = [self.score(other).max(axis=1) for other in self._shuffled(random, length, permutations)]
        self.best = numpy.sort(numpy.concatenate(best))

    @staticmethod
    def _shuffled(random, length, permutations):
        for begin in range(0, permutations, _CHUNK):
            count = min(_CHUNK, permutations - begin)
            yield energy(random.random((count, length), dtype=numpy.float32).argsort(axis=1))

    @staticmethod
    def _knots(ordered):
        """Statistic -> -log of the chance to reach it, between points taken from the permutations."""
        count = len(ordered)
        tail = numpy.unique(numpy.geomspace(1, count, 60).astype(int))[::-1]  # how many are at least as large
        x = numpy.unique(ordered[count - tail])
        y = -numpy.log((count - numpy.searchsorted(ordered, x, side="left")) / count)
        steady = min(len(x) - 1, max(numpy.searchsorted(y, -numpy.log(30 / count)), 1))
        slope = y[steady] / max(x[steady] - x[0], 1e-9)  # the tail is exponential: go on like that
        return numpy.append(x, x[-1] + 1e3), numpy.append(y, y[-1] + 1e3 * slope)

    def score(self, statistic):
        scores = numpy.empty(statistic.shape)
        for column, (x, y) in enumerate(self.knots):
            # A hair more, as sums in another order may differ in the last digit.
            scores[:, column] = numpy.interp(statistic[:, column] * (1 + 1e-6), x, y)
        return scores

    def p(self, best):
        reached = len(self.best) - numpy.searchsorted(self.best, best - 1e-4, side="left")
        return (1 + reached) / (1 + len(self.best))


@functools.lru_cache(maxsize=None)
def null(length, permutations=PERMUTATIONS):
    return Null(length, permutations)


def best_splits(values):
    """Of each row, whose length is one of LENGTHS: index of the best split, and its p."""
    return _best_splits(values)[:2]


def _best_splits(values):
    values = numpy.atleast_2d(values)
    chance = null(values.shape[1])
    index, p, score = [], [], []
    for begin in range(0, len(values), _CHUNK):
        scores = chance.score(energy(rank(values[begin:begin + _CHUNK])))
        best = scores.argmax(axis=1)
        index.append(best + SEGMENT_MIN)
        score.append(scores[numpy.arange(len(best)), best])
        p.append(chance.p(score[-1]))
    return numpy.concatenate(index), numpy.concatenate(p), numpy.concatenate(score)


def windows(length):
    """(length of the windows that cover a stretch, where they begin); the last one ends with the stretch."""
    size = max((size for size in LENGTHS if size <= length), default=0)
    if not size:
        return 0, []
    return size, list(range(0, length - size, size // 2)) + [length - size]


def detect(values, alpha):
    """The changes of level, in order. alpha: for each window that is asked."""
    values = numpy.asarray(values, dtype=float)
    found, open_parts = [], [(0, len(values))]
    while open_parts:
        begin, end = open_parts.pop()
        size, begins = windows(end - begin)
        if not size:
            continue
        index, p, score = _best_splits(numpy.stack([values[begin + b:begin + b + size] for b in begins]))
        best = int(score.argmax())  # finer than p, which ends at one in the number of permutations
        if p[best] <= alpha:
            at = begin + begins[best] + int(index[best])
            found.append(Change(at, float(p[best])))
            open_parts += [(begin, at), (at, end)]
    return sorted(found)


def latest_windows(length):
    """The windows that a check asks: the longest that ends with the last run, and one half as long. In the
    long one alone a step back would hide behind the step forth before it."""
    sizes = [size for size in LENGTHS if size <= length]
    return sorted({sizes[-1], max(size for size in LENGTHS if size <= max(sizes[-1] // 2, LENGTHS[0]))},
                  reverse=True) if sizes else []


def detect_latest(values, alpha):
    """The changes that a check sees in the last runs; alpha for all of it."""
    found, sizes = {}, latest_windows(len(values))
    for size in sizes:
        offset = len(values) - size
        for change in detect(values[offset:], alpha / len(sizes)):
            at = offset + change.index
            if all(abs(at - known) > 2 * SEGMENT_MIN for known in found):
                found[at] = Change(at, min(change.p * len(sizes), 1.0))
    return [found[at] for at in sorted(found)]


def shift(before, after):
    """Relative change between two groups with its 95 % interval: (change, lowest, highest), or None at zeros.

    Hodges and Lehmann's estimate on logarithms, with the interval of Mann and Whitney's test."""
    before, after = numpy.asarray(before, dtype=float), numpy.asarray(after, dtype=float)
    if not ((before > 0).all() and (after > 0).all()):
        return None
    ratios = numpy.sort((numpy.log(after)[:, None] - numpy.log(before)[None]).ravel())
    n, m = len(before), len(after)
    reach = max(int(n * m / 2 - 1.96 * (n * m * (n + m + 1) / 12) ** 0.5), 0)
    return tuple(float(numpy.expm1(x)) for x in (numpy.median(ratios), ratios[reach], ratios[-1 - reach]))


def runs_needed(alpha):
    """The shortest window in which a change can be significant at alpha at all: of its orders, the two that
    are split cleanly in the middle have to be rare enough. None: no window is long enough."""
    return next((length for length in LENGTHS if 2 / math.comb(length, length // 2) <= alpha), None)
