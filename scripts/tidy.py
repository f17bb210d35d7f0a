#!/usr/bin/python3
"""Holds the house in order: sizes, bans, module directions, orphans. Run as a test and in CI.

    scripts/tidy.py            everything
    scripts/tidy.py --fast     line-by-line rules for changed files only
    scripts/tidy.py --list     the rules, one line each

Prints `path:line: [rule] what is wrong` and, last, `N passed, N failed` (rules). Exit code 0 or 1.
Needs nothing but Python. Each rule has a bad sample in tidy_test.py that it must catch.
"""
import argparse
import ast
import os
import re
import subprocess
import sys
from typing import NamedTuple

import cpp_scan

# ---- The shape of the project -----------------------------------------------------------------------------

# Folders above the engine, and what each may include beside itself. `public` is engine/include/manifolddb.
HARNESS = {
    "faultfs": {"public", "engine/base"},  # knows no format
    "crashsim": {"public", "faultfs", "engine/base"},  # base: sites and marks
    "certcheck": {"public", "engine/base"},  # checks what crashsim says: shares no code with it
    "docs/certificates": {"public", "faultfs", "engine/base"},
    # The tree alone, beside the database as a whole.
    "proptest": {"public", "faultfs", "engine/base", "engine/format", "engine/page", "engine/btree"},
    "capi": {"public"},
    "tools": {"public", "engine/base", "engine/format"},
    # db: what gives a new database its name, as restore does; faultfs: cuts the power meanwhile.
    "tools/import": {"public", "faultfs", "engine/base", "engine/db"},
    # Of crashsim the lines that it reads; of certcheck what it makes of certificates.
    "fuzz": {"public", "faultfs", "crashsim", "certcheck", "tools", "engine/base", "engine/format"},
    "bench": {"public"},
    # Waits to simulate, and node search to count the instructions of.
    "bench/exact": {"public", "engine/base", "engine/format", "engine/btree"},
    "examples": {"public", "faultfs"},  # faultfs: crash_test
    "docs": set(),
    "scripts": set(),
}

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 1000
FILE_LINES_SOFT = 600  # a warning
LINE_CHARACTERS_MAX = 110
CHECKER_LINES_MAX = 500  # of certcheck/, which who doubts crashsim reads first; and of the checker of threads
BLOB_BYTES_MAX = 1 << 20
INTERPRETERS = ("#!/usr/bin/python3", "#!/usr/bin/env bash", "#!/bin/sh")

# (rule, path) or (rule, path, function) -> lines. May only shrink: to be below it is an error.
ALLOWED = {}


class Ban(NamedTuple):
    pattern: str
    instead: str
    under: str = r"engine/"  # where it holds
    unless: str = r"^$"  # but not here
    tests: bool = False  # holds in tests as well


PLATFORM = r"engine/storage/(posix|thread)_"  # what touches the operating system
BANS = (
    Ban(r"\bstd::random_device\b|\bs?rand\s*\(|\bgetrandom\s*\(|\barc4random|#\s*include\s*<random>",
        "no randomness in the engine: it comes in through Storage or Options", unless=PLATFORM),
    Ban(r"\b(steady|system|high_resolution|utc)_clock\b|\b(clock_gettime|gettimeofday)\s*\("
        r"|\btime\s*\(\s*(NULL|nullptr|0)\s*\)",
        "no clock in the engine: time comes in through the Executor", unless=PLATFORM),
    Ban(r"\bstd::(jthread|thread|async)\b|\bpthread_create\s*\(",
        "no threads in the engine: work goes to the Executor", unless=r"engine/storage/thread_"),
    Ban(r"\b(secure_)?getenv\s*\(|\bsetenv\s*\(", "no environment variables: use Options", tests=True),
    Ban(r"\bstd::(recursive_|shared_|timed_)*mutex\b|\bstd::condition_variable"
        r"|\bstd::(lock_guard|(unique|scoped|shared)_lock)\b",
        "use base::Mutex, MutexLock and CondVar", unless=r"engine/base/mutex\."),
    Ban(r"\bsleep_(for|until)\b|\b(u|nano)?sleep\s*\(|\bclock_nanosleep\b",
        "waiting is for an event, not for a time", under=r"", tests=True),
    Ban(r"\bv?f?printf\s*\(|\bstd::(cout|cerr|clog)\b|\bf?puts\s*\(|#\s*include\s*<iostream>",
        "the engine prints nothing: return a Result", unless=r"engine/base/assert\."),
    Ban(r"\bthrow\b|\btry\s*\{|\bcatch\s*\(",
        "the engine throws and catches nothing: return a Result",
        unless=PLATFORM + r"|engine/include/manifolddb/json\.h$"),
    Ban(r"\busing\s+namespace\b", "name what you use", under=r".*\.h$", tests=True),
    Ban(r"\bstd::(format|print|println|vformat)\b|#\s*include\s*<(format|print)>",
        "absent from libstdc++ 12", under=r"", tests=True),
    Ban(r"\b(TEST|TEST_F|TEST_P|RC_GTEST_PROP)\s*\(\s*\w+\s*,\s*DISABLED_",
        "a test that does not run is not a test", under=r"", tests=True),
)

