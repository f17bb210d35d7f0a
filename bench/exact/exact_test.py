#!/usr/bin/python3
"""Tests of exact.py: names of functions, and callgrind's files."""
import importlib.util
import unittest

import exact  # finds the folder of what follows
from reports import history, origin

PROFILE = """\
events: Ir D1mr
fl=(1) a.cc
fn=(1) measured_get
10 5 2
+1 2
cfn=(2) ns::Result<ns::Frame*> ns::btree::Fetch<ns::Cache>(ns::Cache&, int)
calls=3 20
11 30
fn=(2)
fi=(2) inlined.h
20 20
* 7
fe=(1)
-2 3
totals: 37 2
"""


class ExactTest(unittest.TestCase):
    def test_inlined_code_counts_for_its_caller_and_calls_for_the_callee(self):
        totals, by_name = exact.parse_callgrind(PROFILE)
        self.assertEqual(totals, {"Ir": 37, "D1mr": 2})
        self.assertEqual(by_name, {"measured_get": 7, "btree::Fetch": 30})

    def test_a_file_that_does_not_add_up_is_refused(self):
        with self.assertRaises(exact.Failed):
            exact.parse_callgrind(PROFILE.replace("totals: 37", "totals: 38"))

    def test_names_keep_the_innermost_class(self):
        names = {
            "manifolddb::txn::(anonymous namespace)::CheckHere(int) [clone .isra.0]": "txn::CheckHere",
            "a::NodeView::Position a::NodeView::LowerBound<2u>(b::span<c const, 1ul>) const":
                "NodeView::LowerBound",
            "operator new(unsigned long, std::align_val_t)": "operator new",
            "__memcpy_avx'2": "__memcpy_avx",
            "ns::Value::~Value()": "Value::~Value",
        }
        for long, short in names.items():
            self.assertEqual(exact.short_name(long), short)


class HistoryTest(unittest.TestCase):
    @unittest.skipIf(importlib.util.find_spec("jsonschema") is None, "python3-jsonschema is not installed")
    def test_lines_are_those_of_the_history(self):
        result = {"benchmark": "exact/W3", "value": 1.5, "unit": "us", "better": "lower",
                  "counters": {"writes": 2}, "params": {"seed": 1}}
        for line in exact.history_lines([result], origin.common("exact", "simulated")):
            self.assertIsNone(history.Validator().complaint(line))


if __name__ == "__main__":
    unittest.main()
