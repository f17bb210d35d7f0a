#!/usr/bin/python3
"""The tables in README.md are what prove_detector.py computes: all lines are computed again, half a minute of
a core."""
import os
import sys
import unittest
from itertools import zip_longest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from reports import testing  # noqa: E402

testing.needs("report", "jsonschema", "numpy")
from reports import prove_detector  # noqa: E402


class ProofTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.proof = prove_detector.Proof()
        cls.published = prove_detector.published()[1]

    def test_the_tables_are_as_published(self):
        """All of them, line by line, so that a failure says which one is another."""
        for computed, published in zip_longest(self.proof.tables(), self.published):
            with self.subTest(line=published):
                self.assertEqual(computed, published)

    def test_there_are_histories_enough(self):
        self.assertGreaterEqual(prove_detector.HISTORIES, 200)
        for name, data in self.proof.data.items():
            self.assertIn(f"{data.runs} real runs ({name})", self.published[0])

    def test_of_ratios_a_check_cries_wolf_as_rarely_as_promised(self):
        """alpha is 1 %: of 200 sound histories two are expected to have an alarm; more than six have a chance
        below 0.5 % (binomial). Other histories than those of the table."""
        length = 60
        hits = prove_detector.false_alarms(self.proof.data["prior"].ratio, length, 1, 1, 999)
        self.assertLessEqual(hits, 6)


if __name__ == "__main__":
    unittest.main()
