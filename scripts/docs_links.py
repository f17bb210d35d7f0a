#!/usr/bin/python3
"""Links in *.md files lead to files of the project, and to headings that are there.

    docs_links.py              all of them; exit code 1 if one leads nowhere
    docs_links.py --selftest

Pages of other people are not asked for: a check must not depend on the network.
"""
import os
import re
import subprocess
import sys
import tempfile

FENCED = re.compile(r"^(```+).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")


def tracked_files():
    listed = subprocess.run(("git", "ls-files"), check=True, text=True, stdout=subprocess.PIPE).stdout
    return listed.split("\n")


def plain(text):
    """Without code, in which brackets are no links."""
    text = FENCED.sub(lambda code: re.sub(r"[^\n]", "", code[0]), text)
    text = re.sub(r"^ {4}.*$", "", text, flags=re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "``", text)


def anchors(text):
    """Of headings, as GitHub makes them."""
    found, seen = set(), {}
    for heading in re.findall(r"^#+ +(.*?)\s*$", FENCED.sub("", text), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        count = seen.get(anchor, 0)
        seen[anchor] = count + 1
        found.add(f"{anchor}-{count}" if count else anchor)
    return found | set(re.findall(r"<a (?:name|id)=\"([^\"]+)\"", text))


def findings(tracked, root="."):
    there = set(tracked)
    for path in tracked:
        while path := os.path.dirname(path):
            there.add(path)

    def read(path):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            return file.read()

    wrong = []
    for path in (path for path in tracked if path.endswith(".md")):
        text = plain(read(path))
        for match in LINK.finditer(text):
            target, _, anchor = match[1].partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            leads = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
            line = text.count("\n", 0, match.start()) + 1
            if leads not in there and leads != ".":
                wrong.append(f"{path}:{line}: {match[1]}: there is no {leads}")
            elif anchor and leads.endswith(".md") and anchor not in anchors(read(leads)):
                wrong.append(f"{path}:{line}: {match[1]}: {leads} has no heading #{anchor}")
    return wrong


def selftest():
    texts = {
        "README.md": "# One\n[a](docs/a.md) [b](docs/a.md#a-heading-of-2-words) [c](https://example.org/x)\n"
                     "[folder](docs) [here](#one) `[no](link)`\n\n    [no](link)\n```\n[no](link)\n```\n"
                     "[gone](docs/b.md)\n[no heading](docs/a.md#other) [not here](#two)\n",
        "docs/a.md": "## A heading of `2` words\n## Same\n## Same\n"
                     "[up](../README.md) [same](#same-1) [no](a/b.md)\n"}
    with tempfile.TemporaryDirectory() as root:
        os.mkdir(f"{root}/docs")
        for path, text in texts.items():
            with open(f"{root}/{path}", "w", encoding="utf-8") as file:
                file.write(text)
        found = findings(list(texts), root)
    expected = ["README.md:9: docs/b.md: there is no docs/b.md",
                "README.md:10: docs/a.md#other: docs/a.md has no heading #other",
                "README.md:10: #two: README.md has no heading #two",
                "docs/a.md:4: a/b.md: there is no docs/a/b.md"]
    if found != expected:
        print("found", *found, "expected", *expected, sep="\n  ")
    return 0 if found == expected else 1


def main():
    if sys.argv[1:] == ["--selftest"]:
        return selftest()
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    wrong = findings(tracked_files())
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