# ---- The tree ---------------------------------------------------------------------------------------------


class Finding(NamedTuple):
    path: str
    line: int
    message: str
    fails: bool = True


class CMakeCall(NamedTuple):
    function: str
    lists: dict  # keyword -> arguments; "" -> those before the first keyword


class Tree:
    """The project's files, tracked or about to be: path -> bytes."""

    def __init__(self, files, changed=None):
        self.files = files
        self.changed = set(files) if changed is None else changed
        self._text = {}

    @classmethod
    def of_repository(cls, fast):
        paths = _git("ls-files", "--cached", "--others", "--exclude-standard")
        files = {}
        for path in sorted(set(paths)):
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    files[path] = file.read()
        if not fast:
            return cls(files)
        untracked = _git("ls-files", "--others", "--exclude-standard")
        return cls(files, set(_git("diff", "--name-only", "HEAD") + untracked))

    def text(self, path):
        if path not in self._text:
            self._text[path] = self.files[path].decode("utf-8", errors="replace")
        return self._text[path]

    def kind(self, path):
        """The suffix, CMakeLists.txt, or "script" for what has no suffix and names an interpreter."""
        name = os.path.basename(path)
        if name == "CMakeLists.txt":
            return name
        if "." not in name and self.files[path].startswith(b"#!"):
            return "script"
        return os.path.splitext(name)[1]

    def paths(self, *kinds, changed=False):
        return [p for p in self.files if self.kind(p) in kinds and (p in self.changed or not changed)]

    def cpp(self, changed=False):
        return self.paths(".h", ".cc", changed=changed)

    def sources(self):
        """What people write and the per-line rules read; with --fast only what changed."""
        return self.paths(".h", ".cc", ".py", ".cmake", "CMakeLists.txt", ".sh", "script", changed=True)

    def cmake_calls(self, path):
        return parse_cmake(self.text(path)) if path in self.files else []


def _git(*arguments):
    done = subprocess.run(("git",) + arguments, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if line]


def parse_cmake(text):
    calls = []
    text = re.sub(r"#.*", "", text)
    for match in re.finditer(r"\b(\w+)\s*\(([^()]*)\)", text):
        lists, keyword = {"": []}, ""
        for word in match[2].replace('"', " ").split():
            if re.fullmatch(r"[A-Z][A-Z_]+", word):
                keyword = word
                lists.setdefault(keyword, [])
            else:
                lists[keyword].append(word)
        calls.append(CMakeCall(match[1], lists))
    return calls


def module_order(tree):
    """The modules as the top-level CMakeLists.txt lists them: each may depend only on those before it."""
    for call in tree.cmake_calls("CMakeLists.txt"):
        if call.function == "set" and call.lists[""][:1] == ["modules"]:
            return call.lists[""][1:]
    return []


