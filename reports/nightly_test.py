#!/usr/bin/python3
"""ci/nightly knows its phases and its arguments, and the workflow calls it. The phases have tests of their
own."""
import importlib.util
import subprocess
import os
import re
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from reports import testing  # noqa: E402

PHASES = ("packages", "shared", "install", "hour", "docs", "campaign", "mutants", "exhaustive", "schedules",
          "model", "limits", "kill", "churn", "fuzz", "afl", "coverage", "damage", "salvage", "bench",
          "exact", "detector", "report", "check")
ROOT = testing.ROOT


def nightly(*arguments):
    done = subprocess.run([os.path.join(ROOT, "ci", "nightly"), *arguments], capture_output=True, text=True,
                          check=False)
    return done.returncode, done.stdout + done.stderr


class NightlyTest(unittest.TestCase):
    def test_a_dry_run_names_every_phase(self):
        code, out = nightly("--dry-run", "--campaign", "5m")
        self.assertEqual(code, 0, out)
        for command in ("scripts/setup", "scripts/campaign --for 5m", "scripts/dev mutants",
                        "scripts/dev model --deep", "scripts/dev limits", "scripts/dev kill",
                        "scripts/dev salvage-damage",
                        "scripts/bench --profile nightly --peers", "scripts/bench-exact --callgrind",
                        "scripts/report --history"):
            self.assertIn(f"+ {command}", out)
        self.assertIn("--check", out)

    def test_phases_can_be_skipped(self):
        code, out = nightly("--dry-run", "--skip", "campaign", "--skip=mutants")
        self.assertEqual(code, 0)
        self.assertNotIn("+ scripts/campaign", out)
        self.assertIn("campaign: skipped", out)

    def test_wrong_arguments_are_refused(self):
        for wrong in (["--fuzz", "long"], ["--skip", "everything"], ["--campaign"], ["--more"],
                      ["--exhaustive", "0"], ["--rounds", "none"], ["--budget", "soon"], ["--limit", "bench"],
                      ["--limit", "tea=5m"], ["--limit", "bench=5d"]):
            self.assertEqual(nightly("--dry-run", *wrong)[0], 2, wrong)

    def test_the_detector_is_proved_and_sequences_are_shared_among_nights(self):
        _, out = nightly("--dry-run", "--exhaustive", "5", "--rounds=1")
        self.assertIn("+ reports/prove_detector.py --check", out)
        self.assertRegex(out, r"exhaustive --length 4 --shard [0-4]/5 ")
        self.assertIn("--profile nightly --peers --rounds 1 ", out)
        self.assertNotIn("--rounds", nightly("--dry-run")[1])

    def test_what_has_no_time_left_is_named_and_not_green(self):
        """Ten minutes are kept for report and check, which still have their turn."""
        code, out = nightly("--dry-run", "--budget", "10m")
        self.assertEqual(code, 1, out)
        self.assertIn("bench: NO TURN, the budget of 10m was spent", out)
        self.assertNotIn("+ scripts/bench ", out)
        self.assertIn("+ scripts/report --history", out)
        self.assertEqual(nightly("--dry-run", "--budget", "24h")[0], 0)

    def alone(self, phase, folder, *arguments):
        """A night with one phase."""
        others = [f"--skip={other}" for other in PHASES if other != phase]
        history = os.path.join(folder, "history.jsonl")
        return nightly(*others, "--out", folder, "--history", history, *arguments)

    @unittest.skipUnless(importlib.util.find_spec("numpy"), "numpy: scripts/setup report installs it")
    def test_what_is_cut_off_is_named_and_not_green(self):
        with tempfile.TemporaryDirectory() as folder:
            # It needs twenty times as long.
            code, out = self.alone("detector", folder, "--limit", "detector=1s")
        self.assertEqual(code, 1, out)
        self.assertRegex(out, r"detector: CUT OFF after \d+ s, it may take 1 s")
        self.assertIn("1 failed or cut off: detector", out)

    def test_half_a_line_of_a_run_that_was_cut_off_is_dropped(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "history.jsonl")
            with open(path, "w", encoding="utf-8") as file:
                file.write('{"whole": 1}\n{"whole": 2}\n{"hal')
            self.assertEqual(self.alone("none", folder)[0], 0)
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), '{"whole": 1}\n{"whole": 2}\n')

    def test_the_phases_and_their_commands_are_documented(self):
        with open(os.path.join(ROOT, "ci", "README.md"), encoding="utf-8") as file:
            text = file.read()
        night = text[text.index("What runs every night"):]
        for phase in PHASES:
            self.assertIn(f"| {phase} | ", night)
        self.assertIn("`scripts/setup dev bench exact coverage afl report browser docs packages`", night)

    def test_these_are_its_phases(self):
        # One that is missing above would run, for hours, in each test that wants another phase alone.
        with open(os.path.join(ROOT, "ci", "nightly"), encoding="utf-8") as file:
            known = "".join(re.findall(r"^known\+?='(.*)'$", file.read(), re.MULTILINE))
        self.assertEqual(set(known.split("|")), set(PHASES))

    def test_the_workflow_calls_the_script(self):
        with open(os.path.join(ROOT, ".github", "workflows", "nightly.yml"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("ci/nightly --history", text)
        arguments = re.search(r"ci/nightly (--history(?:.*\\\n)*.*)", text)[1].replace("\\\n", " ")
        arguments = re.sub(r"\$\{\{[^}]*\|\| '(\w+)' *\}\}", r"\1", arguments).replace('"', "").split()
        code, out = nightly("--dry-run", *arguments)
        self.assertEqual(code, 0, out)

    def test_the_workflow_has_time_for_what_the_script_may_take(self):
        """The budget is below the step's limit, that one below the job's, and the rest keeps the history."""
        with open(os.path.join(ROOT, ".github", "workflows", "nightly.yml"), encoding="utf-8") as file:
            text = file.read()
        job, step = map(int, re.findall(r"timeout-minutes: (\d+)", text))
        budget = int(re.search(r"--budget (\d+)m", text)[1])
        self.assertTrue(budget + 5 <= step and step + 10 <= job <= 360, (budget, step, job))
        kept = text.index("keep the history")
        self.assertLess(text.index("ci/nightly --history"), kept)
        self.assertIn("if: always()", text[kept:kept + 60])


if __name__ == "__main__":
    unittest.main()
