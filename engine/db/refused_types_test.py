#!/usr/bin/python3
"""What does not compile says what is missing: each program here must be refused with these words, and one
that lacks nothing must not be.

    refused_types_test.py COMPILER INCLUDE_FOLDER
"""
import subprocess
import sys

BEGIN = """#include <manifolddb/multimap.h>
#include <manifolddb/typed.h>
#include <string>
using namespace manifolddb;
struct Point { int x; int y; };
template <>
struct manifolddb::RawLayout<Point> { static constexpr std::string_view kName = "Point"; };
struct Opaque { std::string text; };
"""
REFUSED = (
    ("constexpr TableDefinition<Opaque, int> kTable(\"t\");",
     "K cannot be a key: specialise manifolddb::KeyCodec<K> with kName, Encode and Decode"),
    # The layout is for values: its bytes have no order.
    ("constexpr TableDefinition<Point, int> kTable(\"t\");",
     "K cannot be a key: specialise manifolddb::KeyCodec<K> with kName, Encode and Decode"),
    ("constexpr TableDefinition<int, Opaque> kTable(\"t\");",
     "V cannot be a value: specialise manifolddb::ValueCodec<V> with kName, Encode and Decode, or "
     "manifolddb::Serializer<V>, or manifolddb::RawLayout<V>"),
    ("constexpr MultimapTableDefinition<int, Point> kTable(\"t\");",
     "V cannot be a value of a multimap, which has them in order: specialise manifolddb::KeyCodec<V>"),
    ("auto prefix = PrefixOf<std::tuple<int, int>>(1, 2, 3);", "the key has fewer parts than are given"),
)


def compile_text(compiler, include, text):
    command = (compiler, "-std=c++23", "-fsyntax-only", "-I", include, "-x", "c++", "-")
    return subprocess.run(command, check=False, text=True, input=BEGIN + text + "\n", stderr=subprocess.PIPE)


def main():
    compiler, include = sys.argv[1:]
    sound = compile_text(compiler, include, "constexpr TableDefinition<int, Point> kTable(\"t\");")
    if sound.returncode != 0:
        print(sound.stderr)
        return 1
    failed = 0
    for text, words in REFUSED:
        refused = compile_text(compiler, include, text)
        if refused.returncode == 0 or words not in " ".join(refused.stderr.split()):
            print(f"{text}\n  status {refused.returncode}, and not {words!r}:\n{refused.stderr[:2000]}")
            failed += 1
    print(f"{len(REFUSED)} programs, {failed} not refused as they should be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
