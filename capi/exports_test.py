#!/usr/bin/python3
"""The library exports what the header declares, all of it and nothing else.

    exports_test.py HEADER LIBRARY NM
"""
import re
import subprocess
import sys


def main():
    header, library, nm = sys.argv[1:]
    with open(header, encoding="utf-8") as file:
        declared = set(re.findall(r"^MANIFOLDDB_C_API[^;(]*?\b(manifolddb_\w+)\(", file.read(), re.MULTILINE))
    listed = subprocess.run((nm, "--dynamic", "--defined-only", library), check=True, text=True,
                            stdout=subprocess.PIPE).stdout
    exported = {line.split()[-1].split("@")[0] for line in listed.splitlines()} - {"MANIFOLDDB_C_0"}
    if not declared or declared != exported:
        print("declared only:", sorted(declared - exported))
        print("exported only:", sorted(exported - declared))
        return 1
    print(f"{len(declared)} functions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
