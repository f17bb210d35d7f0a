#!/usr/bin/python3
"""Lines of a history, the allow-list and campaigns of crashsim, changed at random but alike each time: they
are loaded, or refused with the file's name and a reason, and nothing else ends the loading."""
import json
import math
import os
import random
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from reports import testing  # noqa: E402

testing.needs("report", "jsonschema", "numpy")
from reports import allowed, campaigns, history, planted  # noqa: E402

TRIES = 3000
OTHERS = (None, math.nan, -math.inf, True, -1, 0, 10**400, 1e300, "", "a\0\u00e9", "\ud800", [], {}, [[]],
          "7")
DEEP = '{"type":' * 20000  # deeper than Python's parser goes


def places(value, at=()):
    """Each value inside `value`, by the way to it."""
    yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inside:
        yield from places(one, (*at, name))


def changed_value(chance, record):
    """`record` with one value in it another, or gone."""
    record = json.loads(json.dumps(record))
    way = chance.choice(list(places(record)))
    if not way:
        return chance.choice(OTHERS)
    inside = record
    for name in way[:-1]:
        inside = inside[name]
    if chance.random() < 0.3:
        del inside[way[-1]]
    else:
        inside[way[-1]] = chance.choice(OTHERS)
    return record


def changed(chance, lines):
    """The file of the lines with one of them changed."""
    lines = list(lines)
    at = chance.randrange(len(lines))
    text = lines[at].encode()
    how = chance.randrange(6)
    if how == 0:
        place = chance.randrange(len(text))
        text = text[:place] + bytes([chance.randrange(256)]) + text[place + 1:]
    elif how == 1:
        text = text[:chance.randrange(len(text))]
    elif how == 2:
        text += text
    else:
        text = json.dumps(changed_value(chance, json.loads(text)), separators=(",", ":")).encode()
    return b"\n".join([line.encode() for line in lines[:at]] + [text]
                      + [line.encode() for line in lines[at + 1:]]) + b"\n"


class InputsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "input.json")

    def hold(self, load, lines, tries=TRIES):
        """How often it was loaded, and how often refused."""
        chance, loaded, refused = random.Random(7), 0, 0
        texts = [changed(chance, lines) for _ in range(tries)] + [DEEP.encode(), b"", b"\xff\xfe", b"\n\n"]
        for text in texts:
            with open(self.path, "wb") as file:
                file.write(text)
            try:
                load(self.path)
                loaded += 1
            except history.InputError as error:
                refused += 1
                self.assertIn(self.path, str(error))
                self.assertGreater(len(str(error)), len(self.path) + 10)
            except Exception as error:
                raise AssertionError(f"{text[:2000]!r} is neither loaded nor refused") from error
        return loaded, refused

    def test_histories(self):
        lines = [json.dumps(record) for record in planted.history(2) + planted.exact(1) + planted.campaign(1)]
        loaded, refused = self.hold(lambda path: history.load([path]), lines[:12] + lines[-4:])
        self.assertGreater(loaded, TRIES / 50)
        self.assertGreater(refused, TRIES / 2)

    def test_the_allow_list(self):
        entry = {"benchmark": "W3/*", "counter": "writes", "commit": "1a2b3c4d5e6f",
                 "reason": "known and right"}
        loaded, refused = self.hold(allowed.load, [json.dumps({"allowed": [entry, entry]})])
        self.assertGreater(loaded, TRIES / 100)
        self.assertGreater(refused, TRIES / 4)

    def test_campaigns(self):
        mutant = {"type": "mutant", "site": "wal.sync.skip", "killed": True, "promise": "G1", "by": "kill",
                  "executions": 3, "seconds": 0.5, "hits": 4}
        records = [{"type": "header", "workload": "mixed", "seed": 1}, mutant,
                   {"type": "violation", "promise": "G1"}, {"type": "summary", "verdict": "holds"}]

        def load(path):
            campaigns.kill_matrix(campaigns.load([path]))

        loaded, refused = self.hold(load, [json.dumps(record) for record in records])
        self.assertGreater(loaded, TRIES / 50)
        self.assertGreater(refused, TRIES / 50)


if __name__ == "__main__":
    unittest.main()