def module_calls(tree):
    """Module -> the lists of its manifolddb_module call, or None where there is no call."""
    found = {}
    for path in tree.paths("CMakeLists.txt"):
        match = re.fullmatch(r"engine/(\w+)/CMakeLists\.txt", path)
        if match:
            calls = [call for call in tree.cmake_calls(path) if call.function == "manifolddb_module"]
            found[match[1]] = calls[0].lists if calls else None
    return found


def is_test(path):
    return re.search(r"_test(_support)?\.(cc|h)$", path) is not None


def _line_of(text, position):
    return text.count("\n", 0, position) + 1


# ---- Rules: each takes the tree and yields findings -------------------------------------------------------


def module_deps(tree):
    """DEPS in engine/*/CMakeLists.txt name only modules above"""
    order = module_order(tree)
    for module, lists in module_calls(tree).items():
        path = f"engine/{module}/CMakeLists.txt"
        if module not in order:
            yield Finding(path, 1, f"'{module}' is not among the modules in the top-level CMakeLists.txt")
            continue
        if lists is None:
            yield Finding(path, 1, "does not call manifolddb_module")
            continue
        for dep in lists.get("DEPS", ()):
            if dep not in order[: order.index(module)]:
                yield Finding(path, 1, f"'{module}' may not depend on '{dep}', which does not stand above it")
        for dep in lists.get("DEPS", []) + lists.get("TEST_DEPS", []):
            if f"engine/{dep}/CMakeLists.txt" not in tree.files:
                yield Finding(path, 1, f"'{module}' depends on '{dep}', which does not exist")


def _area(included, tree):
    """The area that an #include leads to, or None for what is outside the tree."""
    for target in (included, "engine/include/" + included):
        if target in tree.files:
            if target.startswith("engine/include/"):
                return "public"
            return "/".join(target.split("/")[: 2 if target.startswith("engine/") else 1])
    return None


def _permitted(path, modules):
    """The areas that this file may include, or None if nothing is laid down for it."""
    parts = path.split("/")
    if parts[0] == "engine" and len(parts) > 2:
        lists = modules.get(parts[1])
        if lists is None:
            return None
        deps = list(lists.get("DEPS", ())) + [parts[1]]
        if is_test(path):
            deps += lists.get("TEST_DEPS", ())
        return {"public" if dep == "include" else f"engine/{dep}" for dep in deps}
    for folder in ("/".join(parts[:2]), parts[0]):
        if folder in HARNESS:
            return HARNESS[folder] | {parts[0]}
    return None


def module_edges(tree):
    """#include follows DEPS and the order of folders; quoted paths start at the root"""
    modules = module_calls(tree)
    for path in tree.cpp():
        permitted = _permitted(path, modules)
        for line, included, quoted in cpp_scan.includes(tree.text(path)):
            area = _area(included, tree)
            if area is None:
                if quoted or included.startswith("manifolddb/"):
                    message = f'"{included}" is not in the tree: write the path from the root, others in <>'
                    yield Finding(path, line, message)
            elif permitted is not None and area not in permitted:
                listed = ", ".join(sorted(permitted))
                yield Finding(path, line, f'may not include "{included}": {area} is not among {listed}')


def orphans(tree):
    """every .cc and .h is named in the CMakeLists.txt of its folder or of one above"""
    named = set()
    for path in tree.paths("CMakeLists.txt"):
        words = re.split(r"[\s()\"]+", re.sub(r"#.*", "", tree.text(path)))
        named.update(os.path.join(os.path.dirname(path), word) for word in words)
    for path in tree.cpp():
        if path not in named:
            why = "a test that is not built is not a test" if is_test(path) else "nothing builds it"
            yield Finding(path, 1, f"in no CMakeLists.txt: {why}")


def _python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield cpp_scan.Function(node.name, node.lineno, node.end_lineno - node.lineno + 1)


def function_length(tree):
    """functions have at most 70 lines"""
    used = set()
    for path in tree.paths(".h", ".cc", ".py", changed=True):
        try:
            scan = _python_functions if path.endswith(".py") else cpp_scan.functions
            for function in scan(tree.text(path)):
                key = ("function_length", path, function.name)
                used.add(key)
                finding = Finding(path, function.line, f"{function.name}()")
                yield from _over(finding, function.lines, FUNCTION_LINES_MAX, key)
        except (cpp_scan.Unbalanced, SyntaxError) as error:
            line = error.line if isinstance(error, cpp_scan.Unbalanced) else error.lineno
            yield Finding(path, line, f"cannot be read: {error}")
    yield from _stale(tree, "function_length", used)


