#!/usr/bin/python3
"""tidy.py's own test: each rule catches its bad sample and leaves the good one alone."""
import textwrap
import unittest

import cpp_scan
import tidy

TOP = "set(modules\n  include base storage wal btree\n)\n"
GOOD = {
    "CMakeLists.txt": TOP,
    "engine/include/CMakeLists.txt":
        "manifolddb_module(include HEADERS manifolddb/bytes.h manifolddb/storage.h)\n",
    "engine/include/manifolddb/bytes.h": "#pragma once\n",
    "engine/include/manifolddb/storage.h": '#pragma once\n#include "manifolddb/bytes.h"\n',
    "engine/base/CMakeLists.txt": "manifolddb_module(base HEADERS sites.h DEPS include)\n",
    "engine/base/sites.h": "// Notes.\n#pragma once\n",
    "engine/storage/CMakeLists.txt": "manifolddb_module(storage HEADERS memory.h DEPS include base)\n",
    "engine/storage/memory.h": '#pragma once\n#include "manifolddb/storage.h"\n',
    "engine/wal/CMakeLists.txt":
        "manifolddb_module(NAME wal\n  HEADERS log.h  # the log\n  SOURCES log.cc\n"
        "  DEPS base\n  TESTS log_test.cc\n  TEST_DEPS storage)\n",
    "engine/wal/log.h": '#pragma once\n#include <vector>\n#include "engine/base/sites.h"\n',
    "engine/wal/log.cc":
        '#include "engine/wal/log.h"\n// No throw; "std::thread" is a word here.\n',
    "engine/wal/log_test.cc":
        '#include <gtest/gtest.h>\n#include <thread>\n#include "engine/storage/memory.h"\n'
        "void F() { std::thread([] {}).join(); }\n",
    "faultfs/CMakeLists.txt": "manifolddb_library(NAME faultfs HEADERS disk.h)\n",
    "faultfs/disk.h": '#pragma once\n#include "manifolddb/storage.h"\n#include "engine/base/sites.h"\n',
    "crashsim/CMakeLists.txt": "add_executable(crashsim main.cc)\n",
    "crashsim/main.cc": '#include "faultfs/disk.h"\n#include "manifolddb/storage.h"\n// TODO(#12): more\n',
    "scripts/x": "#!/usr/bin/env bash\necho\n",
}


def run(rule, changes):
    """Messages of `rule` over the good tree with `changes`; a value of None takes a file away."""
    files = {path: text for path, text in {**GOOD, **changes}.items() if text is not None}
    tree = tidy.Tree({p: text if isinstance(text, bytes) else text.encode() for p, text in files.items()})
    return [f"{found.path}:{found.line}: {found.message}" for found in rule(tree) if found.fails]


