#!/usr/bin/python3
"""scripts/campaign-slurm against an sbatch that runs at once what it is given.

    scripts/campaign_slurm_test.py CRASHSIM
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

CRASHSIM = os.path.abspath(sys.argv[-1])
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SBATCH = """#!/usr/bin/env bash
array=0-0
while (($# > 0)); do
  case $1 in
    --array=*) array=${1#*=} ;; --wrap) wrapped=$2; shift ;; --output=*) output=${1#*=} ;;
  esac
  shift
done
for ((i = ${array%-*}; i <= ${array#*-}; ++i)); do
  SLURM_ARRAY_TASK_ID=$i bash -c "$wrapped" > "${output/\\%a/$i}" 2>&1
done
echo 4711
"""


class Slurm(unittest.TestCase):
    def test_every_shard_is_tried_and_merged(self):
        with tempfile.TemporaryDirectory() as folder:
            tree = os.path.join(folder, "tree")
            os.makedirs(os.path.join(tree, "scripts"))
            os.makedirs(os.path.join(tree, "build/release/crashsim"))
            for name in ("campaign-slurm", "report-campaign", "report_campaign.html"):
                shutil.copy(os.path.join(ROOT, "scripts", name), os.path.join(tree, "scripts", name))
            os.symlink(CRASHSIM, os.path.join(tree, "build/release/crashsim/crashsim"))
            with open(os.path.join(folder, "sbatch"), "w", encoding="utf-8") as file:
                file.write(SBATCH)
            os.chmod(os.path.join(folder, "sbatch"), 0o755)
            said = subprocess.run(
                [os.path.join(tree, "scripts/campaign-slurm"), "--shards", "3", "--for", "1s", "--seed", "5"],
                env={**os.environ, "PATH": folder + ":" + os.environ["PATH"]}, capture_output=True, text=True,
                check=True).stdout
            self.assertIn("array 4711", said)
            out = os.path.join(tree, "build/campaign-slurm")
            with open(os.path.join(out, "merged.json"), encoding="utf-8") as lines:
                records = [json.loads(line) for line in lines]
            self.assertEqual(records[0]["type"], "header")
            shards = [json.loads(open(os.path.join(out, f"{i}.jsonl"), encoding="utf-8").readlines()[-1])
                      for i in range(3)]
            for name in ("recoveries", "sessions", "images"):
                self.assertEqual(records[-1][name], sum(shard[name] for shard in shards))
                self.assertGreater(records[-1][name], 0)
            self.assertTrue(os.path.exists(os.path.join(out, "campaign.html")))

    def test_a_wrong_call_says_what_is_wanted(self):
        done = subprocess.run([os.path.join(ROOT, "scripts/campaign-slurm"), "--shards", "none"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("want a whole number", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
