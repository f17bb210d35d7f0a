#!/usr/bin/python3
"""Spreads one crash campaign over a Dask cluster, and puts its shards together.

    scripts/campaign_cluster.py --for SECONDS --json OUT [--scheduler ADDRESS] [--workers N] [--shards N]
                                -- PROGRAM run OPTIONS...

Called by `scripts/campaign --cluster`. PROGRAM is crashsim, at the same path on every machine. Shard i of n
tries every n-th program of the campaign, from the i-th on (`crashsim run --shard`), so together they try what
one machine would. A worker that dies takes nothing along: its shard is tried again, elsewhere; each shard's
result counts once, and `crashsim merge` refuses if one is missing.

    --scheduler ADDRESS  a Dask scheduler, as in tcp://host:8786; default: a cluster on this machine
    --workers N          of the cluster on this machine (default: its processors)
    --shards N           default: two for each worker, so that a lost one costs half a campaign's time at most
    --for SECONDS        of all workers together

Exit code: that of crashsim merge; 2 if a shard came to no verdict.
"""
import argparse
import ctypes
import os
import signal
import subprocess
import sys
import tempfile

RETRIES = 3  # of one shard, after as many dead workers


def die_with_parent():
    """What a killed worker had started is not to go on without it."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def try_shard(command, shard, shards):
    """On a worker: its exit code, its JSON lines, and what it said."""
    with tempfile.TemporaryDirectory() as folder:
        results = os.path.join(folder, "shard.jsonl")
        done = subprocess.run([*command, "--jobs", "1", "--shard", f"{shard}/{shards}", "--json", results],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=die_with_parent,
                              check=False)
        lines = b""
        if os.path.exists(results):
            with open(results, "rb") as file:
                lines = file.read()
        return done.returncode, lines, done.stdout.decode(errors="replace")


class Progress:
    """One line on stderr: a bar where somebody looks, a line for each shard where nobody does."""

    def __init__(self, shards):
        self.shards, self.done, self.wrong = shards, 0, 0

    def show(self, wrong):
        self.done += 1
        self.wrong += wrong
        text = f"{self.done} of {self.shards} shards, {self.wrong} with violations"
        if sys.stderr.isatty():
            filled = 30 * self.done // self.shards
            bar = "#" * filled + "." * (30 - filled)
            print(f"\rcampaign: [{bar}] {text}", end="", file=sys.stderr, flush=True)
            if self.done == self.shards:
                print(file=sys.stderr)
        else:
            print(f"campaign: {text}", file=sys.stderr, flush=True)


def try_all(client, command, shards, folder, on_result=lambda shard: None):
    """Writes each shard's results into `folder`; False if one came to no verdict. Calls `on_result` with the
    number of each as it comes in."""
    from dask.distributed import as_completed
    futures = [client.submit(try_shard, command, shard, shards, pure=False, retries=RETRIES,
                             key=f"shard-{shard}-of-{shards}-{os.getpid()}") for shard in range(shards)]
    number = {future.key: shard for shard, future in enumerate(futures)}
    progress, good, seen = Progress(shards), True, set()
    for future in as_completed(futures):
        shard = number[future.key]
        if shard in seen:  # its worker died later, and somebody tried it again: it is the same
            continue
        seen.add(shard)
        try:
            status, lines, said = future.result()
        except Exception as error:  # noqa: BLE001  whatever it is, it is told, and there is no verdict
            print(f"campaign: shard {shard} of {shards}: {error}", file=sys.stderr)
            good = False
            continue
        if status == 1:  # the lines that play its violations again
            print(said, end="", file=sys.stderr)
        elif status not in (0, 3):  # one shard alone may prove too little
            print(f"campaign: shard {shard} of {shards} ended with status {status}:\n{said}", file=sys.stderr)
            good = False
        with open(os.path.join(folder, f"{shard}.jsonl"), "wb") as file:
            file.write(lines)
        progress.show(status == 1)
        on_result(shard)
    return good


def merge(program, folder, shards, json):
    files = [os.path.join(folder, f"{shard}.jsonl") for shard in range(shards)]
    return subprocess.run([program, "merge", "--json", json, *files], check=False).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--for", dest="seconds", type=float, required=True)
    parser.add_argument("--json", required=True)
    parser.add_argument("--scheduler")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--shards", type=int)
    parser.add_argument("command", nargs="+")
    wanted = parser.parse_args()
    if wanted.workers < 1 or (wanted.shards is not None and wanted.shards < 1):
        parser.error("--workers and --shards: want at least 1")
    try:
        from dask.distributed import Client, LocalCluster
    except ImportError:
        print("campaign: --cluster needs Dask: scripts/setup cluster", file=sys.stderr)
        return 2
    if wanted.scheduler:
        client = Client(wanted.scheduler)
    else:
        client = Client(LocalCluster(n_workers=wanted.workers, threads_per_worker=1, dashboard_address=None))
    with client:
        workers = sum(client.nthreads().values()) or wanted.workers
        shards = wanted.shards or 2 * workers
        seconds = max(1, round(wanted.seconds * workers / shards))
        command = [*wanted.command, "--for", f"{seconds}s"]
        print(f"campaign: {shards} shards of {seconds} s for {workers} workers", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            good = try_all(client, command, shards, folder)
            status = merge(wanted.command[0], folder, shards, wanted.json)
    return status if good or status == 1 else 2


if __name__ == "__main__":
    sys.exit(main())