def file_length(tree):
    """sources have at most 1000 lines, a warning from 600"""
    used = set()
    for path in tree.sources():
        lines = tree.text(path).count("\n")
        key = ("file_length", path)
        used.add(key)
        yield from _over(Finding(path, 1, "the file"), lines, FILE_LINES_MAX, key)
        if FILE_LINES_SOFT < lines <= FILE_LINES_MAX:
            yield Finding(path, 1, f"{lines} lines, aim at {FILE_LINES_SOFT}", fails=False)
    yield from _stale(tree, "file_length", used)


def _over(what, lines, limit, key):
    allowed = ALLOWED.get(key, limit)
    if lines > allowed:
        yield what._replace(message=f"{what.message} has {lines} lines, at most {allowed}")
    elif key in ALLOWED and (lines < allowed or lines <= limit):
        yield what._replace(message=f"{what.message} has {lines} lines: lower or drop its entry in ALLOWED")


def _stale(tree, rule, used):
    for key in ALLOWED:
        if key[0] == rule and key not in used and (key[1] in tree.changed or key[1] not in tree.files):
            yield Finding(key[1], 1, f"{key}: nothing is there any more, remove the entry from ALLOWED")


def checker_length(tree):
    """certcheck/ has at most 500 lines, and so has each folder in it"""
    sources = [path for path in tree.cpp() if path.startswith("certcheck/") and not is_test(path)]
    for folder in sorted({os.path.dirname(path) for path in sources}):
        here = {path: tree.text(path).count("\n") for path in sources if os.path.dirname(path) == folder}
        if (lines := sum(here.values())) > CHECKER_LINES_MAX:
            yield Finding(max(here, key=here.get), 1, f"{folder}/ has {lines} lines, at most 500")


def line_length(tree):
    """lines have at most 110 characters"""
    for path in tree.sources():
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            if len(line) > LINE_CHARACTERS_MAX and not re.search(r"https?://\S+$", line):
                yield Finding(path, number, f"{len(line)} characters, at most {LINE_CHARACTERS_MAX}")


def bans(tree):
    """what no code may use, each with what to use instead"""
    for path in tree.cpp(changed=True):
        code = None
        for ban in BANS:
            spared = is_test(path) and not ban.tests
            if spared or not re.match(ban.under, path) or re.match(ban.unless, path):
                continue
            code = code or cpp_scan.blank_literals(tree.text(path))
            for match in re.finditer(ban.pattern, code):
                yield Finding(path, _line_of(code, match.start()), f"'{match[0].strip()}': {ban.instead}")


def pragma_once(tree):
    """headers begin with #pragma once"""
    for path in tree.paths(".h", changed=True):
        if not re.match(r"\s*#pragma once$", cpp_scan.blank_comments(tree.text(path)), re.MULTILINE):
            yield Finding(path, 1, "#pragma once is missing")


def own_header(tree):
    """x.cc includes its own x.h first: so x.h is proved to stand alone"""
    for path in tree.paths(".cc", changed=True):
        header = path[:-len(".cc")] + ".h"
        if header not in tree.files:
            continue
        first = re.search(r'^\s*#include\s+["<]([^">]+)[">]', tree.text(path), re.MULTILINE)
        if first is None or first[1] != header:
            yield Finding(path, 1, f"the first #include is not {header}")


def open_ends(tree):
    """unfinished business names its issue: TODO(#12)"""
    for path in tree.sources():
        for match in re.finditer(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))", tree.text(path)):
            if not path.startswith("scripts/tidy"):
                line = _line_of(tree.text(path), match.start())
                yield Finding(path, line, f"{match[0]} without an issue: write {match[0]}(#12)")


