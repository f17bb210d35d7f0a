#!/usr/bin/python3
"""What scripts/fuzz-coverage and scripts/fuzz-faults make of what they have measured."""
import importlib.machinery
import importlib.util
import os
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def load(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), os.path.join(HERE, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


coverage = load("fuzz-coverage")
faults = load("fuzz-faults")
PATH = "engine/format/a.cc"


class Coverage(unittest.TestCase):
    def test_only_what_decodes_counts_and_of_several_programs_the_greatest(self):
        lcov = "".join(f"SF:{os.path.abspath(path)}\nDA:1,0\nDA:2,{count}\nend_of_record\n"
                       for path, count in ((PATH, 0), (PATH, 5), ("engine/txn/core.cc", 0),
                                           ("engine/format/a_test.cc", 0)))
        self.assertEqual(coverage.counts_of(lcov), {PATH: {1: 0, 2: 5}})

    def test_gaps_are_consecutive_lines_of_code(self):
        text = "a;\nb;\n// no code\nc;\nd;\n}\ne;\n"
        counts = {1: 1, 2: 0, 4: 0, 5: 1, 6: 0, 7: 0}
        gaps = coverage.gaps_of(PATH, counts, text)
        self.assertEqual([(gap.line, gap.lines, gap.code) for gap in gaps], [(2, 2, "b;"), (7, 1, "e;")])

    def test_each_gap_wants_a_row_and_each_row_a_gap(self):
        gap = coverage.Gap(PATH, 2, 2, "return x | y;")
        rows = coverage.ROW.findall(coverage.row_of(gap, "why") + "\n")
        self.assertEqual(rows, [(PATH, "return x | y;", "2", "why")])
        self.assertEqual(coverage.compare([gap], rows), ([], []))
        self.assertEqual(coverage.compare([gap], []), ([gap], []))
        self.assertEqual(coverage.compare([], rows), ([], [(PATH, gap.code)]))
        longer = gap._replace(lines=3)
        self.assertEqual(coverage.compare([longer], rows), ([longer], []))
        self.assertEqual(coverage.ROW.findall(coverage.row_of(gap, "")), [], "a row without a reason is none")


class Faults(unittest.TestCase):
    def test_rows_that_were_not_tried_stay(self):
        found = {"site": "decode.a", "target": "catalog", "how": "hang | slow", "executions": 1234,
                 "seconds": 7.4, "limit": 60}
        row = faults.row(found)
        self.assertEqual(row, "| `decode.a` | `catalog` | hang \\| slow | 1,234 | 7 | 60 |")
        missed = faults.row({**found, "site": "wal.b", "how": None})
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "faults.md")
            self.assertEqual(faults.kept_rows(path, ["decode.a"], {}), {})
            faults.write_table(path, {"wal.b": missed, "decode.a": row}, "Sound.")
            with open(path, encoding="utf-8") as file:
                text = file.read()
            self.assertIn("**1 of 2 found**, 1 of them within a minute. Sound.", text)
            self.assertLess(text.index(row), text.index(missed))
            self.assertEqual(faults.kept_rows(path, ["decode.a", "wal.b"], {"decode.a"}), {"wal.b": missed})
            self.assertEqual(faults.kept_rows(path, ["decode.a"], {}), {"decode.a": row})


if __name__ == "__main__":
    unittest.main()
