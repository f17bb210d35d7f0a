#!/usr/bin/python3
"""What is no longer measured is told, and fails until it is allowed; what merely was not run is not."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from reports import testing  # noqa: E402

testing.needs("report", "jsonschema", "numpy")
from reports import allowed, check, history, planted  # noqa: E402
from reports import findings as told  # noqa: E402

FEW = {name: planted.BENCHMARKS[name] for name in ("W1", "W3/threads:1/families:own", "W8")}


def index(line):
    return next(i for i in range(100) if line["commit"] == planted.commit(i))


def load(lines):
    with tempfile.TemporaryDirectory() as folder:
        return history.load([planted.write(os.path.join(folder, "history.jsonl"), lines)])


def of_theme(lines, theme):
    return [dict(line, theme=theme) for line in lines]


class EndedTest(unittest.TestCase):
    def check(self, lines, entries=()):
        return check.check(load(lines), entries)

    def gone(self, lines, entries=()):
        """(name, what) of what fails."""
        return [(f.name, f.what) for f in self.check(lines, entries).failed]

    def test_a_benchmark_that_ends_fails_and_says_since_when(self):
        lines = planted.history(5, benchmarks=FEW)
        lines = [line for line in lines if not (line["benchmark"] == "W8" and index(line) >= 3)]
        verdict = self.check(lines)
        self.assertEqual([(f.name, f.verdict, f.runs_since) for f in verdict.failed], [("W8", "gone", 2)])
        text = told.describe(verdict.failed[0])
        self.assertRegex(text, r"GONE +W8\n")
        self.assertIn(f"since commit {planted.commit(3)[:12]} (before it {planted.commit(2)[:12]}), 2 runs",
                      text)

    def test_only_ours_is_asked_for(self):
        lines = planted.history(5, benchmarks=FEW)
        self.assertEqual(self.gone([line for line in lines
                                    if line["engine"] == "manifolddb" or index(line) < 3]), [])

    def test_an_end_may_stay_with_a_reason(self):
        lines = [line for line in planted.history(5, benchmarks=FEW)
                 if not (line["benchmark"] == "W8" and index(line) >= 3)]
        entry = allowed.Entry("W8", "value", planted.commit(3)[:12], "W11 loads the same", "here")
        self.assertEqual(self.gone(lines, [entry]), [])
        self.assertEqual([f.verdict for f in self.check(lines, [entry]).findings], ["allowed"])
        self.assertEqual(self.gone(lines, [entry._replace(commit=planted.commit(1)[:12])]),
                         [("W8", "value")])

    def test_an_exact_counter_that_vanishes_fails(self):
        lines = planted.exact(4)
        del lines[3]["counters"]["syncs"]
        self.assertEqual(self.gone(lines), [("W3/threads:1", "syncs")])
        entry = allowed.Entry("W3/*", "syncs", planted.commit(3)[:12], "counted as flushes now", "here")
        self.assertEqual(self.gone(lines, [entry]), [])
        lines = planted.exact(4)
        del lines[2]["counters"]["syncs"]
        self.assertEqual(self.gone(lines), [], "it is back")

    def test_an_exact_benchmark_that_ends_fails(self):
        lines = planted.exact(4) + planted.exact(3, benchmark="W8")
        self.assertEqual(self.gone(lines), [("W8", "value")])

    def test_a_latency_that_is_no_longer_taken_fails(self):
        lines = planted.history(4, benchmarks=FEW)
        for line in lines:
            if index(line) == 3:
                line.pop("latency_us", None)
        self.assertEqual(self.gone(lines), [("W3/threads:1/families:own", "p99")])

    def test_a_run_of_another_theme_or_profile_is_no_end(self):
        lines = planted.history(4, benchmarks=FEW)
        lines = [dict(line, theme="log") if index(line) >= 2 else line for line in lines]
        self.assertEqual(self.gone(lines), [])
        quick = [dict(line, profile="quick") for line in planted.history(4, benchmarks={"W1": 5.0})
                 if index(line) > 1]
        self.assertEqual(self.gone([line for line in planted.history(4, benchmarks=FEW) if index(line) < 2]
                                   + quick), [])

    def test_a_theme_that_the_last_runs_went_without_fails_once(self):
        lines = planted.history(6, benchmarks=FEW)
        lines += of_theme(planted.history(2, benchmarks={"full": 5.0, "long": 6.0}), "scans")
        verdict = self.check(lines)
        self.assertEqual([(f.name, f.runs_since) for f in verdict.failed], [("scans/*", 4)])
        self.assertIn("2 benchmarks", verdict.failed[0].note)

    def test_another_machine_or_c_library_is_no_end(self):
        lines = planted.exact(6, benchmark="exact/instructions/get")
        for line in lines:
            line["machine"] = dict(planted.MACHINE, libc="2.36" if index(line) < 2 else "2.37")
        self.assertEqual(self.gone(lines), [])
        for line in lines:
            line["machine"] = dict(planted.MACHINE, id="first" if index(line) < 2 else "second")
        self.assertEqual(self.gone(lines), [])

    def test_with_other_parameters_it_begins_anew_and_that_is_told(self):
        lines = planted.history(4, benchmarks=FEW)
        for line in lines:
            if line["benchmark"] == "W8":
                line["params"] = {"keys": 5 if index(line) < 2 else 6}
        verdict = self.check(lines)
        self.assertEqual([(f.verdict, f.benchmark, f.fails) for f in verdict.findings],
                         [("restarted", "standard/*", False)])
        self.assertIn("W8", verdict.findings[0].note)

    def test_names_of_two_themes_do_not_mix(self):
        lines = planted.history(4, benchmarks={"full": 5.0})
        lines += [dict(line, value=2 * line["value"])
                  for line in of_theme(planted.history(3, benchmarks={"full": 5.0}), "scans")]
        loaded = {key.name for key in load(lines).series}
        self.assertEqual(loaded, {"full", "scans/full"})


class InstructionsTest(unittest.TestCase):
    """Instructions are compared only where processor and C library are the same."""

    def machines(self, name, **changed):
        lines = planted.exact(2, [(1, "instructions", 5)], benchmark=name)
        lines[1]["machine"] = dict(planted.MACHINE, **changed)
        return [f.verdict for f in check.check(load(lines)).findings]

    def test_of_another_processor_or_library_nothing_is_said(self):
        name = "exact/instructions/get"
        self.assertEqual(self.machines(name), ["regression"])
        self.assertEqual(self.machines(name, cpu="another"), [])
        self.assertEqual(self.machines(name, libc="glibc 2.37"), [])
        self.assertEqual(self.machines(name, compiler="g++ 13"), [])

    def test_counts_of_the_simulated_disk_do_not_depend_on_them(self):
        self.assertEqual(self.machines("exact/W1", cpu="another", libc="glibc 2.37"), ["regression"])
        self.assertEqual(self.machines("exact/W1", compiler="g++ 13"), [])


if __name__ == "__main__":
    unittest.main()
