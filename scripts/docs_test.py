#!/usr/bin/python3
"""What scripts/docs makes of headers and guides for Doxygen, and which names it wants comments of."""
import importlib.machinery
import importlib.util
import os
import unittest

import docs_filter

HERE = os.path.dirname(os.path.abspath(__file__))


def load(name):
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(HERE, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


class HeaderTest(unittest.TestCase):
    def expect(self, header, expected):
        self.assertEqual(list(docs_filter.Header().lines(header)), expected)

    def test_the_first_comment_is_the_files(self):
        self.expect(["// What it is.", "// More.", "", "// Of no declaration.", "", "int a;"],
                    ["/// \\file", "/// What it is.", "/// More.", "", "// Of no declaration.", "", "int a;"])

    def test_a_comment_above_is_of_the_declaration_and_of_the_paragraph(self):
        self.expect(["// Counts.", "int a;", "int b(int c,", "      int d);", "int e;", "", "int f;"],
                    ["/// Counts.", "int a;", "/// Counts.", "int b(int c,", "      int d);", "/// Counts.",
                     "int e;", "", "int f;"])

    def test_a_comment_behind_goes_on_below(self):
        self.expect(["int a;  // one", "        // two", "// Three.", "int b;  // four"],
                    ["int a;  ///< one", "        ///< two", "/// Three.", "int b;  ///< four"])

    def test_comments_of_c(self):
        lines = ["/* One. */", "int a; /* two */", "/* Three,", " * four. */", "int b;", "int c(int /*d*/);"]
        self.assertEqual(list(docs_filter.line_comments(lines)),
                         ["// One.", "int a; // two", "// Three,", "// four.", "int b;", "int c(int /*d*/);"])

    def test_quotes_hide_slashes(self):
        self.expect(['auto a = "http://b";'], ['auto a = "http://b";'])

    def test_members_do_not_get_the_comment_of_their_struct(self):
        self.expect(["// All.", "struct A {", "  int a;", "};"], ["/// All.", "struct A {", "  int a;", "};"])


class GuideTest(unittest.TestCase):
    def test_links_to_pages_stay(self):
        text = "[a](b.md) [c](../x.cc) [d](#e) [f](https://g) ![h](i.svg) `'j'`"
        self.assertEqual(docs_filter.guide(text, "docs/k.md", {"docs/b.md"}),
                         "[a](b.md) c [d](#e) [f](https://g) ![h](i.svg) ``'j'``")


class NamesTest(unittest.TestCase):
    def test_who_needs_a_comment(self):
        docs = load("docs")
        names = {
            "Member Put(ByteView a) (function) of class manifolddb::Table": "manifolddb::Table::Put",
            "Member ~Database() (function) of class manifolddb::Database": None,
            "Member operator==(A, B) (friend) of class manifolddb::ColumnFamily": None,
            "Member Encode(T key) (function) of struct manifolddb::KeyCodec< bool >": None,
            "Member *data (variable) of struct manifolddb_bytes": "manifolddb_bytes::data",
            "Compound manifolddb::Options": "manifolddb::Options",
            "Compound manifolddb::codec::Text": None}
        for what, name in names.items():
            warning = docs.WARNING.match(f"/a/b.h:1: warning: {what} is not documented.")
            self.assertEqual(docs.name_of(warning), name)


if __name__ == "__main__":
    unittest.main()
