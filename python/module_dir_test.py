#!/usr/bin/python3
"""Where the module goes, for the interpreters that there are; and that this one looks there."""
import os
import site
import sys
import unittest

import module_dir

DEBIAN = ["/usr/local/lib/python3.11/dist-packages", "/usr/lib/python3/dist-packages",
          "/usr/lib/python3.11/dist-packages"]


class ModuleDirTest(unittest.TestCase):
    def expect(self, prefix, searched, own, expected):
        self.assertEqual(module_dir.module_dir(prefix, searched, own), expected)

    def test_debian(self):
        own = ("/usr/local", "/usr")
        self.expect("/usr/local", DEBIAN, own, "lib/python3.11/dist-packages")
        self.expect("/usr/local/", DEBIAN, own, "lib/python3.11/dist-packages")
        self.expect("/usr", DEBIAN, own, "lib/python3/dist-packages")
        self.expect("/opt/manifolddb", DEBIAN, own, "lib/python3.11/dist-packages")

    def test_built_from_source(self):
        own = ("/usr/local", "/srv/python")
        searched = ["/srv/python/lib/python3.12/site-packages"]
        self.expect("/srv/python", searched, own, "lib/python3.12/site-packages")
        self.expect("/usr/local", searched, own, "lib/python3.12/site-packages")

    def test_fedora(self):
        searched = ["/usr/lib64/python3.12/site-packages", "/usr/lib/python3.12/site-packages"]
        self.expect("/usr", searched, ("/usr/local", "/usr"), "lib64/python3.12/site-packages")

    def test_this_interpreter_looks_there(self):
        searched = site.getsitepackages()
        found = module_dir.module_dir(sys.prefix, searched, ("/usr/local", sys.prefix))
        self.assertIn(os.path.join(sys.prefix, found), searched)


if __name__ == "__main__":
    unittest.main()
