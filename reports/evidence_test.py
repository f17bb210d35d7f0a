#!/usr/bin/python3
"""The tables of damage and fuzzing that are kept: read as they are, or refused with file and remedy."""
import os
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from reports import testing  # noqa: E402

testing.needs("report", "jsonschema", "numpy", "matplotlib", "jinja2")
from reports import check, dashboard, evidence, history, planted  # noqa: E402


class EvidenceTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        for _, path, *_ in evidence.KEPT:
            os.makedirs(os.path.dirname(os.path.join(self.root, path)), exist_ok=True)
            shutil.copy(os.path.join(testing.ROOT, path), os.path.join(self.root, path))
        corpus = os.path.join("fuzz", "corpus")
        shutil.copytree(os.path.join(testing.ROOT, corpus), os.path.join(self.root, corpus))

    def change(self, path, old, new):
        """The first place that matches `old`, whatever figures stand there now."""
        path = os.path.join(self.root, path)
        with open(path, encoding="utf-8") as file:
            text, count = re.subn(old, new, file.read(), count=1)
        self.assertEqual(count, 1, old)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def card(self, what):
        return next((figure, sound) for name, figure, sound in evidence.load(self.root).cards if name == what)

    def test_what_is_kept_is_as_it_has_to_be(self):
        for what, figure, sound in evidence.load().cards:
            self.assertTrue(sound, f"{what}: {figure}")

    def test_the_sum_of_the_cells_is_what_the_program_says_it_tried(self):
        with open(os.path.join(self.root, "docs", "damage.md"), encoding="utf-8") as file:
            self.assertIn(self.card("damages tried")[0].replace(",", "") + " damages", file.read())

    def test_a_wrong_answer_is_a_bad_card(self):
        self.change("docs/damage.md", r"(\| byte .*)\| 0 \|\n", r"\1| 1 |\n")
        self.assertEqual(self.card("silent"), ("1", False))

    def test_a_fault_that_is_not_found_and_a_line_that_is_not_reached_count(self):
        before = self.card("broken decoders found")[0]
        self.change("fuzz/faults.md", r"\| `backup` \| memory \|", "| **not found** | |")
        self.assertNotEqual(self.card("broken decoders found")[0], before)
        self.change("fuzz/unreached.md", r"(meta_page[.]cc` \| )(\d+) \| 0 \|", r"\1\2 | \2 |")
        self.assertFalse(self.card("decoder lines reached")[1])

    def test_a_table_that_is_cut_or_gone_is_refused_with_its_remedy(self):
        for old, new in ((r"\| byte \| \d+ \|", "| byte |"), (r"\| damage \| harmless \|", "| damages |"),
                         (r"(\| byte \| \d+ \|) \d+ \|", r"\1 many |")):
            shutil.copy(os.path.join(testing.ROOT, "docs", "damage.md"), os.path.join(self.root, "docs"))
            self.change("docs/damage.md", old, new)
            with self.assertRaisesRegex(history.InputError, "docs/damage.md.*anew"):
                evidence.load(self.root)

    def test_the_page_shows_every_table_and_card(self):
        kept = history.load([planted.write(os.path.join(self.root, "history.jsonl"), planted.history(2))])
        page = dashboard.render(kept, check.check(kept), evidence=evidence.load(self.root))
        self.assertIn('href="#damage"', page)
        for what, figure, _ in evidence.load(self.root).cards:
            self.assertIn(what, page)
            self.assertIn(figure, page)
        for table in evidence.load(self.root).tables:
            self.assertIn(f"<code>{table.file}</code>", page)
        self.assertNotIn('id="damage"', dashboard.render(kept, check.check(kept)))


if __name__ == "__main__":
    unittest.main()
