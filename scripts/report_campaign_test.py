#!/usr/bin/python3
"""What scripts/report-campaign makes of results: the figures are there, the worst verdict is the headline."""
import html
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "report-campaign")
HEADER = {"type": "header", "git": "abc", "workload": "mixed", "seed": 1, "config": "any", "preset": "strict",
          "jobs": 2, "broken": [], "required_marks": ["wal.wrap"]}
SUMMARY = {"type": "summary", "verdict": "holds", "seconds": 4.5, "points": 1000, "images": 5000,
           "recoveries": 12345, "judged_twice": 11111, "violations": 0, "marks": {"wal.wrap": 3},
           "behaviours": {"seen": 77, "programs": 40, "once": 8, "twice": 4, "next": 0.2,
                          "unseen_at_least": 7.8, "coverage": 0.991, "believed": True}}
EXHAUSTIVE = {"type": "exhaustive", "git": "abc", "depth": 2, "garbage": False, "broken": []}
RACES = {"type": "schedules", "git": "abc", "strategy": "pct2", "preemptions": 2, "seed": 9,
         "runs": 50, "broken": []}


def sequence(name, images, wrong=0):
    return {"type": "sequence", "sequence": name, "points": [[1, "2", 3], [2, "4", 1]], "images": str(images),
            "images_of_cuts": "9", "recoveries": 100, "wrong": wrong, "violations": ["point 3: lost"] * wrong}


def race(name, wrong=0):
    return {"type": "race", "scenario": "two in one family", "race": name, "schedules": 50, "runs": 31,
            "images": "1234567", "recoveries": 200, "wrong": wrong, "missing": "",
            "violations": ["schedule 1:1: G3"] * wrong}


def page_of(*files):
    """The page's text, and the exit code, of files of records each."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for number, records in enumerate(files):
            names.append(os.path.join(folder, f"{number}.jsonl"))
            with open(names[-1], "w", encoding="utf-8") as file:
                file.writelines(json.dumps(record) + "\n" for record in records)
        out = os.path.join(folder, "page.html")
        done = subprocess.run([sys.executable, SCRIPT, *names, "--out", out], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            return done.stderr, done.returncode
        with open(out, encoding="utf-8") as file:
            body = file.read().split("</style>")[1]
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split()), 0


class Page(unittest.TestCase):
    def test_a_campaign(self):
        page, _ = page_of([HEADER, SUMMARY])
        for text in ("Holds: every promise", "12,345", "judged twice 11,111", "in 77 ways", "0.200 new ones",
                     "at least 8 are unseen", "99.10 %"):
            self.assertIn(text, page)

    def test_too_few_programs_for_an_estimate(self):
        few = {**SUMMARY, "behaviours": {**SUMMARY["behaviours"], "believed": False}}
        page, _ = page_of([HEADER, few])
        self.assertIn("too little to say", page)
        self.assertNotIn("Good and Turing", page)

    def test_every_sequence(self):
        big = 10**25
        page, _ = page_of([EXHAUSTIVE, sequence("creation", 5), sequence("put a", big),
                           sequence("put a, checkpoint", 7)])
        for text in (f"{big:,}", f"together 3 6 {big + 12:,} 27 300", "1 1 2", "the creation 1 2 5 9 100"):
            self.assertIn(text, page)
        page, _ = page_of([EXHAUSTIVE, sequence("put a", 1, wrong=1)], [HEADER, SUMMARY])
        self.assertIn("Violation: a promise was broken", page)
        self.assertIn("point 3: lost", page)

    def test_schedules(self):
        page, _ = page_of([RACES, race("put a | put b"), race("put a | checkpoint")])
        for text in ("50 schedules of each race, drawn by pct2 from seed 9", "2,469,134 images",
                     "put a | put b"):
            self.assertIn(text, page)
        self.assertIn("Holds", page)
        page, _ = page_of([{**RACES, "strategy": "bounded"}, race("put a | put b", wrong=2)])
        self.assertIn("All schedules with up to 2 preemptions", page)
        self.assertIn("Violation: a promise was broken", page)
        vacuous, _ = page_of([RACES, {**race("put a"), "missing": "nobody waited"}])
        self.assertIn("Vacuous", vacuous)

    def test_a_file_without_results(self):
        said, status = page_of([])
        self.assertEqual(status, 2)
        self.assertIn("holds no results", said)


if __name__ == "__main__":
    unittest.main()
