#!/usr/bin/python3
"""The live view draws what the database does: once, and over and over in a terminal until it is interrupted.

    live_view_test.py PROGRAM FOLDER MANIFOLDDB
"""
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time

LINES = ["commits", "syncs", "disk", "log", "cache", "changed", "file", "checkpoints", "waits"]


def check_view(text):
    """The number of commits in it; fails unless every line is there, with figures that can be true."""
    begins = [line.split()[0] for line in text.splitlines() if not line.startswith(" ")]
    assert begins == LINES, text
    commits = int(re.search(r"^ +(\d+) in all, 0 aborted$", text, re.MULTILINE)[1])
    assert commits > 0, text
    assert re.search(r"^commits +\d+ /s  [ .:=+*#-]+$", text, re.MULTILINE), text
    for bar in ("log", "cache", "changed"):
        drawn, share = re.search(rf"^{bar} +\[([#.]{{30}})\] +(\d+) % of", text, re.MULTILINE).groups()
        assert abs(drawn.count("#") / 30 - int(share) / 100) <= 0.04, text
    half, most = map(float, re.search(r"half within (\d+) us, 99 % within (\d+) us", text).groups())
    assert 0 < half <= most, text
    return commits


def check_once(program, folder):
    text = subprocess.run((program, folder, "--once"), check=True, text=True, stdout=subprocess.PIPE,
                          timeout=60).stdout
    check_view(text)


def check_terminal(program, folder, end):
    child, terminal = pty.fork()
    if child == 0:
        os.execv(program, (program, folder))
    seen, began = b"", time.monotonic()
    while seen.count(b"\x1b[H") < 4 and time.monotonic() < began + 60:
        seen += os.read(terminal, 65536)
    os.kill(child, end)
    try:
        while part := os.read(terminal, 65536):
            seen += part
    except OSError:  # the other side is gone
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    text = seen.decode().replace("\r", "")
    assert text.startswith("\x1b[2J\x1b[?25l") and text.endswith("\x1b[?25h"), repr(text)
    frames = text.split("\x1b[H")[1:]
    commits = [check_view(frame.replace("\x1b[K", "").replace("\x1b[?25h", "")) for frame in frames]
    assert len(commits) >= 4 and commits == sorted(commits) and commits[0] < commits[-1], commits


def main():
    program, folder, tool = sys.argv[1:]
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    check_once(program, folder)
    check_terminal(program, folder, signal.SIGINT)
    check_terminal(program, folder, signal.SIGTERM)
    # It was closed each time: there is nothing to be replayed.
    stat = subprocess.run((tool, "stat", "--json", os.path.join(folder, "shop")), check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    assert json.loads(stat)["stats"]["recovered_commits"] == 0, stat
    missing = subprocess.run((program, os.path.join(folder, "missing"), "--once"), text=True, check=False,
                             stderr=subprocess.PIPE)
    assert missing.returncode == 1 and "live_view: kNotFound" in missing.stderr, missing
    return 0


if __name__ == "__main__":
    sys.exit(main())
