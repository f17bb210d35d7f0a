#!/usr/bin/python3
"""The library exports what the header declares, all of it and nothing else, each with its version; and what
programs that are built already may use: the list EXPORTS only grows.

    exports_test.py HEADER EXPORTS LIBRARY NM READELF
"""
import re
import subprocess
import sys

VERSION = "MANIFOLDDB_C_0"
SONAME = "libmanifolddb_c.so.0"


def output_of(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def main():
    header, exports, library, nm, readelf = sys.argv[1:]
    with open(header, encoding="utf-8") as file:
        text = file.read()
    declared = set(re.findall(r"^MANIFOLDDB_C_API[^;(]*?\b(manifolddb_\w+)\(", text, re.MULTILINE))
    with open(exports, encoding="utf-8") as file:
        listed = {line.strip() for line in file if not line.startswith("#")}
    defined = output_of(nm, "--dynamic", "--defined-only", library)
    symbols = [line.split()[-1] for line in defined.splitlines()]
    exported = dict(symbol.partition("@@")[::2] for symbol in symbols if symbol != VERSION)
    soname = re.search(r"SONAME.*\[(.*)\]", output_of(readelf, "--dynamic", library))[1]
    wrong = [
        (f"of another version than {VERSION}",
         {name for name, version in exported.items() if version != VERSION}),
        ("declared only", declared - exported.keys()),
        ("exported only", exported.keys() - declared),
        (f"not in {exports}, which is to be added", declared - listed),
        (f"in {exports} only: programs that use it would no longer start", listed - declared),
        (f"the library's name, which is not {SONAME}", {soname} - {SONAME})]
    for what, names in wrong:
        if names:
            print(f"{what}: {', '.join(sorted(names))}")
    print(f"{len(declared)} functions")
    return 1 if not declared or any(names for _, names in wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