class Rules(unittest.TestCase):
    def catches(self, rule, expected, changes):
        """The rule reports once, and says what is expected; without the changes it reports nothing."""
        self.assertEqual(run(rule, {}), [])
        found = run(rule, changes)
        self.assertEqual(len(found), 1, found)
        self.assertIn(expected, found[0])

    def test_every_rule_has_a_test_here(self):
        for rule in tidy.RULES:
            tests = [name for name in dir(self) if name.startswith("test_" + rule.__name__)]
            self.assertTrue(tests, rule.__name__)

    def test_good_tree_passes_every_rule(self):
        for rule in tidy.RULES:
            self.assertEqual(run(rule, {}), [], rule.__name__)

    def test_module_deps_upward(self):
        bad = {"engine/base/CMakeLists.txt": "manifolddb_module(base HEADERS sites.h DEPS include wal)\n"}
        self.catches(tidy.module_deps, "'base' may not depend on 'wal'", bad)

    def test_module_deps_that_do_not_exist(self):
        bad = {"engine/wal/CMakeLists.txt": GOOD["engine/wal/CMakeLists.txt"].replace("storage", "btree")}
        self.catches(tidy.module_deps, "'wal' depends on 'btree', which does not exist", bad)

    def test_module_deps_unknown_module(self):
        bad = {"engine/util/CMakeLists.txt": "manifolddb_module(util)\n"}
        self.catches(tidy.module_deps, "'util' is not among the modules", bad)

    def test_module_deps_missing_call(self):
        bad = {"engine/base/CMakeLists.txt": "add_library(base sites.h)\n"}
        self.catches(tidy.module_deps, "does not call", bad)

    def test_module_edges_undeclared(self):
        bad = {"engine/wal/log.cc": '#include "engine/storage/memory.h"\n'}
        self.catches(tidy.module_edges, 'log.cc:1: may not include "engine/storage/memory.h"', bad)

    def test_module_edges_public_header_needs_include_among_deps(self):
        bad = {"engine/wal/log.cc": '#include "manifolddb/bytes.h"\n'}
        self.catches(tidy.module_edges, "public is not among", bad)

    def test_module_edges_public_header_includes_engine(self):
        bad = {"engine/include/manifolddb/bytes.h": '#include "engine/base/sites.h"\n'}
        self.catches(tidy.module_edges, "engine/base is not among public", bad)

    def test_module_edges_engine_knows_the_harness(self):
        bad = {"engine/wal/log_test.cc": '\n#include "faultfs/disk.h"\n'}
        self.catches(tidy.module_edges, "log_test.cc:2: may not include", bad)

    def test_module_edges_harness_reaches_into_the_engine(self):
        bad = {"crashsim/main.cc": '#include <engine/wal/log.h>\n'}
        self.catches(tidy.module_edges, "engine/wal is not among", bad)

    def test_module_edges_relative_include(self):
        bad = {"engine/wal/log.cc": '#include "log.h"\n'}
        self.catches(tidy.module_edges, "write the path from the root", bad)

    def test_module_edges_ignore_comments(self):
        good = {"engine/wal/log.cc": '/*\n#include "faultfs/disk.h"\n*/\n'}
        self.assertEqual(run(tidy.module_edges, good), [])

    def test_orphans_test(self):
        bad = {"engine/wal/ring_test.cc": ""}
        self.catches(tidy.orphans, "a test that is not built is not a test", bad)

    def test_orphans_commented_out(self):
        bad = {"crashsim/CMakeLists.txt": "add_executable(crashsim # main.cc\n)\n"}
        self.catches(tidy.orphans, "crashsim/main.cc:1: in no CMakeLists.txt", bad)

    def test_module_edges_the_checker_reaches_into_the_harness(self):
        bad = {"certcheck/main.cc": '#include "faultfs/disk.h"\n'}
        self.catches(tidy.module_edges, "faultfs is not among", bad)
        bad = {"certcheck/threads/main.cc": '#include "faultfs/disk.h"\n'}
        self.catches(tidy.module_edges, "faultfs is not among", bad)

    def test_checker_length(self):
        bad = {"certcheck/main.cc": "\n" * 300, "certcheck/disk.h": "#pragma once\n" + "\n" * 200}
        self.catches(tidy.checker_length, "certcheck/ has 501 lines, at most 500", bad)
        bad = {"certcheck/main.cc": "\n" * 300, "certcheck/threads/main.cc": "\n" * 501}
        self.catches(tidy.checker_length, "certcheck/threads/ has 501 lines, at most 500", bad)
        good = {"certcheck/main.cc": "\n" * 300, "certcheck/threads/main.cc": "\n" * 500}
        self.assertEqual(run(tidy.checker_length, good), [])

    def test_function_length(self):
        bad = {"engine/wal/log.cc": "\n\nint F() {\n" + "  G();\n" * 69 + "}\n"}
        self.catches(tidy.function_length, "log.cc:3: F() has 71 lines, at most 70", bad)
        good = {"engine/wal/log.cc": "int F() {\n" + "  G();\n" * 68 + "}\n"}
        self.assertEqual(run(tidy.function_length, good), [])

    def test_function_length_python(self):
        bad = {"scripts/x.py": "def f():\n" + "    g()\n" * 70}
        self.catches(tidy.function_length, "f() has 71 lines", bad)

    def test_function_length_unbalanced(self):
        self.catches(tidy.function_length, "never closed", {"engine/wal/log.cc": "int F() {\n"})

    def test_function_length_allowed_may_only_shrink(self):
        key = ("function_length", "engine/wal/log.cc", "F")
        long = {"engine/wal/log.cc": "int F() {\n" + "  G();\n" * 78 + "}\n"}
        for allowed, expected in ((80, 0), (81, 1), (79, 1)):
            tidy.ALLOWED = {key: allowed}
            self.assertEqual(len(run(tidy.function_length, long)), expected, allowed)
        self.assertIn("nothing is there any more", run(tidy.function_length, {})[0])
        tidy.ALLOWED = {}

    def test_file_length(self):
        self.catches(tidy.file_length, "1001 lines, at most 1000", {"engine/wal/log.cc": "\n" * 1001})
        self.assertEqual(run(tidy.file_length, {"engine/wal/log.cc": "\n" * 1000}), [])

    def test_line_length(self):
        self.catches(tidy.line_length, "111 characters", {"engine/wal/log.cc": "x" * 111 + "\n"})
        self.assertEqual(run(tidy.line_length, {"engine/wal/log.cc": "x" * 110 + "\n"}), [])

    BANNED = (
        "std::random_device seed;", "int x = rand();", "#include <random>", "getrandom(b, 16, 0);",
        "auto now = std::chrono::steady_clock::now();", "clock_gettime(c, &t);", "x = time(nullptr);",
        "std::thread worker;", "std::async(f);", 'const char* x = getenv("X");',
        "std::mutex mutex;", "std::shared_mutex mutex;", "std::condition_variable c;", "std::scoped_lock l;",
        "std::this_thread::sleep_for(x);", "usleep(3);",
        'printf("x");', 'fprintf(stderr, "x");', "std::cout << 1;",
        "throw 1;", "try {", "} catch (...) {", 'std::format("{}", 1);', "TEST(A, DISABLED_B) {",
    )

    def test_bans(self):
        for line in self.BANNED:
            with self.subTest(line):
                self.catches(tidy.bans, "log.cc:2: ", {"engine/wal/log.cc": f"\n{line}\n"})

    def test_bans_using_namespace_in_header(self):
        self.catches(tidy.bans, "name what you use", {"faultfs/disk.h": "using namespace std;\n"})

    def test_bans_hold_everywhere_for_sleep(self):
        for path in ("engine/wal/log_test.cc", "crashsim/main.cc"):
            self.catches(tidy.bans, "not for a time", {path: "std::this_thread::sleep_for(x);\n"})

    def test_bans_spare_the_platform(self):
        text = "std::thread worker;\nauto now = std::chrono::steady_clock::now();\n"
        self.assertEqual(run(tidy.bans, {"engine/storage/thread_executor.cc": text}), [])
        for path in ("engine/base/mutex.h", "engine/wal/log_test_support.h"):
            self.assertEqual(run(tidy.bans, {path: "std::mutex mutex;\n"}), [])
        text = "std::snprintf(b, 9); retry(); Rethrow();\n"
        self.assertEqual(run(tidy.bans, {"engine/wal/log.cc": text}), [])

    def test_pragma_once(self):
        self.catches(tidy.pragma_once, "missing", {"faultfs/disk.h": "// #pragma once\nint x;\n"})

    def test_own_header(self):
        files = {"faultfs/disk.h": "#pragma once\n",
                 "faultfs/disk.cc": '#include <a>\n#include "faultfs/disk.h"\n'}
        self.catches(tidy.own_header, "first #include", files)
        files["faultfs/disk.cc"] = '// Why.\n#include "faultfs/disk.h"\n#include <a>\n'
        self.assertEqual(run(tidy.own_header, files), [])

    def test_open_ends(self):
        self.catches(tidy.open_ends, "write TODO(#12)", {"engine/wal/log.cc": "// TODO: more\n"})

    def test_plain_text(self):
        samples = (("\tx\n", "tab"), ("x \n", "trailing space"), ("x\r\n", "carriage return"),
                   ("// caf\u00e9\n", "non-ASCII"), ("x", "no newline"))
        for text, expected in samples:
            with self.subTest(expected):
                self.catches(tidy.plain_text, expected, {"engine/wal/log.cc": text})

    def test_interpreters(self):
        self.catches(tidy.interpreters, "want one of", {"scripts/x": "#!/usr/bin/env python3\n"})

    def test_blobs(self):
        self.catches(tidy.blobs, "at most", {"fuzz/corpus/x": b"\0" * ((1 << 20) + 1)})

    def test_machine_paths(self):
        for text in ("see /wo" + "rk/x", "'/ro" + "ot/x'", "file:///ho" + "me/me/x"):
            self.catches(tidy.machine_paths, "one machine only", {"README.md": text})
        self.assertEqual(run(tidy.machine_paths, {"README.md": "tree/root/x, ${x}/work/, ~/work/\n"}), [])

    def test_quoted_cmake(self):
        quote = "Text.\n```cmake\nfind_package(a)\nlink(a)\n```\n"
        project = "project(x)\n  find_package(a)\nadd(b)\nlink(a)\n"
        self.catches(tidy.quoted_cmake, "docs/a.md:2: 'link(a)'",
                     {"docs/a.md": quote, "examples/x/CMakeLists.txt": project.replace("link", "no")})
        sound = {"docs/a.md": quote, "examples/x/CMakeLists.txt": project}
        self.assertEqual(run(tidy.quoted_cmake, sound), [])

    def test_quoted_code(self):
        quote = "Text.\n```cpp\nint F() {\n  return 1;\n}\n```\n"
        example = "namespace {\n  int F() {\n    return 1;\n  }\n}\n"
        self.catches(tidy.quoted_code, "README.md:2: this code", {"README.md": quote})
        self.catches(tidy.quoted_code, "docs/a.md:2: this code", {"docs/a.md": quote})
        self.catches(tidy.quoted_code, "in no file",
                     {"README.md": quote.replace("1", "2"), "examples/x.cc": example})
        self.assertEqual(run(tidy.quoted_code, {"README.md": quote, "examples/x.cc": example}), [])

    def test_doc_commands(self):
        bad = {"docs/a.md": "Text.\nRun `nice scripts/y --all && scripts/x`.\n"}
        self.catches(tidy.doc_commands, "docs/a.md:2: 'scripts/y' does not exist", bad)
        self.catches(tidy.doc_commands, "'scripts/y' does not exist", {"README.md": "    scripts/y    all\n"})
        self.catches(tidy.doc_commands, "'engine/wal/lag.cc'", {"README.md": "see `engine/wal/lag.cc:12`\n"})
        self.catches(tidy.doc_commands, "'docs/README.md'", {"README.md": "see `docs/README.md`\n"})
        good = ("`scripts/x`, `./scripts/x NAME`, `engine/wal/`, `engine/wal/log.cc:3`, `build/scripts/y`\n"
                "`docs/NNN-title.md`, `scripts/NAME`, `engine/*/log.cc`, `engine/{wal,log}.h`\n\n"
                "    scripts/x --all\n")
        self.assertEqual(run(tidy.doc_commands, {"README.md": good}), [])

    def test_test_names(self):
        tests = {"engine/wal/log_test.cc": "TEST_F(LogTest,\n       IsWhole) {}\nTEST(Ring, Turns) {}\n"}
        good = "`LogTest.IsWhole`, `LogTest.Is...`, `Ring.Turns`, `README.md`, `Ring.h`\n"
        self.assertEqual(run(tidy.test_names, {**tests, "docs/a.md": good}), [])
        for name in ("LogTest.Is", "LogTest.Was...", "Ring.IsWhole"):
            bad = {**tests, "docs/a.md": f"one\n`{name}`\n"}
            self.catches(tidy.test_names, f"docs/a.md:2: there is no test {name}", bad)
        models = {**tests, "proptest/CMakeLists.txt": "manifolddb_test(NAME a TEST_NAME proptest.tree)\n"}
        self.assertEqual(run(tidy.test_names, {**models, "docs/a.md": "`LogTest`, `proptest.tree`\n"}), [])
        for name in ("LagTest", "proptest.bush"):
            bad = {**models, "docs/a.md": f"one\n`{name}`\n"}
            self.catches(tidy.test_names, f"docs/a.md:2: there is no test {name}", bad)

    def test_promises(self):
        rows = [f"| G{n} | kept | campaign; `LogTest.Is{n}` |\n" for n in range(1, 11)]
        self.assertEqual(run(tidy.promises, {"docs/durability.md": "".join(rows)}), [])
        bad = {"docs/durability.md": "".join(rows[:6] + rows[7:])}
        self.catches(tidy.promises, "docs/durability.md:1: G7 has no row", bad)
        rows[1] = "| G2 | kept | campaign; `LogTest` |\n"
        self.catches(tidy.promises, "docs/durability.md:2: G2 names no `Suite.Test`",
                     {"docs/durability.md": "".join(rows)})

    def test_site_counts(self):
        site = {"engine/wal/log.cc": '#include "engine/wal/log.h"\n// MANIFOLDDB_BROKEN("no")\n'
                                     'bool b = MANIFOLDDB_BROKEN("wal.a") || MANIFOLDDB_BROKEN("wal.a");\n'}
        good = {**site, "README.md": "its 1 fault sites\n", "docs/mutants.md": "| `wal.a` | x |\n"}
        self.assertEqual(run(tidy.site_counts, good), [])
        few = {**good, "README.md": "\nits 2 fault sites\n"}
        self.catches(tidy.site_counts, "README.md:2: 2 fault sites: the engine has 1", few)
        self.catches(tidy.site_counts, "wal.a has no row", {**good, "docs/mutants.md": "\n"})
        gone = {**good, "docs/mutants.md": "| `wal.a` | x |\n| `wal.b` | x |\n"}
        self.catches(tidy.site_counts, "wal.b is no site", gone)
        decoder = {**good, "engine/format/a.cc": 'bool c = MANIFOLDDB_BROKEN("decode.a");\n',
                   "fuzz/faults.md": "| `decode.a` | x |\n| `wal.a` | x |\n"}
        self.assertEqual(run(tidy.site_counts, decoder), [])
        self.catches(tidy.site_counts, "decode.a has no row", {**decoder, "fuzz/faults.md": "\n"})
        self.catches(tidy.site_counts, "decode.b is no site",
                     {**decoder, "fuzz/faults.md": "| `decode.a` | x |\n| `decode.b` | x |\n"})

    def test_sites_everywhere(self):
        def source(body):
            return {"engine/wal/log.cc": '#include "engine/wal/log.h"\n' + body}

        sites = tidy.sites_everywhere
        self.assertEqual(run(sites, source('if (!MANIFOLDDB_BROKEN("a.b")) file.Sync();\n')), [])
        block = source('if (!MANIFOLDDB_BROKEN("a.b")) {\n  log_->WriteDurable(at);\n}\n')
        self.assertEqual(run(sites, block), [])
        excused = source("// No site: nothing reads it again\nstorage.SyncDirectory();\n")
        self.assertEqual(run(sites, excused), [])
        self.assertEqual(run(sites, source("// file.Sync()\nStatus DoSync() override;\n")), [])
        self.catches(sites, "engine/wal/log.cc:2: a sync that no fault site breaks", source("file.Sync();\n"))
        far = 'bool b = MANIFOLDDB_BROKEN("a.b");\n' + "int i;\n" * 5 + "file.Sync();\n"
        self.catches(sites, "engine/wal/log.cc:8: a sync", source(far))
        test = "if (a.checksum != ChecksumOf(a){}) {{\n}}\n"
        self.assertEqual(run(sites, source(test.format(' && !MANIFOLDDB_BROKEN("a.b")'))), [])
        self.assertEqual(run(sites, source(test.format('\n    && !MANIFOLDDB_BROKEN("a.b")'))), [])
        self.catches(sites, "engine/wal/log.cc:2: a comparison", source(test.format("")))
        self.catches(sites, "engine/wal/log.cc:2: a comparison", source("return a.identity == b.identity;\n"))

    def test_map_names(self):
        header = {"engine/wal/log.h": "#pragma once\nnamespace a::wal {\nvoid F();\n// void G();\n"
                                      "class CAP(x) LogFile final : public File {\n  void Sync();\n};\n}\n"}
        good = "| step | `LogFile::Sync` -> `wal::F`, `LogFile` | `Sync`, `wal/log.h` |\n"
        self.assertEqual(run(tidy.map_names, {**header, "engine/README.md": good}), [])
        for name in ("LogFile::Flush", "LagFile::Sync", "wal::G", "LogFiles"):
            bad = {**header, "engine/README.md": f"Map.\n\n| step | `{name}` |\n"}
            self.catches(tidy.map_names, f"engine/README.md:3: the engine has no {name}", bad)


