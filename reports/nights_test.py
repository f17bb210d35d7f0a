#!/usr/bin/python3
"""The page of nights as they are: all themes by the names of their rows, six engines, rounds. What is drawn
is counted, and what it costs is bounded by counts; no time is measured."""
import glob
import json
import os
import re
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from reports import testing  # noqa: E402

testing.needs("report", "jsonschema", "numpy", "matplotlib", "jinja2")
from reports import check, dashboard, history, latest, planted, planted_nights, shapes, signals  # noqa: E402

NIGHTS = 3
ROWS = {theme: len(rows) for theme, rows in planted_nights.THEMES.items()}
FOLDED = sum(ROWS.values()) - ROWS["churn"] + 5  # the load, and four operations of all turns


def load(lines):
    with tempfile.TemporaryDirectory() as folder:
        return history.load([planted.write(os.path.join(folder, "history.jsonl"), lines)])


class NightsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.loaded = load(planted_nights.history(NIGHTS, NIGHTS, rounds=2))
        cls.verdict = check.check(cls.loaded)
        cls.page = dashboard.render(cls.loaded, cls.verdict)
        cls.last = latest.Latest(cls.loaded, "clock")
        cls.curved = shapes.families(cls.last)

    def test_the_planted_themes_are_those_of_bench(self):
        sources = glob.glob(os.path.join(testing.ROOT, "bench", "themes", "*.cc"))
        self.assertEqual(sorted(planted_nights.THEMES),
                         sorted(os.path.splitext(os.path.basename(path))[0] for path in sources))
        for theme, rows in planted_nights.THEMES.items():
            self.assertEqual(len(rows), len(set(rows)), theme)
            self.assertIn(theme, latest.THEMES)

    def test_figures_are_few(self):
        """375 rows, 200 of them turns of churn: a figure for each of their aspects would be a thousand."""
        self.assertEqual(self.page.count("<figure"), self.page.count("<svg viewBox=\"0 0 3"))
        self.assertLess(self.page.count("<figure"), 400)
        self.assertLess(len(self.page), 3e6)

    def test_of_each_benchmark_there_is_a_trend_and_of_turns_one(self):
        groups = dashboard.trends(history.folded(self.loaded), 0.01, set())
        self.assertEqual(sum(map(len, groups.values())), FOLDED)
        self.assertIn("turn:*/read", [drawn["name"] for drawn in groups["churn"]])

    def test_a_check_tests_turns_once(self):
        found = [one.series.key.name for one in signals.watched(history.folded(self.loaded))
                 if one.what == "value"]
        self.assertEqual(len(found), FOLDED)
        self.assertIn("churn/turn:*/overwrite", found)

    def test_a_step_in_all_turns_is_one_regression(self):
        changed = [("churn", row, 20, 0.7) for row in planted_nights.THEMES["churn"] if row.endswith("/read")]
        lines = [line for index in range(40)
                 for line in planted_nights.run(index, ["churn"], "nightly", 1, changed)
                 if line["engine"] in ("manifolddb", "rocksdb")]
        self.assertEqual([(f.name, f.verdict) for f in check.check(load(lines)).findings],
                         [("churn/turn:*/read", "regression")])

    def test_curves_are_drawn_by_each_number(self):
        drawn = {(one["theme"], one["name"]) for one in shapes.scaling(self.curved)}
        for expected in (("churn", "turn:*/overwrite"), ("churn", "turn:*/read"), ("scale", "keys:*/load"),
                         ("scale", "keys:*/read"), ("reads", "uniform/threads:*"),
                         ("small_writes", "order:random/puts_per_commit:1/families:*"),
                         ("large_values", "bytes:*/commit:log"), ("standard", "W2/threads:*")):
            self.assertIn(expected, drawn)
        sizes = [one["name"] for one in shapes.file_sizes(self.curved)]
        self.assertEqual(sizes, ["turn:*/delete", "turn:*/overwrite", "turn:*/put_back"])
        self.assertEqual({axis for _, _, axis in self.curved}, set(shapes.AXES))

    def test_recovery_is_drawn_against_what_was_committed_and_against_logs(self):
        drawn = {(one["name"], one["what"]): one["engines"] for one in shapes.recovery(self.last)}
        both = planted_nights.ENGINES
        for size in (100, 1000):
            name = f"values of {size} bytes"
            self.assertEqual(sorted(drawn[name, "seconds by MB committed before the crash"]), sorted(both))
            self.assertEqual(sorted(drawn[name, "seconds by MB in log files at opening"]),
                             sorted(set(both) - {"lmdb"}))
        self.assertEqual(len(drawn), 5)  # and W10, of one size
        self.assertIn('id="recovery"', self.page)

    def test_without_the_size_of_logs_the_axis_says_what_it_is(self):
        lines = list(planted_nights.run(0, ["recovery"], "nightly", 1))
        for line in lines:
            line["counters"].pop("log_bytes", None)
        names = [one["what"] for one in shapes.recovery(latest.Latest(load(lines), "clock"))]
        self.assertEqual(names, ["seconds by MB committed before the crash"] * 2)

    def test_groups_are_by_theme(self):
        for theme in planted_nights.THEMES:
            self.assertGreaterEqual(len(re.findall(f"<summary>{theme} ", self.page)), 1, theme)

    def test_two_themes_with_a_row_of_one_name_are_two_rows(self):
        one = {"full": 5.0}
        lines = planted.history(1, benchmarks=one, peers=False)
        lines += [dict(line, theme="scans") for line in lines]
        self.assertEqual(list(latest.Latest(load(lines), "clock").benchmarks),
                         [("scans", "full"), ("standard", "full")])

    def test_what_lines_have_in_common_is_parsed_once(self):
        reader = history._Reader()
        rows = 0
        for index in range(2):
            for line in planted_nights.run(index, ["reads"], "nightly", 2):
                reader.line(json.dumps(line))
                rows += 1
        self.assertEqual(len(reader.parts), 2 + rows // 4)  # runs; rows by engine, in two runs of two rounds


if __name__ == "__main__":
    unittest.main()
