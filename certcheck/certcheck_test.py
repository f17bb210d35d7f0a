#!/usr/bin/python3
"""certcheck and its like, against certificates that are right, wrong, impossible and hostile.

    certcheck/certcheck_test.py CERTCHECK CERTCHECK_THREADS CERTCHECK_FAULTS

Exit codes of the programs: 0 confirmed, 1 not confirmed, 2 no certificate. They must never die.
"""
import copy
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
CERTCHECK_FAULTS = sys.argv.pop() if len(sys.argv) > 3 else None
CERTCHECK_THREADS = sys.argv.pop() if len(sys.argv) > 2 else None
CERTCHECK = sys.argv.pop() if len(sys.argv) > 1 else None
KEPT = sorted(glob.glob(os.path.join(HERE, "..", "docs", "certificates", "*", "certificate.json")))


def places(value, path=()):
    """Where something stands in a certificate: every path to a value in it."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, path + (key,))


def at(value, path):
    for key in path:
        value = value[key]
    return value


class Certcheck(unittest.TestCase):
    program = CERTCHECK
    version = 1
    at_least = 3  # certificates in the documents
    other_rule = "damage"

    @classmethod
    def setUpClass(cls):
        cls.certificates = {}
        for path in KEPT:
            with open(path, encoding="utf-8") as file:
                certificate = json.load(file)
            if certificate["format"].endswith(f"version {cls.version}"):
                cls.certificates[path] = certificate

    def check(self, text):
        """Exit code and output."""
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            file.write(text if isinstance(text, str) else json.dumps(text))
            file.flush()
            done = subprocess.run([self.program, file.name], capture_output=True, text=True,
                                  errors="replace", check=False)
        self.assertIn(done.returncode, (0, 1, 2), f"{done}\n{text}"[:4000])
        self.assertEqual(done.stdout.count("\n"), 1, done.stdout)
        return done.returncode, done.stdout

    def first(self, wanted=lambda certificate: True):
        return copy.deepcopy(next(c for c in self.certificates.values() if wanted(c)))

    def test_those_in_the_documents_are_right(self):
        kept = len(self.certificates)
        self.assertGreaterEqual(kept, self.at_least)
        done = subprocess.run([self.program, *self.certificates], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stdout.count(": confirmed: "), kept, done.stdout)
        self.assertEqual(done.stdout.count("the sound engine holds"), kept, done.stdout)
        self.assertEqual(len({c["broken"][0] for c in self.certificates.values()}), kept)

    def test_each_program_leaves_the_others_certificates_alone(self):
        others = [path for path in KEPT if path not in self.certificates]
        self.assertGreater(len(others), 3)
        for path in others:
            done = subprocess.run([self.program, path], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, "format" in done.stdout), (2, True), done.stdout)

    def test_without_the_broken_site_none_is(self):
        for certificate in self.certificates.values():
            code, text = self.check({**certificate, "broken": []})
            # The sound engine syncs at other places: what it is said to lose may not be there to be lost.
            self.assertNotEqual(code, 0, text)

    def test_another_rule(self):
        certificate = self.first()
        certificate["violation"]["rule"] = self.other_rule
        code, text = self.check(certificate)
        self.assertEqual((code, "not confirmed" in text), (1, True), text)

    def test_nothing_lost(self):
        certificate = self.first(lambda c: c["lost"] > 0)
        for life in certificate["lives"]:
            if "lost" in life:
                life["lost"] = []
        self.assertEqual(self.check(certificate)[0], 1)

    def test_a_loss_that_no_disk_may_suffer(self):
        certificate = self.first(lambda c: c["lives"][-1].get("lost"))
        certificate["lives"][-1]["lost"].append({"what": "sector", "effect": 0, "file": "db", "sector": 99})
        code, text = self.check(certificate)
        self.assertEqual((code, "no certificate" in text), (2, True), text)

    def test_no_file_and_no_json(self):
        for arguments in ([], ["/nonexistent"]):
            done = subprocess.run([self.program, *arguments], capture_output=True, check=False)
            self.assertEqual(done.returncode, 2)
        for text in ("", "{", "[]", "7", '"x"', "null", "{}", "[" * 100000, '{"a":' * 50000, "\xff\x00"):
            self.assertEqual(self.check(text)[0], 2, text[:40])

    def test_no_rule_is_none_that_is_broken(self):
        certificate = self.first()
        certificate["violation"]["rule"] = ""
        certificate["broken"] = []
        for life in certificate["lives"]:
            if "lost" in life:
                life["lost"] = []
        code, text = self.check(certificate)
        self.assertEqual((code, "no rule is broken" in text), (1, True), text)

    def test_sites_are_whole_again_behind_a_certificate_that_is_none(self):
        wrong = self.first()
        wrong["broken"].append("no.such.site")
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump(wrong, file)
            file.flush()
            done = subprocess.run([self.program, file.name, *self.certificates], capture_output=True,
                                  text=True, check=False)
        self.assertIn("broken", done.stdout.splitlines()[0])
        kept = len(self.certificates)
        self.assertEqual(done.stdout.count("the sound engine holds"), kept, done.stdout)

    def test_what_the_engine_must_refuse_is_no_broken_rule(self):
        certificate = self.first(lambda c: c["lives"][-1]["steps"][-1]["do"] == "transaction")
        certificate["broken"] = []
        certificate["violation"]["rule"] = "answer"
        certificate["lives"][-1].pop("after_effects", None)
        change = {"do": "put", "family": "f", "table": "t", "key": "k" * 300, "value": "v"}
        certificate["lives"][-1]["steps"][-1]["changes"] = [change]
        code, text = self.check(certificate)
        self.assertEqual((code, "kKeyTooLong" in text), (2, True), text)

    def test_damage_that_nothing_can_tell(self):
        certificate = self.first()
        certificate["broken"] = []
        certificate["violation"]["rule"] = "damage"
        closes = {"steps": [], "closes": True, "end": "power cut", "lost": []}
        gone = [{**closes, "damage": {"how": "remove", "file": name}} for name in ("db-wal", "db")]
        first = {**closes, "steps": [{"do": "create_family", "family": "f"}]}
        code, text = self.check({**certificate, "lives": [first, *gone]})
        self.assertEqual((code, "bad damage" in text), (2, True), text)
        unclosed = {**first, "closes": False, "damage": gone[0]["damage"]}
        code, text = self.check({**certificate, "lives": [unclosed]})
        self.assertEqual((code, "bad damage" in text), (2, True), text)

    def test_sectors_that_cut_through_what_is_written(self):
        certificate = self.first()
        certificate["disk"]["sector"] = certificate["database"]["write_unit"] + 1
        certificate["database"]["write_unit"] *= 4
        code, text = self.check(certificate)
        self.assertEqual((code, "bad sector" in text), (2, True), text)

    def test_what_is_wrong_is_named_with_its_place(self):
        for forge, named in ((lambda c: c["lives"][0].pop("end"), "(/lives/0) key 'end'"),
                             (lambda c: c["lives"][0]["steps"][0].update(do=7), "(/lives/0/steps/0/do)"),
                             (lambda c: c["lives"][0].update(after_effects=-1), "bad after_effects: -1"),
                             (lambda c: c["lives"][0].update(end="melts"), "bad end: melts"),
                             (lambda c: c["database"].update(page_size=1000), "page_size")):
            certificate = self.first(lambda c: c["lives"][0]["steps"])
            forge(certificate)
            code, text = self.check(certificate)
            self.assertEqual((code, named in text), (2, True), f"{named}: {text}")

    def test_cut_off_anywhere(self):
        text = json.dumps(self.first())
        for end in range(0, len(text) - 1, 97):
            self.assertEqual(self.check(text[:end])[0], 2, end)

    def test_every_value_replaced_or_gone(self):
        certificate = self.first()
        hostile = (None, -1, 1 << 63, 1.5, "", "x" * 5000, "\\x00\\", [], {}, [[]], True)
        checked = 0
        for path in list(places(certificate))[1:]:
            if {"effects", "begun_after", "allowed", "shown", "happened"} & set(path[:-1]):
                continue  # for pictures
            # Not all values at all places: some of each, the same each time.
            for index, value in enumerate(hostile):
                if (checked + index) % 4:
                    continue
                forged = copy.deepcopy(certificate)
                at(forged, path[:-1])[path[-1]] = value
                self.check(forged)
            gone = copy.deepcopy(certificate)
            del at(gone, path[:-1])[path[-1]]
            self.check(gone)
            checked += 1
        self.assertGreater(checked, 30)

    def test_sizes_that_take_all_memory(self):
        for name in ("log_bytes_initial", "log_bytes_max", "cache_bytes", "page_size", "write_unit"):
            certificate = self.first()
            certificate["database"][name] = 1 << 40
            self.assertEqual(self.check(certificate)[0], 2, name)


class CertcheckThreads(Certcheck):
    program = CERTCHECK_THREADS
    version = 2
    at_least = 2
    # Of several lives, of damage, of what is named how.
    test_damage_that_nothing_can_tell = None
    test_what_is_wrong_is_named_with_its_place = None
    test_what_the_engine_must_refuse_is_no_broken_rule = None

    def test_without_its_switches(self):
        for certificate in self.certificates.values():
            for left_out in range(len(certificate["lives"][0]["switches"])):
                fewer = copy.deepcopy(certificate)
                del fewer["lives"][0]["switches"][left_out]
                code, text = self.check(fewer)
                self.assertEqual((code, "not confirmed" in text), (1, True), text)

    def test_switches_elsewhere(self):
        # Not amid what is broken, but long before or behind it.
        for certificate in self.certificates.values():
            for event in (1, 10_000):
                moved = copy.deepcopy(certificate)
                moved["lives"][0]["switches"][-1]["event"] = event
                self.assertEqual(self.check(moved)[0], 1, event)

    def test_neighbouring_schedules_are_tried(self):
        for certificate in self.certificates.values():
            switches = certificate["lives"][0]["switches"]
            self.assertIn(f"of {1 + 7 * len(switches)} schedules", self.check(certificate)[1])

    def test_what_the_engine_must_refuse(self):
        certificate = self.first()
        certificate["lives"][0]["threads"][0][0]["changes"][0]["key"] = "k" * 300
        code, text = self.check(certificate)
        self.assertEqual((code, "kKeyTooLong" in text), (2, True), text)

    def test_a_thread_that_is_not_there(self):
        certificate = self.first()
        certificate["lives"][0]["switches"][0]["to"] = 7
        self.assertEqual(self.check(certificate)[0], 2)


class CertcheckFaults(Certcheck):
    program = CERTCHECK_FAULTS
    version = 3
    at_least = 3
    other_rule = "answer"
    # Damage is of any file, behind any end; what is lost may be nothing.
    test_damage_that_nothing_can_tell = None
    test_nothing_lost = None
    test_a_loss_that_no_disk_may_suffer = None
    test_what_the_engine_must_refuse_is_no_broken_rule = None

    def met(self, what):
        """Certificates that have it in a life, and each with what the lives are without it."""
        for certificate in self.certificates.values():
            if any(life.get(what) for life in certificate["lives"]):
                without = copy.deepcopy(certificate)
                for life in without["lives"]:
                    if what in life:
                        life[what] = []
                yield certificate, without

    def test_whatever_it_meets_is_needed(self):
        for what in ("faults", "harm", "lost"):
            met = list(self.met(what))
            self.assertGreater(len(met), 0, what)
            for certificate, without in met:
                if what != "lost" or certificate["lost"] > 0:
                    # What was lost because a call had failed may be on the disk if it does not.
                    self.assertNotEqual(self.check(without)[0], 0, what)

    def test_another_call_that_fails(self):
        for certificate, _ in self.met("faults"):
            for life in certificate["lives"]:
                for fault in life.get("faults", []):
                    moved = copy.deepcopy(certificate)
                    at = certificate["lives"].index(life)
                    moved["lives"][at]["faults"][life["faults"].index(fault)]["at"] = 9999
                    self.assertNotEqual(self.check(moved)[0], 0)

    def test_what_an_opening_would_have_shown_is_owed(self):
        looked = 0
        for certificate in self.certificates.values():
            for at, life in enumerate(certificate["lives"]):
                if life.get("restarts"):
                    looked += 1
                    forged = copy.deepcopy(certificate)
                    forged["lives"][at]["restarts"] = False
                    self.assertEqual(self.check(forged)[0], 1)
                    forged["lives"][at]["restarts"] = "often"
                    self.assertEqual(self.check(forged)[0], 2)
        self.assertGreater(looked, 0)

    def test_ways_that_are_none(self):
        for what in ("faults", "harm"):
            for certificate, _ in self.met(what):
                life = next(life for life in certificate["lives"] if life.get(what))
                wrong = copy.deepcopy(certificate)
                wrong["lives"][certificate["lives"].index(life)][what][0]["how"] = "melts"
                code, text = self.check(wrong)
                self.assertEqual((code, "bad how: melts" in text), (2, True), text)

    def test_damage_behind_the_end_of_a_file(self):
        certificate, _ = next(self.met("harm"))
        certificate = copy.deepcopy(certificate)
        life = next(life for life in certificate["lives"] if life.get("harm"))
        life["harm"] = [{"how": "flip", "file": "db", "offset": 1 << 40}]
        code, text = self.check(certificate)
        self.assertEqual((code, "bad offset" in text), (2, True), text)


if __name__ == "__main__":
    unittest.main()