class Scanner(unittest.TestCase):
    def functions(self, text):
        return [(f.name, f.line, f.lines) for f in cpp_scan.functions(textwrap.dedent(text))]

    def test_constructor_with_braces_in_its_initializer_list(self):
        text = """\
        class A : public B<int()> {
         public:
          A(int x)
              : B<int()>{1}, x_{x}, y_(std::vector<int>{1, 2}) {
            F();
          }
        };
        """
        self.assertEqual(self.functions(text), [("A", 3, 4)])

    def test_macros_attributes_and_enums_are_no_functions(self):
        text = """\
        class CAPABILITY("mutex") Mutex {
          void Lock() ACQUIRE() { m_.lock(); }
          int table_[2] = {1, 2};
        };
        struct alignas(64) Slot final { int x{F(1)}; };
        enum class E : uint8_t { kA, kB = F(1) };
        constexpr int kTable[] = { F(1),
          G(2) };
        const Row kRow = Row{F(1)};
        extern "C" { struct S { int x; }; }
        """
        self.assertEqual(self.functions(text), [("Lock", 2, 1)])

    def test_braces_in_literals_comments_and_directives_do_not_count(self):
        text = '''\
        int F() {
          G("}", '}', R"x(}")}x)x", 1'000, u8"{");  // }
          /* } */
        #define CLOSE }
          return '"';
        }
        int H() { return 0; }
        '''
        self.assertEqual(self.functions(text), [("F", 1, 6), ("H", 7, 1)])

    def test_names(self):
        text = """\
        template <class T> requires(sizeof(T) == 4)
        std::function<bool(size_t)>& Gate() { return g; }
        bool A::operator==(const A& other) const { return true; }
        A::operator bool() const noexcept { return true; }
        A::~A() { F(); }
        auto B::G(int (*f)(int)) const -> std::vector<int> { return {}; }
        extern "C" int Entry(const uint8_t* data, size_t size) { return 0; }
        static const struct stat* H(struct stat* s) { return s; }
        TEST(Suite, Name) { EXPECT_EQ(1, 1); }
        """
        names = [name for name, _, _ in self.functions(text)]
        expected = ["Gate", "A::operator==", "A::operator bool", "A::~A", "B::G", "Entry", "H", "TEST"]
        self.assertEqual(names, expected)

    def test_lambdas_and_local_classes_count_as_part_of_their_function(self):
        text = """\
        void F(std::function<void()> g = [] {}) {
          struct Local { void M() { } };
          auto h = [&](int x) {
            return x;
          };
          for (auto x : y) { if (x) { } }
        }
        """
        self.assertEqual(self.functions(text), [("F", 1, 7)])

    def test_namespaces_and_nested_classes(self):
        text = """\
        namespace a::b { namespace {
        class A { class B { private: int F() { return 1; } int G() const override { return 2; } }; };
        }  // namespace
        }
        int Last() { return 3; }
        """
        self.assertEqual([f[0] for f in self.functions(text)], ["F", "G", "Last"])


if __name__ == "__main__":
    unittest.main()
