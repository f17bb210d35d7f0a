#!/usr/bin/python3
"""The detector by itself, on noise that is made up."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from reports import testing  # noqa: E402

testing.needs("report", "numpy")
import numpy  # noqa: E402

from reports import changes  # noqa: E402


def noise(shape, seed=1, spread=0.03):
    return numpy.random.default_rng(seed).lognormal(0, spread, shape)


class StatisticTest(unittest.TestCase):
    def test_is_the_energy_distance_as_its_definition_has_it(self):
        ranks = changes.rank(noise((1, 12)))
        fast = changes.energy(ranks)[0]
        x = ranks[0]
        for column, n in enumerate(range(changes.SEGMENT_MIN, 12 - changes.SEGMENT_MIN + 1)):
            left, right = x[:n], x[n:]
            between = numpy.abs(left[:, None] - right[None]).mean()
            within = sum(numpy.abs(part[:, None] - part[None]).mean() for part in (left, right))
            slow = (2 * between - within) * n * (12 - n) / 12
            self.assertAlmostEqual(fast[column], slow, places=4)

    def test_ties_are_broken_by_lot_and_not_by_time(self):
        self.assertEqual(changes.rank([5, 1, 7, 2])[0].tolist(), [2, 0, 3, 1])
        ranks = changes.rank(numpy.ones(60))[0]
        self.assertEqual(sorted(ranks), list(range(60)))
        self.assertLess(abs(numpy.corrcoef(ranks, numpy.arange(60))[0, 1]), 0.3)

    def test_p_holds_for_values_that_repeat(self):
        values = numpy.random.default_rng(4).integers(0, 12, (20000, 10)).astype(float)
        _, p = changes.best_splits(values)
        self.assertLess((p <= 0.001).mean(), 0.002)

    def test_p_is_what_it_says(self):
        _, p = changes.best_splits(noise((20000, 22)))
        for alpha in (0.1, 0.01, 0.001):
            expected = alpha * len(p)
            self.assertLess(abs((p <= alpha).sum() - expected), 4 * expected**0.5 + 1, alpha)

    def test_the_same_input_gives_the_same_p(self):
        series = noise((5, 18))
        first = changes.best_splits(series)
        changes.null.cache_clear()
        again = changes.best_splits(series)
        self.assertTrue((first[0] == again[0]).all() and (first[1] == again[1]).all())


class DetectTest(unittest.TestCase):
    def test_finds_a_change_where_it_is(self):
        series = noise(60)
        series[40:] *= 0.8
        found = changes.detect(series, 1e-4)
        self.assertEqual([change.index for change in found], [40])

    def test_finds_several_in_a_long_series(self):
        series = noise(400)
        series[100:] *= 0.85
        series[250:] *= 1.3
        found = [change.index for change in changes.detect(series, 1e-4)]
        self.assertEqual(len(found), 2)
        for at, planted in zip(found, (100, 250)):
            self.assertLessEqual(abs(at - planted), 2)

    def test_outliers_are_no_change(self):
        series = noise(60)
        series[[10, 30, 57]] *= 0.1
        self.assertEqual(changes.detect(series, 1e-3), [])

    def test_a_constant_or_short_series_has_no_change(self):
        self.assertEqual(changes.detect(numpy.ones(50), 0.05), [])
        self.assertEqual(changes.detect([1, 2, 3], 0.05), [])
        self.assertEqual(changes.detect([], 0.05), [])

    def test_windows_cover_the_stretch_and_end_with_it(self):
        for length in range(6, 300):
            size, begins = changes.windows(length)
            self.assertEqual((begins[0], begins[-1] + size), (0, length))
            self.assertTrue(all(b - a <= size // 2 for a, b in zip(begins, begins[1:])), length)


class ShiftTest(unittest.TestCase):
    def test_says_by_how_much(self):
        change, low, high = changes.shift(noise(30), 0.9 * noise(30, seed=2))
        self.assertAlmostEqual(change, -0.1, delta=0.02)
        self.assertTrue(low < change < high and low < -0.1 < high)

    def test_zeros_have_no_ratio(self):
        self.assertIsNone(changes.shift([0, 1, 2], [1, 2, 3]))


if __name__ == "__main__":
    unittest.main()
