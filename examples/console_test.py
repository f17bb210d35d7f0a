#!/usr/bin/python3
"""Runs the sessions of a document, set as ```console, and compares what they print.

    console_test.py DOCUMENT FOLDER [PROGRAM_FOLDER..]

A line that begins with "$ " is run by bash in FOLDER, which is emptied first; the lines behind it are its
standard output. Programs are looked for in the folders given, first. Sessions of one document go on where the
last one ended.
"""
import os
import re
import shutil
import subprocess
import sys


def sessions(text):
    """(line number, command, expected output) of each command."""
    for block in re.finditer(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, block.start(1)) + 1
        command, expected, at = None, "", line
        for row in block[1].splitlines(keepends=True):
            if row.startswith("$ "):
                if command is not None:
                    yield at, command, expected
                command, expected, at = row[2:].rstrip("\n"), "", line
            elif command is None:
                raise SystemExit(f"line {line}: a session begins with a command")
            else:
                expected += row
            line += 1
        if command is not None:
            yield at, command, expected


def main():
    document, folder, programs = sys.argv[1], sys.argv[2], [os.path.abspath(p) for p in sys.argv[3:]]
    with open(document, encoding="utf-8") as file:
        commands = list(sessions(file.read()))
    if not commands:
        raise SystemExit(f"{document}: there is no session in it")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    environment = dict(os.environ, PATH=os.pathsep.join(programs + [os.environ["PATH"]]))
    wrong = 0
    for line, command, expected in commands:
        run = subprocess.run(("bash", "-c", command), cwd=folder, env=environment, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if run.stdout != expected or run.returncode != 0:
            wrong += 1
            print(f"{document}:{line}: {command}\n  exit code {run.returncode}\n"
                  f"  expected {expected!r}\n  printed  {run.stdout!r}\n  errors   {run.stderr!r}")
    print(f"{document}: {len(commands)} commands, {wrong} not as written")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
