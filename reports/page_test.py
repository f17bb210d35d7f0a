#!/usr/bin/python3
"""The page as text: whole by itself, with everything that was given, for any history. browser_test.py looks
at it."""
import glob
import re
import tempfile
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from reports import testing  # noqa: E402

testing.needs("report", "jsonschema", "numpy", "matplotlib", "jinja2")
from reports import check, dashboard, figures, history, planted  # noqa: E402

CRASHSIM = sorted(glob.glob(os.path.join(testing.ROOT, "reports", "testdata", "m*_*.jsonl")))


class PageTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def page(self, lines, *arguments):
        history = planted.write(os.path.join(self.folder.name, "history.jsonl"), lines)
        out = os.path.join(self.folder.name, "deeper", "report.html")
        code, _, errors = testing.report("--history", history, "--out", out, *arguments)
        self.assertEqual(code, 0, errors)
        with open(out, encoding="utf-8") as file:
            return file.read()

    def test_an_empty_history_says_how_to_get_a_run(self):
        page = self.page([])
        self.assertTrue("No runs yet" in page)
        self.assertTrue("scripts/bench" in page)

    def test_a_single_run_has_figures_and_says_what_is_missing(self):
        page = self.page(planted.history(1))
        self.assertTrue("o earlier run" in page)
        self.assertFalse("No regression" in page)
        self.assertTrue("A trend needs a second run" in page)
        self.assertTrue("\u25bc" in page)

    def test_exact_or_campaign_results_alone_make_a_page(self):
        self.assertTrue("Exact figures" in self.page(planted.exact(2)))
        self.assertTrue("53,894" in self.page(planted.campaign(2)))
        self.assertTrue("Kill matrix" in self.page([], "--campaign", *CRASHSIM))

    def test_the_whole_page(self):
        lines = planted.history(30, [("W8", 18, 0.8)]) + planted.campaign(30)
        lines += planted.exact(30, [(29, "writes", 1)])
        page = self.page(lines, "--campaign", *CRASHSIM)
        for part in ("changes", "overview", "campaign", "trends", "latency", "scaling", "amplification",
                     "recovery", "exact", "machine"):
            self.assertTrue(f'id="{part}"' in page and f'href="#{part}"' in page, part)
        self.assertTrue("2 regressions" in page)
        self.assertTrue("Those that changed" in page and "+8.3 %" in page)
        for name in list(planted.BENCHMARKS) + list(planted.PEERS):
            self.assertTrue(name in page.replace("<wbr>", ""), name)
        self.assertTrue(re.search(r"\u25bc [0-9a-f]{7} -2\d %", page))
        left = [name for name, colour in figures.COLOURS.items() if colour in page]
        self.assertEqual(left, [], "stand-ins")
        self.alone(page)

    def test_where_nothing_was_compared_nothing_is_called_sound(self):
        kept = os.path.join(testing.ROOT, "reports", "history.jsonl.gz")
        with tempfile.TemporaryDirectory() as folder:
            loaded = history.load([planted.write(os.path.join(folder, "two.jsonl"), planted.history(1)
                                                 + planted.exact(1, benchmark="exact/W1"))])
        verdict = check.check(loaded)
        self.assertEqual((verdict.exact, verdict.alone), (0, 1))
        self.assertEqual(dashboard.headline(loaded, verdict)[0], "empty")
        loaded = history.load([kept])
        verdict = check.check(loaded)
        if not (verdict.signals or verdict.exact):  # as long as it holds one run of each sort
            self.assertEqual(dashboard.headline(loaded, verdict)[0], "empty")
            kind, words = dashboard.headline(loaded, verdict, {"win": 7, "tie": 2, "loss": 1})
            self.assertEqual(kind, "empty")
            self.assertIn("Ahead in 7 of 10 comparisons; no earlier run", words)
            self.assertIn("nothing compared", check.summary(verdict))

    def test_exact_figures_alone_do_not_judge_the_clock(self):
        with tempfile.TemporaryDirectory() as folder:
            loaded = history.load([planted.write(os.path.join(folder, "some.jsonl"), planted.history(2)
                                                 + planted.exact(2))])
        kind, words = dashboard.headline(loaded, check.check(loaded))
        self.assertEqual(kind, "good")
        self.assertIn("too few runs to judge the clock", words)

    def test_figures_of_an_axis_are_told_apart(self):
        for ticks in ([288_540_000.0, 288_560_000.0, 288_580_000.0], [0.0, 1.0], [1e9, 1.5e9], [5.0], []):
            labels = figures._labels(ticks)
            self.assertEqual(len(set(labels)), len(ticks), labels)
        self.assertEqual(figures._labels([1e6, 2e6]), ["1M", "2M"])

    def alone(self, page):
        """Needs no network and no other file, and no id stands twice."""
        self.assertEqual(re.findall(r'(?:src|href)="(?!#|data:)([^"]*)"', re.sub(r"xlink:", "", page)), [])
        self.assertIsNone(re.search(r"@import|url\((?!#)", page))
        self.assertFalse("<script" in page)
        ids = re.findall(r'\bid="([^"]+)"', page)
        self.assertEqual(len(ids), len(set(ids)), [i for i in set(ids) if ids.count(i) > 1])
        for used in re.findall(r'(?:href="|url\()#([^")]+)', page):
            self.assertIn(used, ids)

    def test_the_same_history_gives_the_same_page(self):
        lines = planted.history(12)
        self.assertTrue(self.page(lines) == self.page(lines))

    def test_names_are_escaped(self):
        self.assertFalse("<i>W1" in self.page(planted.history(2, benchmarks={"W1/<i>W1": 5.0})))


if __name__ == "__main__":
    unittest.main()
