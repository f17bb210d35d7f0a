#!/usr/bin/python3
"""bench_report.py's own test: records as the dashboard reads them, ratios within rounds, both directions."""
import argparse
import contextlib
import importlib.util
import io
import json
import os
import tempfile
import unittest

import bench_readme
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


class Notes(unittest.TestCase):
    @staticmethod
    def disk(row, megabytes_per_second, block_bytes=1 << 20):
        found = {"value": 1.0, "real_time": 2000.0, "bytes_written": 2e6 * megabytes_per_second}
        label = LABEL | {"engine": "disk", "row": row, "params": {"threads": 1, "block_bytes": block_bytes}}
        return bench_report.record({}, "standard", found, label, 1)

    def test_say_where_the_disk_moved_and_only_then(self):
        still = [self.disk("W1", 1000), self.disk("W9", 1400), self.disk("W3", 20, 4096)]
        self.assertEqual(list(bench_report.disk_notes(still)), [])
        note, = bench_report.disk_notes(still + [self.disk("W9/bytes:10000", 264)])
        self.assertIn("264 MB/s in standard/W9/bytes:10000, round 1, ", note)
        self.assertIn("1,400 MB/s in standard/W9, round 1", note)
        self.assertIn("blocks of 1,024 KiB", note)

    def test_name_rows_that_say_cached_and_read(self):
        cold = line("rocksdb", 1, 1.0)
        cold["counters"]["not_cached"] = 0.25
        note, = bench_report.cache_notes([line("lmdb", 1, 1.0), cold])
        self.assertIn("rocksdb in standard/W1, round 1 (0.25 reads", note)
        self.assertEqual(list(bench_report.cache_notes([line("lmdb", 1, 1.0)])), [])

    def test_say_what_it_took_and_whether_that_is_too_much_for_quick(self):
        small = line("lmdb", 1, 1.0) | {"profile": "quick"}
        small["counters"]["peak_rss_bytes"] = 5 << 20
        self.assertEqual(list(bench_report.limits([small], 61)),
                         ["Measured in 1 min 1 s; at most 5 MiB in memory (lmdb in standard/W1, round 1)."])
        large = line("sqlite", 2, 1.0) | {"profile": "quick"}
        large["counters"]["peak_rss_bytes"] = 3 << 30
        said = list(bench_report.limits([small, large], 181))
        self.assertIn("3,072 MiB in memory (sqlite in standard/W1, round 2)", said[0])
        self.assertIn("LONGER than the 3 minutes", said[1])
        self.assertIn("MORE than the 2 GiB", said[2])
        self.assertEqual(len(list(bench_report.limits([large | {"profile": "full"}], 999))), 1)


class Append(unittest.TestCase):
    def test_keeps_each_theme_of_each_round_at_once_and_all_with_one_origin(self):
        with tempfile.TemporaryDirectory() as folder:
            path = lambda name: os.path.join(folder, name)  # noqa: E731
            bench_report.begin(argparse.Namespace(profile="quick", directory=folder, run=path("run")))
            for round_number in (1, 2):
                report = path(f"{round_number}.standard.json")
                with open(report, "w", encoding="utf-8") as file:
                    json.dump({"benchmarks": [{"value": 1.0, "real_time": 5.0, "label": json.dumps(LABEL)},
                                              {"error_occurred": True, "label": ""}]}, file)
                bench_report.append(argparse.Namespace(run=path("run"), lines=path("lines"),
                                                       history=path("history"), reports=[report]))
                with open(path("history"), encoding="utf-8") as file:
                    lines = [json.loads(text) for text in file]
                self.assertEqual([found["round"] for found in lines], list(range(1, round_number + 1)))
            self.assertEqual(len({found["run"] for found in lines}), 1)
            with open(path("lines"), encoding="utf-8") as file:
                self.assertEqual(len(file.readlines()), 2)


class Readme(unittest.TestCase):
    def test_has_the_rows_that_were_chosen_beforehand(self):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "README.md")
        with open(path, encoding="utf-8") as file:
            figures = file.read().split("## Figures")[1].split("\n## ")[0]
        rows = [text.split("|")[1].strip() for text in figures.splitlines() if text.startswith("| ")][1:]
        self.assertEqual(rows, list(bench_readme.ROWS.values()))

    def test_names_are_as_many_as_rows(self):
        self.assertEqual(len(set(bench_readme.ROWS.values())), len(bench_readme.ROWS))

    def test_takes_the_rows_in_their_order_under_their_names(self):
        measured = [line("manifolddb", 1, 1.0) | {"benchmark": row} for row in reversed(bench_readme.ROWS)]
        found = [each["benchmark"] for each in bench_readme.chosen(measured)]
        self.assertEqual(found, list(bench_readme.ROWS.values()))
        with self.assertRaises(SystemExit):
            bench_readme.chosen(measured[1:])


if __name__ == "__main__":
    unittest.main()
