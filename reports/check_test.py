#!/usr/bin/python3
"""scripts/report --check on histories in which a change was planted: exit codes and what is said."""
import json
import tempfile
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from reports import testing  # noqa: E402

testing.needs("report", "jsonschema", "numpy")
from reports import planted  # noqa: E402

FEW = {name: planted.BENCHMARKS[name] for name in ("W1", "W4", "W8")}


class CheckTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.allowed = self.write("allowed.json", '{"allowed": []}')

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def check(self, lines, *arguments):
        path = planted.write(os.path.join(self.folder.name, "history.jsonl"), lines)
        return testing.report("--history", path, "--check", "--allowed", self.allowed, *arguments)

    def allow(self, **entry):
        self.allowed = self.write("allowed.json", json.dumps({"allowed": [entry]}))

    # ---- Clock

    def test_nothing_changed(self):
        code, out, _ = self.check(planted.history(30, benchmarks=FEW))
        self.assertEqual((code, out.split("\n")[0][:14]), (0, "check: 0 to me"), out)

    def test_a_regression_says_which_since_when_how_much_and_how_sure(self):
        code, out, _ = self.check(planted.history(30, [("W8", 18, 0.8)], benchmarks=FEW))
        self.assertEqual(code, 1, out)
        self.assertRegex(out, r"REGRESSION +W8 +-(19|20|21)\.\d %")
        self.assertRegex(out, r"\(95 %: -2\d\.\d to -1\d\.\d %\)")
        near = "|".join(planted.commit(i)[:12] for i in range(16, 21))
        self.assertRegex(out, rf"since commit ({near}) \(before it [0-9a-f]{{12}}\), 1\d runs; 99\.\d+ %")
        self.assertIn("manifolddb itself -", out)
        self.assertNotIn("W1 ", out)

    def test_an_improvement_is_told_and_does_not_fail(self):
        code, out, _ = self.check(planted.history(30, [("W8", 18, 1.25)], benchmarks=FEW))
        self.assertEqual(code, 0)
        self.assertRegex(out, r"IMPROVEMENT W8 +\+2\d")

    def test_what_was_mended_does_not_fail(self):
        lines = planted.history(40, [("W8", 14, 0.8), ("W8", 27, 1.5)], benchmarks=FEW)
        code, out, _ = self.check(lines)
        self.assertEqual(code, 0, out)
        self.assertIn("MENDED", out)

    def test_a_step_back_does_not_hide_behind_the_step_forth(self):
        code, out, _ = self.check(planted.history(60, [("W8", 20, 1.25), ("W8", 50, 0.8)], benchmarks=FEW))
        self.assertEqual(code, 1, out)
        self.assertRegex(out, r"REGRESSION +W8 +-2\d")

    def test_what_slows_everybody_down_is_no_regression(self):
        lines = planted.history(30, benchmarks=FEW)
        for line in lines:
            line["value"] *= 0.7 if line["time"] >= "2024-01-19" else 1
        code, out, _ = self.check(lines)
        self.assertEqual((code, "REGRESSION" in out), (0, False), out)

    def test_without_another_engine_it_is_suspect_and_fails_only_when_strict(self):
        lines = planted.history(30, [("W8", 18, 0.5)], benchmarks=FEW, peers=False)
        code, out, _ = self.check(lines)
        self.assertEqual(code, 0, out)
        self.assertRegex(out, r"SUSPECT +W8 ")
        self.assertIn("no other engine ran beside it", out)
        self.assertEqual(self.check(lines, "--strict")[0], 1)

    def test_the_same_commit_cannot_be_guilty(self):
        lines = planted.history(30, [("W8", 18, 0.8)], benchmarks=FEW)
        for line in lines:
            line["commit"] = planted.commit(0)
        code, out, _ = self.check(lines)
        self.assertEqual(code, 0)
        self.assertIn("the same commit before and after", out)

    def test_a_higher_latency_is_a_regression(self):
        lines = planted.history(30, benchmarks={"W3/threads:1": 8e3})
        for line in lines:
            if line["engine"] == "manifolddb" and line["time"] >= "2024-01-16":
                line["latency_us"]["p99"] *= 1.5
        code, out, _ = self.check(lines)
        self.assertEqual(code, 1)
        self.assertRegex(out, r"REGRESSION +W3/threads:1 \[p99\] +\+[45]\d\.\d %")

    def test_an_allowed_regression_passes_with_its_reason(self):
        lines = planted.history(30, [("W8", 18, 0.8)], benchmarks=FEW)
        self.allow(benchmark="W8", counter="value", commit=planted.commit(18)[:12],
                   reason="checksums of values, note 12")
        code, out, _ = self.check(lines)
        self.assertEqual(code, 0, out)
        self.assertRegex(out, r"ALLOWED +W8")
        self.assertIn("checksums of values, note 12", out)
        self.allow(benchmark="W8", counter="value", commit=planted.commit(3)[:12],
                   reason="another commit than that")
        self.assertEqual(self.check(lines)[0], 1)

    # ---- Exact

    def test_one_more_write_is_a_regression_at_once(self):
        code, out, _ = self.check(planted.exact(5, [(4, "writes", 1)]))
        self.assertEqual(code, 1)
        self.assertRegex(out, r"REGRESSION +W3/threads:1 \[writes\] +\+8\.3 %\n +12 -> 13\n")
        new, old = planted.commit(4)[:12], planted.commit(3)[:12]
        self.assertIn(f"since commit {new} (before it {old}), 1 run; exact", out)

    def test_it_stays_until_it_is_mended_or_allowed(self):
        steps = [(4, "writes", 1)]
        self.assertEqual(self.check(planted.exact(9, steps))[0], 1)
        code, out, _ = self.check(planted.exact(9, steps + [(7, "writes", -1)]))
        self.assertEqual((code, "MENDED" in out, "IMPROVEMENT" in out), (0, True, True))
        self.allow(benchmark="W3/*", counter="wr*", commit=planted.commit(4)[:7],
                   reason="the header has two copies now")
        code, out, _ = self.check(planted.exact(9, steps))
        self.assertEqual((code, "ALLOWED" in out), (0, True))
        another = planted.exact(9, steps + [(6, "writes", 1)])
        self.assertEqual(self.check(another)[0], 1, "only that one is allowed")

    def test_fewer_instructions_are_an_improvement(self):
        code, out, _ = self.check(planted.exact(5, [(3, "instructions", -1)]))
        self.assertEqual(code, 0)
        self.assertIn("IMPROVEMENT W3/threads:1 [instructions]", out)

    def test_one_commit_with_two_figures_is_not_deterministic(self):
        lines = planted.exact(2, [(1, "syncs", -1)])
        lines[1]["commit"] = lines[0]["commit"]
        code, out, _ = self.check(lines)
        self.assertEqual(code, 1)
        self.assertIn("not deterministic", out)

    # ---- Campaign, inputs

    def test_a_broken_promise_and_a_surviving_mutant_fail(self):
        code, out, _ = self.check(planted.campaign(2, violations=1, killed=63))
        self.assertEqual(code, 1)
        self.assertRegex(out, r"BROKEN +mixed \[violations\]")
        self.assertIn("1 survived", out)
        self.assertEqual(self.check(planted.campaign(2))[0], 0)

    def test_empty_and_short_histories_pass_and_say_so(self):
        code, out, _ = self.check([])
        self.assertEqual((code, "empty" in out), (0, True))
        code, out, _ = self.check(planted.history(4, benchmarks=FEW))
        self.assertEqual((code, "too short to judge" in out), (0, True), out)

    def test_wrong_inputs_are_named_with_exit_code_2(self):
        code, _, errors = testing.report("--history", self.write("broken.jsonl", "{}\n"), "--check")
        self.assertEqual((code, "broken.jsonl:1:" in errors), (2, True), errors)
        self.assertEqual(testing.report("--history", os.path.join(self.folder.name, "none"), "--check")[0], 2)
        self.assertEqual(self.check([], "--alpha", "2")[0], 2)
        no_reason = {"benchmark": "W1", "counter": "value", "commit": "abcdef1", "reason": "because"}
        for bad in ('{"allowed": [{}]}', "[", json.dumps({"allowed": [no_reason]})):
            self.allowed = self.write("allowed.json", bad)
            code, _, errors = self.check([])
            self.assertEqual((code, "allowed.json" in errors), (2, True), errors)


if __name__ == "__main__":
    unittest.main()
