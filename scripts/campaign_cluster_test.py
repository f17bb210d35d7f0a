#!/usr/bin/python3
"""Two workers, one of them killed amid a shard: no shard is lost, none counts twice.

    scripts/campaign_cluster_test.py CRASHSIM
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import campaign_cluster  # noqa: E402

try:
    from dask.distributed import Client, LocalCluster
except ImportError:
    print("skipped: Dask is not installed (scripts/setup cluster)")
    sys.exit(77)

# Workers import this file as well, without its argument.
CRASHSIM = os.path.abspath(sys.argv[-1])
SHARDS = 5
# So much work and no more, whatever the time: each shard is the same wherever it is tried.
RUN = ["run", "--workload", "mixed", "--seed", "7", "--for", "10h", "--sample", "--recoveries", "400"]
# In front of crashsim: says that it was called, by whom; the first to come to shard 3 waits to be killed.
WRAPPER = """#!/usr/bin/env bash
echo "$PPID $*" >> {folder}/calls
case "$*" in *"--shard 3/"*) mkdir {folder}/waiting 2>/dev/null && {{ echo "$PPID" > {folder}/victim.new;
  mv {folder}/victim.new {folder}/victim; read < {folder}/never; }} ;; esac
exec {crashsim} "$@"
"""


def summary_of(path):
    with open(path, encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    last = records[-1]
    for noisy in ("seconds", "recoveries_per_second", "recoveries_per_second_per_core", "recovery_nanos"):
        del last[noisy]
    return records[0]["shards"], last, len(records)


class Cluster(unittest.TestCase):
    def test_a_killed_worker_loses_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            wrapper = os.path.join(folder, "crashsim")
            with open(wrapper, "w", encoding="utf-8") as file:
                file.write(WRAPPER.format(folder=folder, crashsim=CRASHSIM))
            os.chmod(wrapper, 0o755)
            os.mkfifo(os.path.join(folder, "never"))
            spread = self.spread([wrapper, *RUN], folder)
            here = self.one_after_the_other(folder)
            self.assertEqual(spread, here)
            with open(os.path.join(folder, "calls"), encoding="utf-8") as file:
                calls = [line for line in file if "--shard 3/" in line]
            self.assertEqual(len(calls), 2, "once in vain, once more")

    def spread(self, command, folder):
        merged = os.path.join(folder, "spread.jsonl")
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, \
                Client(cluster) as client:
            killer = threading.Thread(target=self.kill, args=(os.path.join(folder, "victim"),), daemon=True)
            killer.start()
            came = []
            os.mkdir(os.path.join(folder, "shards"))
            shards = os.path.join(folder, "shards")
            self.assertTrue(campaign_cluster.try_all(client, command, SHARDS, shards, came.append))
            self.assertEqual(sorted(came), list(range(SHARDS)))
        campaign_cluster.merge(CRASHSIM, shards, SHARDS, merged)
        return summary_of(merged)

    @staticmethod
    def kill(victim):
        while not os.path.exists(victim):
            threading.Event().wait(0.05)  # for the other process: nothing is measured
        with open(victim, encoding="utf-8") as file:
            os.kill(int(file.read()), signal.SIGKILL)

    @staticmethod
    def one_after_the_other(folder):
        files = []
        for shard in range(SHARDS):
            files.append(os.path.join(folder, f"here.{shard}.jsonl"))
            subprocess.run([CRASHSIM, *RUN, "--jobs", "1", "--shard", f"{shard}/{SHARDS}",
                            "--json", files[-1]], stdout=subprocess.DEVNULL, check=False)
        merged = os.path.join(folder, "here.jsonl")
        subprocess.run([CRASHSIM, "merge", "--json", merged, *files], stdout=subprocess.DEVNULL, check=False)
        return summary_of(merged)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
