#!/usr/bin/python3
"""The planted bug is found, its certificate confirmed, one that lies is not; the sound program has none.

    crash_certificate_test.py PROGRAM FOLDER
"""
import os
import subprocess
import sys


def main():
    program, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    file = os.path.join(folder, "certificate")

    def expect(status, output, *arguments):
        ran = subprocess.run((program, *arguments), text=True, check=False, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=60)
        assert ran.returncode == status and ran.stdout.startswith(output), (arguments, ran)

    def rewrite(old, new):
        assert old in text, text
        with open(file, "w", encoding="utf-8") as changed:
            changed.write(text.replace(old, new, 1))

    expect(0, "no power cut breaks the promise\n", "sound")
    expect(1, "broken: seat 0 is sold and has no ticket\n", "broken", file)
    with open(file, encoding="utf-8") as certificate:
        text = certificate.read()
    assert "write theatre-wal" in text, text
    expect(0, "confirmed: seat 0 is sold and has no ticket\n", "--replay", file)
    rewrite("seat 0", "seat 1")
    expect(1, "not confirmed: seat 0 is sold and has no ticket\n", "--replay", file)
    effects = text.split()[1]
    rewrite(f"effects {effects}", f"effects {int(effects) - 1}")  # before the seat was sold
    expect(1, "not confirmed: \n", "--replay", file)
    image = text.split()[3]
    rewrite(f"image {image}", "image prefix:1000000")
    expect(1, "not confirmed: the disk has no such image there\n", "--replay", file)
    rest = "\nimage all:0\nwrong x\n"
    for wrong in (f"effects x{rest}", f"effects 99999999{rest}", f"effects 1{rest}",
                  "effects 40\nimage x", ""):
        with open(file, "w", encoding="utf-8") as none:
            none.write(wrong)
        expect(2, "", "--replay", file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
