#!/usr/bin/python3
"""Keeps the tables of format.md true to the declarations in the headers beside it.

    format_tables.py             compares; prints what differs; exit code 0 or 1
    format_tables.py --write     writes offsets, sizes and fields anew; meanings stay, new fields get none
    format_tables.py --selftest  whether it notices what it should

Every struct with a FORMAT_SIZE and every enumeration in ENUMS has a section "### Name" in format.md whose
first table this is. Meanings are written by hand, and none may be missing.
"""
import argparse
import os
import re
import sys
from typing import NamedTuple

ENUMS = ("BackupItemKind", "CopyOrder", "PageKind", "RedoKind")  # those whose values reach the disk
SIZES = {"uint8_t": 1, "char": 1, "std::byte": 1, "base::le16": 2, "base::le32": 4, "base::le64": 8}
STRUCT_HEAD = ("| offset | size | field | meaning |", "|---:|---:|---|---|")
ENUM_HEAD = ("| value | name | meaning |", "|---:|---|---|")


class Wrong(Exception):
    pass


class Table(NamedTuple):
    head: tuple
    rows: list  # each a tuple of cells, without the meaning


# ---- The headers ------------------------------------------------------------------------------------------


def without_comments(text):
    return re.sub(r"//.*", "", text)


def size_of(kind, sizes):
    array = re.fullmatch(r"std::array<(.+), (\d+)>", kind)
    if array:
        return size_of(array[1], sizes) * int(array[2])
    if kind not in sizes:
        raise Wrong(f"what is a {kind}?")
    return sizes[kind]


def struct_table(name, body, sizes):
    rows, offset = [], 0
    for line in body.split("\n"):
        field = re.fullmatch(r"\s*(\S.*\S|\S)\s+(\w+);\s*", line)
        if not field or field[1].startswith(("static", "friend", "using")):
            continue
        size = size_of(field[1], sizes)
        rows.append((str(offset), str(size), field[2]))
        offset += size
    return Table(STRUCT_HEAD, rows), offset


def tables_of(headers):
    """Name -> Table, in the order of the declarations. `headers`: texts, those that others include first."""
    tables, sizes = {}, dict(SIZES)
    for text in map(without_comments, headers):
        for name, kind in re.findall(r"using (\w+) = (std::array<[^;]+>);", text):
            sizes[name] = size_of(kind, sizes)
        declared = dict(re.findall(r"FORMAT_SIZE\((\w+), (\d+)\)", text))
        for name, body in re.findall(r"^struct (\w+) \{\n(.*?)^\};", text, re.M | re.S):
            if name not in declared:
                continue
            table, size = struct_table(name, body, sizes)
            if size != int(declared.pop(name)):
                raise Wrong(f"{name}: the fields add up to {size} bytes, FORMAT_SIZE says otherwise")
            check_fields(name, table, text)
            sizes[name] = size
            tables[name] = table
        if declared:
            raise Wrong(f"no struct for FORMAT_SIZE of {', '.join(declared)}")
        for name, body in re.findall(r"^enum class (\w+) : \w+ \{(.*?)\};", text, re.M | re.S):
            if name in ENUMS:
                rows = [(value, field) for field, value in re.findall(r"(\w+) = (\d+)", body)]
                tables[name] = Table(ENUM_HEAD, rows)
    return tables


def check_fields(name, table, text):
    """Each field but the first has a FORMAT_FIELD, which the compiler holds against the real offset."""
    stated = dict(re.findall(r"FORMAT_FIELD\(" + name + r", (\w+), (\d+)\)", text))
    for offset, _, field in table.rows:
        if field not in stated and offset != "0":
            raise Wrong(f"{name}.{field} has no FORMAT_FIELD")
        if stated.pop(field, offset) != offset:
            raise Wrong(f"{name}.{field} is at {offset} by the sizes before it, not as FORMAT_FIELD says")
    if stated:
        raise Wrong(f"{name} has no field {', '.join(stated)}")


# ---- format.md --------------------------------------------------------------------------------------------


def cells(line):
    return tuple(cell.strip() for cell in line.strip().strip("|").split("|"))


def sections_of(markdown):
    """Name -> (first line, line behind the last) of the table in the section "### Name"."""
    lines = markdown.split("\n")
    found = {}
    for at, line in enumerate(lines):
        heading = re.fullmatch(r"### (\w+)", line)
        if not heading:
            continue
        begin = at + 1
        while begin < len(lines) and not lines[begin].startswith(("|", "#")):
            begin += 1
        end = begin
        while end < len(lines) and lines[end].startswith("|"):
            end += 1
        found[heading[1]] = (begin, end)
    return found


