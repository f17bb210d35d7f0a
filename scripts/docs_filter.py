#!/usr/bin/python3
"""A file of the project as Doxygen wants it: INPUT_FILTER of scripts/docs.

    docs_filter.py FILE      prints it

Headers: the project's comments are plain ones. One right above a declaration, or behind it on its line,
becomes that declaration's. One above a paragraph is of all declarations of the paragraph that have none of
their own: a paragraph ends at an empty line or at another comment. A comment with an empty line below it
belongs to no declaration, the first one of a header to the file.

Guides: links to what is no page of the documentation, as sources are, become text.
"""
import os
import re
import sys

COMMENT = re.compile(r"^(\s*)// ?(.*)$")
# Code, and behind it a comment; no // within quotes.
TRAILING = re.compile(r'^((?:[^"/]|"(?:[^"\\]|\\.)*"|/(?!/))*\S)\s+// ?(.*)$')
NO_MEMBER = re.compile(r"^\s*(?:#|public:|private:|protected:|}|namespace\b|friend\b|using namespace\b|"
                       r"extern \"C\"|(?:class|struct) [\w:]+;)")
COMPOUND = re.compile(r"^\s*(?:template|class|struct|enum|typedef struct)\b")


def line_comments(lines):
    """Comments of C, alone on their lines or behind code, as those of C++."""
    inside = None  # the indentation of a comment that goes on
    for line in lines:
        if inside is not None:
            text, end, _ = line.partition("*/")
            text = re.sub(r"^\s*\* ?", "", text).rstrip()
            if text or not end:
                yield f"{inside}// {text}"
            inside = None if end else inside
            continue
        alone = re.match(r"^(\s*)/\* ?(.*)$", line)
        if alone and "*/" not in line:
            inside = alone[1]
            yield f"{inside}// {alone[2]}"
        elif alone and line.rstrip().endswith("*/"):
            yield f"{alone[1]}// {alone[2].rstrip()[:-2].rstrip()}"
        else:
            yield re.sub(r"/\* (.*?) \*/$", r"// \1", line)


class Header:
    def __init__(self):
        self.above = []  # the comment that was just read: indentation and text of each line
        self.shared = []  # the comment of this paragraph
        self.statement = ""  # what has been read of a declaration that goes on
        self.column = None  # of the comment behind the last line, which may go on below it
        self.first = True  # no comment has been given to the file yet

    def lines(self, lines):
        for line in lines:
            comment = COMMENT.match(line)
            if comment and self.column is not None and abs(len(comment[1]) - self.column) <= 1:
                yield f"{comment[1]}///< {comment[2]}"
                continue
            self.column = None
            if comment:
                self.above.append((comment[1], comment[2]))
            else:
                yield from self.code(line)

    def code(self, line):
        blank = not line.strip()
        begins = not blank and not self.statement and not NO_MEMBER.match(line)
        if blank and self.above:
            if self.first:
                yield "/// \\file"
            mark = "///" if self.first else "//"
            yield from (f"{indent}{mark} {text}" for indent, text in self.above)
            self.above, self.first = [], False
        elif self.above:
            self.shared = self.above if begins else []
            yield from (f"{indent}/// {text}" for indent, text in self.above)
            self.above = []
        elif begins and self.shared and not TRAILING.match(line):
            yield from (f"{indent}/// {text}" for indent, text in self.shared)
        trailing = TRAILING.match(line)
        if trailing:
            self.column = len(line) - len(trailing[2]) - len("// ")
            yield f"{trailing[1]}  ///< {trailing[2]}"
        else:
            yield line
        self.go_on(line)

    def go_on(self, line):
        code = re.sub(r"//.*$", "", line).strip()
        so_far = self.statement + code
        ended = not code or code.startswith("#") or (code[-1] in ";{}:," and
                                                     so_far.count("(") <= so_far.count(")"))
        self.statement = "" if ended else so_far
        if not code or (code[-1] in "{}" and COMPOUND.match(line)):
            self.shared = []


def guide(text, path, pages):
    folder = os.path.dirname(path)

    def link(match):
        target = match[2].split("#")[0]
        is_page = not target or "://" in target or os.path.normpath(os.path.join(folder, target)) in pages
        return match[0] if is_page else match[1]

    text = re.sub(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)", link, text)
    # An apostrophe ends code that one backtick begins.
    return re.sub(r"(?<!`)`([^`\n]*'[^`\n]*)`(?!`)", r"``\1``", text)


def main():
    path = os.path.relpath(sys.argv[1])
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if path.endswith(".md"):
        print(guide(text, path, set(os.environ["DOCS_PAGES"].split())), end="")
    else:
        print("\n".join(Header().lines(line_comments(text.split("\n")))), end="")


if __name__ == "__main__":
    main()