def plain_text(tree):
    """sources are ASCII with spaces, clean line ends and a last newline"""
    for path in tree.sources():
        text = tree.text(path)
        for match in re.finditer(r"\t|[ \r]+$|[^\x00-\x7f]", text, re.MULTILINE):
            names = {"\t": "tab", " ": "trailing space", "\r": "carriage return"}
            what = names.get(match[0][0], f"non-ASCII {match[0]!a}")
            yield Finding(path, _line_of(text, match.start()), what)
        if text and not text.endswith("\n"):
            yield Finding(path, _line_of(text, len(text)), "no newline at the end")


def interpreters(tree):
    """scripts name #!/usr/bin/python3 (others may lack packages), #!/usr/bin/env bash or #!/bin/sh"""
    for path in tree.sources():
        first = tree.text(path).split("\n", 1)[0]
        if first.startswith("#!") and first not in INTERPRETERS:
            yield Finding(path, 1, f"'{first}': want one of {', '.join(INTERPRETERS)}")


def blobs(tree):
    """no file above 1 MB"""
    for path, content in tree.files.items():
        if len(content) > BLOB_BYTES_MAX:
            yield Finding(path, 1, f"{len(content)} bytes, at most {BLOB_BYTES_MAX}")


def machine_paths(tree):
    """no absolute path of somebody's machine"""
    pattern = re.compile(r"(?<![\w.~*}\])])/(?:work|farm|root|home/\w+)/")
    for path in tree.files:
        if b"\0" not in tree.files[path] and path in tree.changed:
            text = tree.text(path)
            for match in pattern.finditer(text):
                yield Finding(path, _line_of(text, match.start()), f"'{match[0]}' exists on one machine only")


