#!/usr/bin/python3
"""bench_report.py's own test: records as the dashboard reads them, ratios within rounds, both directions."""
import contextlib
import importlib.util
import io
import unittest

import bench_report  # finds the folder of what follows
from reports import history, origin

LABEL = {"engine": "manifolddb", "row": "W1", "unit": "puts/s", "better": "higher",
         "params": {"threads": 1.0}}


def line(engine, round_number, value, better="higher"):
    found = {"value": value, "real_time": 500.0}
    label = LABEL | {"engine": engine, "better": better}
    return bench_report.record({}, "standard", found, label, round_number)


def printed(lines):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        bench_report.table(lines)
    return text.getvalue().splitlines()


class Record(unittest.TestCase):
    def test_has_counters_latencies_and_params_apart(self):
        found = {"value": 8.5, "real_time": 500.0, "iterations": 1, "name": "x", "syncs": 40.0,
                 "latency_p50_us": 1.0, "latency_p90_us": 2.0, "latency_p99_us": 3.0, "latency_p99_9_us": 4.0,
                 "latency_max_us": 5.0}
        record = bench_report.record({"schema": 1}, "standard", found, LABEL, 2)
        self.assertEqual(record, {
            "schema": 1, "kind": "clock", "theme": "standard", "benchmark": "W1", "engine": "manifolddb",
            "round": 2, "value": 8.5, "unit": "puts/s", "better": "higher",
            "latency_us": {"p50": 1.0, "p90": 2.0, "p99": 3.0, "p99_9": 4.0, "max": 5.0},
            "counters": {"syncs": 40, "seconds": 0.5}, "params": {"threads": 1}})

    def test_without_latencies_says_nothing_of_them(self):
        self.assertNotIn("latency_us", line("manifolddb", 1, 1.0))


    @unittest.skipIf(importlib.util.find_spec("jsonschema") is None, "python3-jsonschema is not installed")
    def test_is_a_line_of_the_history(self):
        written = bench_report.record(origin.common("quick", "ext4"), "standard",
                                      {"value": 1.0, "real_time": 500.0, "syncs": 40.0}, LABEL, 1)
        self.assertIsNone(history.Validator().complaint(written))


class Ratios(unittest.TestCase):
    def test_are_taken_within_rounds(self):
        self.assertEqual(bench_report.ratios({1: 10, 2: 40}, {1: 5, 2: 10, 3: 1}, "higher"), [2, 4])

    def test_above_one_is_better_also_where_less_is(self):
        self.assertEqual(bench_report.ratios({1: 10}, {1: 40}, "lower"), [4])


class Table(unittest.TestCase):
    def test_has_the_ratio_to_each_and_names_the_best(self):
        rows = printed([line("manifolddb", 1, 200.0), line("lmdb", 1, 400.0), line("sqlite", 1, 100.0),
                        line("disk", 1, 800.0)])
        self.assertEqual(rows[0], "|  | manifolddb | unit | disk | lmdb | sqlite | best peer |")
        self.assertEqual(rows[2],
                         "| W1 | 200 | puts/s | 0.25 | 0.50 | 2.00 | **0.50** lmdb (one round) |")

    def test_best_is_least_where_less_is_better(self):
        rows = printed([line(engine, r, value, "lower") for r in (1, 2)
                        for engine, value in (("manifolddb", 10.0 * r), ("lmdb", 20.0), ("sqlite", 30.0))])
        self.assertEqual(rows[2], "| W1 | 15 (10 to 20) | puts/s | 1.50 | 2.25 "
                                  "| **1.50** lmdb (1.00 to 2.00) |")

    def test_does_without_peers_and_without_own_results(self):
        self.assertEqual(len(printed([line("manifolddb", 1, 1.0)])), 3)
        self.assertEqual(len(printed([line("lmdb", 1, 1.0)])), 3)


if __name__ == "__main__":
    unittest.main()
