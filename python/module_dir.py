#!/usr/bin/python3
"""Prints the folder below PREFIX, relative to it, in which this interpreter looks for modules.

    module_dir.py PREFIX

Where it looks in none there, the one that it has below its own: then PYTHONPATH has to name it.
"""
import os
import site
import sys


def module_dir(prefix, searched, own):
    """`searched`: the interpreter's folders; `own`: the prefixes that they may lie below."""
    for below in (os.path.normpath(prefix), *own):
        for folder in searched:
            relative = os.path.relpath(folder, below)
            if relative.startswith("lib"):  # neither ../lib nor, below /usr, local/lib
                return relative
    raise SystemExit(f"no folder for modules: {searched}")


if __name__ == "__main__":
    print(module_dir(sys.argv[1], site.getsitepackages(), ("/usr/local", sys.prefix)))