def quoted_code(tree):
    """C++ in README.md and docs/ is text of a program in examples/, which a test builds and runs"""
    def lines(text):
        return "\n".join(line.strip() for line in text.split("\n"))

    examples = [lines(tree.text(path)) for path in tree.cpp() if path.startswith("examples/")]
    for path in tree.paths(".md"):
        if path != "README.md" and not path.startswith("docs/"):
            continue
        text = tree.text(path)
        for match in re.finditer(r"^```cpp\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            if not any(lines(match[1]) in example for example in examples):
                yield Finding(path, _line_of(text, match.start()), "this code is in no file of examples/")


CMAKE_RUN = ("docs/getting-started.md",)  # examples/install_test.cmake makes a project of its lines


def quoted_cmake(tree):
    """each line of CMake in README.md and docs/ is one of a project in examples/, which a test builds"""
    projects = [path for path in tree.files if re.fullmatch(r"examples/(.*/)?CMakeLists[.]txt", path)]
    there = {line.strip() for path in projects for line in tree.text(path).split("\n")}
    for path in tree.paths(".md"):
        if path in CMAKE_RUN or (path != "README.md" and not path.startswith("docs/")):
            continue
        text = tree.text(path)
        for match in re.finditer(r"^```cmake\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            for line in match[1].split("\n"):
                if line.strip() not in there | {""}:
                    where = _line_of(text, match.start())
                    yield Finding(path, where, f"'{line}' is in no project of examples/")


def _code_spans(text):
    """(position, text) of what is set as code in one line of markdown."""
    for match in re.finditer(r"`([^`\n]+)`", text):
        yield match.start(1), match[1]


def doc_commands(tree):
    """scripts and files of the project that *.md files name as code, or begin a line with, are there"""
    there = set(tree.files)
    for path in tree.files:
        while path := os.path.dirname(path):
            there.add(path)
    named = re.compile(r"(?:\./)?((?:scripts|ci|docs|engine)/[^\s`]*)")
    for path in tree.paths(".md"):
        text = tree.text(path)
        lines = re.finditer(rf"^\s*{named.pattern}", text, re.MULTILINE)
        found = [(match.start(1), match[1]) for match in lines]
        for position, code in _code_spans(text):
            found += [(position, word[1]) for word in map(named.fullmatch, code.split()) if word]
        for position, word in sorted(set(found)):
            wanted = re.sub(r"(:\d+)?[/.,;:)'\"]*$", "", word)
            # What stands for many: *, {a,b}, <name>, NNN-title.md.
            placeholder = re.search(r"[*?<>{}\[\]]|\.\.\.|\b[A-Z]{2,}\b(?!\.md$)", wanted)
            if wanted not in there and not placeholder:
                yield Finding(path, _line_of(text, position), f"'{wanted}' does not exist")


def map_names(tree):
    """names of classes and functions in engine/README.md exist in the engine, each where it is said to be"""
    if "engine/README.md" not in tree.files:
        return
    engine = [cpp_scan.blank_literals(tree.text(p)) for p in tree.cpp() if p.startswith("engine/")]
    text = tree.text("engine/README.md")
    for position, code in _code_spans(text):
        if not re.fullmatch(r"\w+::\w+|[A-Z][a-z]+[A-Z]\w*", code):
            continue
        owner, _, name = code.rpartition("::")
        patterns = [rf"\b{name}\b"]
        if owner:
            patterns.append(rf"\b{owner}::{name}\b|\b(class|struct|namespace)\b[^;{{]*\b{owner}\b[^;{{]*\{{")
        if not any(all(re.search(pattern, source) for pattern in patterns) for source in engine):
            yield Finding("engine/README.md", _line_of(text, position), f"the engine has no {code}")


def test_names(tree):
    """tests that *.md files name as code (`Suite.Name`, `Suite.Begin...`, `ATest`, `proptest.x`) are there"""
    macro = re.compile(r"\b(?:TEST(?:_[FP])?|RC_GTEST_(?:FIXTURE_)?PROP)\s*\(\s*(\w+)\s*,\s*(\w+)")
    there = {".".join(names) for path in tree.paths(".cc") for names in macro.findall(tree.text(path))}
    suites = {name.split(".")[0] for name in there}
    models = "proptest/CMakeLists.txt"
    suites |= set(re.findall(r"proptest\.\w+", tree.text(models))) if models in tree.files else set()
    for path in tree.paths(".md"):
        text = tree.text(path)
        for position, code in _code_spans(text):
            if re.fullmatch(r"[A-Z]\w*Test|proptest\.\w+", code) and code not in suites:
                yield Finding(path, _line_of(text, position), f"there is no test {code}")
            if not re.fullmatch(r"[A-Z]\w*\.[A-Z]\w+(\.\.\.)?", code):
                continue
            begin = code.removesuffix("...")
            if not any(name == code or (begin != code and name.startswith(begin)) for name in there):
                yield Finding(path, _line_of(text, position), f"there is no test {code}")


def promises(tree):
    """docs/durability.md has each promise, and names a test that proves it (test_names: which is there)"""
    path = "docs/durability.md"
    if path not in tree.files:
        return
    text = tree.text(path)
    rows = {match[1]: match for match in re.finditer(r"^\| (G\d+) \|.*\|(.*)\|$", text, re.MULTILINE)}
    for promise in (f"G{number}" for number in range(1, 11)):
        if promise not in rows:
            yield Finding(path, 1, f"{promise} has no row")
        elif not re.search(r"`[A-Z]\w*\.[A-Z]\w+`", rows[promise][2]):
            yield Finding(path, _line_of(text, rows[promise].start()), f"{promise} names no `Suite.Test`")


def site_counts(tree):
    """README.md tells how many fault sites the campaign breaks; docs/mutants.md, fuzz/faults.md list them"""
    named = re.compile(r'\bMANIFOLDDB_BROKEN\("([^"]+)"\)')
    sources = [p for p in tree.cpp() if p.startswith("engine/") and not is_test(p)]
    sites = {name for p in sources for name in named.findall(cpp_scan.blank_comments(tree.text(p)))}
    decoders = {name for name in sites if name.startswith("decode.")}  # for fuzz/, see crashsim/registry.cc
    sites -= decoders
    # For proptest/backup_cuts_test.cc, savepoint_cuts_test.cc and shrink_cuts_test.cc.
    sites = {name for name in sites if not name.startswith(("backup.", "savepoint.", "shrink."))}
    if "README.md" in tree.files:
        text = tree.text("README.md")
        for match in re.finditer(r"\b(\d+) fault sites\b", text):
            if int(match[1]) != len(sites):
                yield Finding("README.md", _line_of(text, match.start()),
                              f"{match[0]}: the engine has {len(sites)}")
    yield from _rows(tree, "docs/mutants.md", sites, sites, "scripts/mutants-table prints the table")
    yield from _rows(tree, "fuzz/faults.md", decoders, decoders | sites, "scripts/fuzz-faults writes it")


# What a crash or damage meets: a sync, and a comparison of checksums or identities.
SYNC_CALL = re.compile(r"(?:\.|->)(?:Sync|SyncDirectory|WriteDurable)\(|(?<![\w.>])SyncDirectory\(\)")
COMPARED = re.compile(r"[Cc]hecksum\w*(?:\([^()]*\))? *[!=]= (?!nullptr)|[!=]= *[\w.]*[Cc]hecksum|"
                      r"identity *[!=]= |"
                      r"[!=]= *[\w.]*\bidentity\b")
SITE_ABOVE = 4  # lines in which the site of a sync stands
FOR_TESTS = re.compile(r"_fixture\.|/test_|_test_util\.|/full_disk\.h$|/refused_opening\.h$")
EXCUSE = re.compile(r"// No site[:,] \w")


def sites_everywhere(tree):
    """each sync and each comparison of checksums or identities has a fault site, or says why it has none"""
    for path in tree.cpp():
        shipped = path.startswith("engine/") and not path.startswith("engine/include/")
        if not shipped or is_test(path) or FOR_TESTS.search(path):
            continue
        lines = tree.text(path).split("\n")
        code = cpp_scan.blank_comments(tree.text(path)).split("\n")
        for at, line in enumerate(code):
            sync, compared = SYNC_CALL.search(line), COMPARED.search(line)
            if not (sync or compared) or re.search(r"\boperator|\boverride\b", line):
                continue
            end = next((i for i in range(at, len(code)) if re.search(r"[;{]\s*$", code[i])), at)
            there = code[max(0, at - SITE_ABOVE):at + 1] if sync else code[at:end + 1]
            excused = any(EXCUSE.search(above) for above in lines[max(0, at - SITE_ABOVE):at + 1])
            if not excused and not any("MANIFOLDDB_BROKEN(" in one for one in there):
                what = "sync" if sync else "comparison"
                yield Finding(path, at + 1, f"a {what} that no fault site breaks: give it one, or say why "
                                            "not in a comment '// No site: why' above it")


def _rows(tree, path, wanted, possible, remedy):
    """Findings where the table's rows are not those sites."""
    if path not in tree.files:
        return
    rows = set(re.findall(r"^\| `([\w.]+)` \|", tree.text(path), re.MULTILINE))
    for site in sorted((wanted - rows) | (rows - possible)):
        what = "has no row" if site in wanted else "is no site of the engine"
        yield Finding(path, 1, f"{site} {what}: {remedy}")


RULES = (module_deps, module_edges, orphans, function_length, file_length, checker_length, line_length, bans,
         pragma_once, own_header, open_ends, plain_text, interpreters, blobs, machine_paths, quoted_code,
         quoted_cmake, doc_commands, map_names, test_names, promises, site_counts, sites_everywhere)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.replace("%", "%%"))
    parser.add_argument("--fast", action="store_true", help="line-by-line rules for changed files only")
    parser.add_argument("--list", action="store_true", help="print the rules")
    options = parser.parse_args()
    if options.list:
        for rule in RULES:
            print(f"{rule.__name__:16} {rule.__doc__}")
        return 0
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    tree = Tree.of_repository(options.fast)
    failed = 0
    for rule in RULES:
        findings = list(rule(tree))
        for finding in findings:
            kind = "" if finding.fails else "warning: "
            print(f"{finding.path}:{finding.line}: {kind}[{rule.__name__}] {finding.message}")
        failed += any(finding.fails for finding in findings)
    print(f"tidy: {len(tree.files)} files, {len(RULES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
