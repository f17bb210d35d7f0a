#!/usr/bin/python3
"""ci/nightly knows its phases and its arguments, and the workflow calls it. The phases have tests of their
own."""
import subprocess
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from reports import testing  # noqa: E402

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
                        "scripts/dev model --deep", "scripts/dev limits",
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
        for wrong in (["--fuzz", "long"], ["--skip", "everything"], ["--campaign"], ["--more"]):
            self.assertEqual(nightly("--dry-run", *wrong)[0], 2, wrong)

    def test_the_workflow_calls_the_script(self):
        with open(os.path.join(ROOT, ".github", "workflows", "nightly.yml"), encoding="utf-8") as file:
            self.assertIn("run: ci/nightly ", file.read())


if __name__ == "__main__":
    unittest.main()