def expected_lines(table, old_lines):
    meanings = {}
    for line in old_lines[2:]:
        row = cells(line)
        meanings[row[-2]] = row[-1]
    rows = ["| " + " | ".join(row + (meanings.get(row[-1], ""),)) + " |" for row in table.rows]
    return list(table.head) + rows


def problems(tables, markdown):
    lines, sections = markdown.split("\n"), sections_of(markdown)
    for name in tables:
        if name not in sections:
            yield f"no section '### {name}'"
            continue
        begin, end = sections[name]
        wanted = expected_lines(tables[name], lines[begin:end])
        have = [cells(line) for line in lines[begin:end]]
        for row in [row for row in map(cells, wanted) if row not in have]:
            yield f"{name}: should have | {' | '.join(row)} |"
        for row in [row for row in have if row not in map(cells, wanted)]:
            yield f"{name}: should not have | {' | '.join(row)} |"
        for row in have[2:]:
            if not row[-1]:
                yield f"{name}: {row[-2]} has no meaning"
        if not any(True for row in have[2:]):
            yield f"{name}: no table"
    for name in sections:
        if name not in tables:
            yield f"the section '### {name}' is about nothing in the headers"


def rewritten(tables, markdown):
    lines = markdown.split("\n")
    sections = sections_of(markdown)
    for name, (begin, end) in sorted(sections.items(), key=lambda item: -item[1][0]):
        if name in tables:
            lines[begin:end] = expected_lines(tables[name], lines[begin:end])
    return "\n".join(lines)


# ---- Commands ---------------------------------------------------------------------------------------------


def headers_beside():
    """page_header.h first: meta_page.h uses what it declares."""
    folder = os.path.dirname(os.path.abspath(__file__))
    names = sorted(name for name in os.listdir(folder) if name.endswith(".h") and name != "layout.h")
    texts = {}
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            texts[name] = file.read()
    return sort_by_includes(texts)


def sort_by_includes(texts):
    done = []

    def visit(name):
        if name not in texts or name in done:
            return
        for included in re.findall(r'#include "engine/format/(\w+\.h)"', texts[name]):
            visit(included)
        done.append(name)

    for name in sorted(texts):
        visit(name)
    return [texts[name] for name in done]


def selftest():
    header = "struct A {\n  base::le32 a;  // first\n  uint8_t b;\n};\n"
    header += "FORMAT_SIZE(A, 5);\nFORMAT_FIELD(A, b, 4);\n"
    good = "### A\n\n" + "\n".join(STRUCT_HEAD) + "\n| 0 | 4 | a | x |\n| 4 | 1 | b | y |\n"
    assert not list(problems(tables_of([header]), good))
    bad = [good.replace("| 4 | 1", "| 5 | 1"), good.replace("| 0 | 4", "| 0 | 2"),
           good.replace("| b |", "| c |"), good.replace("| y |", "| |"),
           good.replace("| 4 | 1 | b | y |\n", ""), "### B\n" + good, "", "### A\n"]
    for markdown in bad:
        assert list(problems(tables_of([header]), markdown)), markdown
    assert rewritten(tables_of([header]), bad[0]) == good
    changes = (("A, 5", "A, 6"), ("b, 4", "b, 3"), ("FORMAT_FIELD(A, b, 4);", ""), ("base::le32", "float"))
    for change in changes:
        try:
            tables_of([header.replace(*change)])
        except Wrong:
            continue
        raise AssertionError(change)
    print("selftest passed")
    return 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--write", action="store_true", help="write format.md anew")
    parser.add_argument("--selftest", action="store_true", help="whether it notices what it should")
    options = parser.parse_args()
    if options.selftest:
        return selftest()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "format.md")
    with open(path, encoding="utf-8") as file:
        markdown = file.read()
    try:
        tables = tables_of(headers_beside())
    except Wrong as wrong:
        print(f"format_tables: {wrong}")
        return 1
    if options.write:
        markdown = rewritten(tables, markdown)
        with open(path, "w", encoding="utf-8") as file:
            file.write(markdown)
    found = list(problems(tables, markdown))
    for problem in found:
        print(f"format.md: {problem}")
    print(f"format_tables: {len(tables)} tables, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
