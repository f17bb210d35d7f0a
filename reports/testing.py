"""What the tests of reports/ share: skipping with a reason, and scripts/report as users run it."""
import importlib
import os
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def needs(group, *modules, programs=()):
    """Ends the test as skipped, with the reason, if something is not installed."""
    missing = []
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    missing += [program for program in programs if not os.access(program, os.X_OK)]
    if missing:
        print(f"SKIPPED: {', '.join(missing)} not installed. scripts/setup {group} installs what this test "
              "needs")
        sys.exit(SKIPPED)


def report(*arguments):
    """(exit code, output, errors) of scripts/report."""
    done = subprocess.run([sys.executable, os.path.join(ROOT, "scripts", "report"), *map(str, arguments)],
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr
