#!/usr/bin/python3
"""first-hour runs what the documents say, and notices when it does not come to what they say."""
import importlib.machinery
import importlib.util
import os
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def load():
    loader = importlib.machinery.SourceFileLoader("first_hour", os.path.join(HERE, "first-hour"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("first_hour", loader))
    loader.exec_module(module)
    return module


first_hour = load()


class FirstHourTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.addCleanup(setattr, first_hour, "ROOT", first_hour.ROOT)

    def document(self, text):
        first_hour.ROOT = os.path.join(self.folder, "checkout")
        os.makedirs(first_hour.ROOT, exist_ok=True)
        with open(os.path.join(first_hour.ROOT, "d.md"), "w", encoding="utf-8") as file:
            file.write(text)

    def held(self, having, says, minutes=1, install=False):
        hour = first_hour.Hour(self.folder, install)
        part = first_hour.Part("t", minutes, [first_hour.Block("d.md", having)], ["/tmp/bin"], says)
        return hour.go(part), [step.command for step in hour.steps]

    def test_what_goes_as_it_is_told_holds(self):
        self.document("```sh\n# a note\napt-get install everything\necho hello >/tmp/out\n"
                      "cat /tmp/out\n```\n")
        held, commands = self.held("hello", ["hello"])
        self.assertTrue(held)
        self.assertEqual(commands, ["echo hello >/tmp/out", "cat /tmp/out"])
        self.assertTrue(os.path.exists(os.path.join(self.folder, "out")))  # /tmp is the folder

    def test_what_does_not_is_noticed(self):
        self.document("```sh\necho hello\n```\n```sh\nfalse  # fails\n```\n")
        self.assertFalse(self.held("hello", ["good-bye"])[0])
        self.assertFalse(self.held("fails", [])[0])
        self.assertFalse(self.held("hello", ["hello"], minutes=0)[0])
        with self.assertRaises(SystemExit):
            self.held("nowhere", [])

    def test_a_console_is_its_commands(self):
        self.document("```console\n$ false || echo \"code $?\"\ncode 1\n```\n")
        held, commands = self.held("false", ["code 1"])
        self.assertTrue(held)
        self.assertEqual(commands, ['false || echo "code $?"'])

    def test_the_documents_have_what_it_runs(self):
        listed = subprocess.run((os.path.join(HERE, "first-hour"), "--list"), check=True, text=True,
                                stdout=subprocess.PIPE).stdout
        for command in ("/tmp/mine/build/consume /tmp/mine/db", "crash_certificate --replay certificate",
                        "build/release/certcheck/certcheck build/certificate/certificate.json"):
            self.assertIn(command + "\n", listed)


if __name__ == "__main__":
    unittest.main()
