#!/usr/bin/python3
"""The tables in README.md are what prove_detector.py computes. Of each sort some lines are computed again,
which takes seconds; `reports/prove_detector.py --check` does all of them."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from reports import testing  # noqa: E402

testing.needs("report", "jsonschema", "numpy")
from reports import prove_detector  # noqa: E402


class ProofTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.proof = prove_detector.Proof()
        cls.published = prove_detector.published()[1]

    def test_false_alarms_are_as_published(self):
        for number, (_, _, _, _, nights) in enumerate(self.proof.AA):
            if nights == 1:
                self.assertIn(self.proof.aa_line(number), self.published)

    def test_planted_changes_are_found_as_published(self):
        rows = self.proof.planted_rows()
        for row in (rows[0], rows[len(rows) // 2]):
            self.assertIn(self.proof.planted_line(row), self.published)

    def test_there_are_histories_enough(self):
        self.assertGreaterEqual(prove_detector.HISTORIES, 200)
        for name, data in self.proof.data.items():
            self.assertIn(f"{data.runs} real runs ({name})", self.published[0])

    def test_of_ratios_a_check_cries_wolf_as_rarely_as_promised(self):
        """alpha is 1 %: three alarms in 200 sound histories are as many as that explains at most."""
        length = 60
        hits = prove_detector.false_alarms(self.proof.data["prior"].ratio, length, 1, 1, 999)
        self.assertLessEqual(hits, 6)


if __name__ == "__main__":
    unittest.main()
