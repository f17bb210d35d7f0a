#!/usr/bin/python3
"""The history: what is a line and what is not, and what is said about it."""
import gzip
import json
import tempfile
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from reports import testing  # noqa: E402

testing.needs("report", "jsonschema", "numpy")
from reports import campaigns, from_crashsim, history, origin, planted  # noqa: E402


def line(**changes):
    record = planted.record(0, "clock", "W1", 5.0, engine="rocksdb", latency_us={"p50": 1.5},
                            counters={"a": 1})
    for name, value in changes.items():
        if value is None:
            del record[name]
        else:
            record[name] = value
    return record


class SchemaTest(unittest.TestCase):
    def complaint(self, **changes):
        return history.Validator().complaint(line(**changes))

    def test_accepts_what_bench_writes(self):
        validator = history.Validator()
        for record in planted.history(2, rounds=2) + planted.exact(2) + planted.campaign(2):
            self.assertIsNone(validator.complaint(record))

    def test_accepts_counters_of_which_there_are_none(self):
        self.assertIsNone(self.complaint(counters={}))

    def test_rejects_what_is_missing(self):
        for name in history.SCHEMA["required"]:
            self.assertIn(name, self.complaint(**{name: None}) or "", name)

    def test_rejects_what_is_wrong(self):
        machine = dict(planted.MACHINE)
        wrong = {"schema": 2, "run": "yesterday", "time": "2024-01-01", "commit": "abc", "dirty": "no",
                 "profile": "slow", "machine": {**machine, "cores": 0}, "kind": "guess", "engine": "postgres",
                 "round": 0, "value": -1, "better": "faster", "latency_us": {"p42": 1},
                 "counters": {"a": "b"},
                 "theme": "", "benchmark": "", "unit": 7, "more": 1, "params": []}
        for name, value in wrong.items():
            self.assertIsNotNone(self.complaint(**{name: value}), name)

    def test_a_good_line_does_not_excuse_a_bad_one_of_the_same_shape(self):
        validator = history.Validator()
        self.assertIsNone(validator.complaint(line()))
        for wrong in (line(value=-5.0), line(latency_us={"p50": -1}), line(counters={"a": True, "b": "x"}),
                      line(round=0), line(dirty=0), line(commit="f" * 39)):
            self.assertIsNotNone(validator.complaint(wrong))


class LoadTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "history.jsonl")

    def load(self, *lines):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("".join(text if isinstance(text, str) else json.dumps(text) + "\n" for text in lines))
        return history.load([self.path])

    def refused(self, *lines):
        with self.assertRaises(history.InputError) as caught:
            self.load(*lines)
        return str(caught.exception)

    def test_runs_are_ordered_by_time_and_series_by_what_may_be_compared(self):
        loaded = self.load(*reversed(planted.history(3, rounds=2)))
        self.assertEqual([run.commit for run in loaded.runs], [planted.commit(i) for i in range(3)])
        own = loaded.own("clock")
        self.assertEqual(len(own), len(planted.BENCHMARKS))
        self.assertEqual([result.round for result in own[0].results[0]], [1, 2])
        self.assertEqual(sorted(loaded.peers(own[0])), sorted(planted.PEERS))

    def test_an_empty_history_is_one(self):
        self.assertEqual(self.load().runs, [])

    def test_other_parameters_are_another_series(self):
        loaded = self.load(line(params={"entries": 1}), line(params={"entries": 2}))
        self.assertEqual(len(loaded.series), 2)

    def test_the_turns_of_a_round_are_one_result(self):
        lines = [line(engine="manifolddb", theme="churn", benchmark=f"turn:{turn:02}/read", value=value,
                      round=r, latency_us={"p99": 2 * value}, counters={"space_bytes": turn})
                 for r in (1, 2) for turn, value in ((1, 4.0 * r), (2, 9.0 * r))]
        (key, one), = history.folded(self.load(*lines)).series.items()
        self.assertEqual((key.name, one.params), ("churn/turn:*/read", {"turns": 2}))
        self.assertEqual([round(r.value, 9) for r in one.results[0]], [6, 12])
        self.assertEqual(round(one.results[0][0].latency["p99"], 9), 12)
        self.assertEqual(one.results[0][0].counters, {"space_bytes": 2})

    def test_what_has_no_turns_is_left_as_it_is(self):
        loaded = self.load(*planted.history(2))
        self.assertEqual(history.folded(loaded).series, loaded.series)

    def test_the_parts_of_a_campaign_have_names_of_their_own(self):
        headers = [{"workload": "unicode"},
                   {"workload": "mixed", "preset": "strict", "config": "any", "unit": 0},
                   {"workload": "mixed", "preset": "ext4-ordered"}, {"workload": "mixed", "unit": 4096},
                   {"workload": "mixed", "unit": 16384}, {"workload": "mixed", "config": "small"}]
        found = [campaigns.Campaign("", header, {"verdict": "holds"}, [], 0) for header in headers]
        lines = list(from_crashsim.lines(found, planted.common(0)))
        self.assertEqual([one["benchmark"] for one in lines],
                         ["campaign/unicode", "campaign/mixed", "campaign/mixed/ext4-ordered",
                          "campaign/mixed/unit:4096", "campaign/mixed/unit:16384", "campaign/mixed/small"])
        self.assertEqual(len(self.load(*lines).series), len(headers))

    def test_a_machine_as_it_is_recorded_is_valid(self):
        machine = origin.machine("ext4")
        self.assertIsNone(history.Validator().complaint(line(machine=machine)))
        self.assertIn("libc", machine)

    def test_compressed_files_are_read(self):
        path = self.path + ".gz"
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.write(json.dumps(line()) + "\n")
        self.assertEqual(len(history.load([path]).runs), 1)

    def test_errors_name_file_line_and_remedy(self):
        self.assertIn("history.jsonl:2: not JSON", self.refused(line(), '{"schema":1,"ru\n'))
        self.assertIn("history.jsonl:2: value", self.refused(line(), line(value="fast")))
        self.assertIn("given twice", self.refused(line(), line()))
        self.assertIn("NaN", self.refused(json.dumps(line(value=float("nan"))) + "\n"))
        self.assertIn("Rename the benchmark", self.refused(line(), line(round=2, unit="MB/s")))
        self.assertIn("name of its own", self.refused(line(), line(round=2, commit="f" * 40)))

    def test_a_missing_file_says_who_writes_it(self):
        with self.assertRaises(history.InputError) as caught:
            history.load([self.path])
        self.assertIn("no such file", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
