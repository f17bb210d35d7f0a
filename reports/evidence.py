"""What damage and hostile files did, for the dashboard: from the tables that are kept in the repository, each
with the command that makes it anew."""
import os
from typing import NamedTuple

from .history import InputError

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Table(NamedTuple):
    name: str
    what: str
    file: str
    command: str
    header: list
    rows: list

    def numbers(self, at):
        """Whether figures stand in the column."""
        return all(row[at][:1].isdigit() or row[at] == "-" for row in self.rows)

    def column(self, name):
        """One column as numbers; a row for the sum (`**all**`) is left out."""
        at = self.header.index(name)
        return [_number(self.file, row[at]) for row in self.rows if row[0] != "all"]


# Name, file, the first words of the header of its table, command, what it says.
KEPT = (
    ("Damage", "docs/damage.md", ("damage", "harmless"), "scripts/dev damage --table docs/damage.md",
     "every byte, sector and file of small databases damaged, and where that was reported"),
    ("Salvage", "docs/salvage-damage.md", ("damage", "tried"),
     "scripts/dev salvage-damage --table docs/salvage-damage.md",
     "what is got back after each of them"),
    ("Broken decoders", "fuzz/faults.md", ("fault", "found by"), "scripts/dev fuzz-faults",
     "the engine without one check each, and which fuzz target noticed"),
    ("Reached by fuzzing", "fuzz/unreached.md", ("file", "lines"), "scripts/dev fuzz-coverage",
     "lines of what decodes and recovers; each other line is explained in fuzz/unreached.md"),
)


class Evidence(NamedTuple):
    tables: list
    cards: list  # (what, figure, whether it is as it has to be)


def _cells(line):
    line = line.replace("\\|", "\0")
    return [cell.strip().replace("\0", "|").replace("`", "").replace("**", "")
            for cell in line.strip().strip("|").split("|")]


def _number(path, text):
    digits = text.replace(",", "").removesuffix(" %")
    try:
        return float(digits) if "." in digits else int(digits)
    except ValueError as error:
        raise InputError(f"{path}: {text!r} stands where a number should. Make the table anew") from error


def table(root, name, path, begins, command, what):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        lines = file.read().split("\n")
    for at, line in enumerate(lines):
        if not line.startswith("|") or tuple(_cells(line)[:len(begins)]) != begins:
            continue
        header, rows = _cells(line), []
        for row in lines[at + 2:]:  # behind the header a line of dashes
            if not row.startswith("|"):
                break
            rows.append(_cells(row))
            if len(rows[-1]) != len(header):
                raise InputError(f"{path}:{at + 2 + len(rows)}: {len(rows[-1])} cells, where the header has "
                                 f"{len(header)}. Make the table anew: {command}")
        if rows:
            return Table(name, what, path, command, header, rows)
    raise InputError(f"{path}: no table that begins with {' | '.join(begins)}. Make it anew: {command}")


def corpora(root):
    """Of each fuzz target its inputs that are kept."""
    folder = os.path.join(root, "fuzz", "corpus")
    rows = []
    for target in sorted(os.listdir(folder)):
        inputs = os.path.join(folder, target)
        if os.path.isdir(inputs):
            sizes = [os.path.getsize(os.path.join(inputs, name)) for name in os.listdir(inputs)]
            rows.append([target, f"{len(sizes):,}", f"{sum(sizes):,}", f"{max(sizes, default=0):,}"])
    return Table("Corpora", "inputs that are kept, and run by every CI", "fuzz/corpus", "scripts/fuzz-corpus",
                 ["target", "inputs", "bytes", "largest"], rows)


def load(root=ROOT):
    damage, salvage, broken, reached = (table(root, name, path, begins, command, what)
                                        for name, path, begins, command, what in KEPT)
    kept = corpora(root)
    tried = sum(sum(damage.column(name)) for name in damage.header[1:])
    silent = sum(damage.column("silent"))
    recovered = next((row[salvage.header.index("intact entries recovered")] for row in salvage.rows
                      if row[0] == "all"), "?")
    found = sum(row[1] != "not found" for row in broken.rows)
    lines, missed = sum(reached.column("lines")), sum(reached.column("unreached"))
    share = 100 * (lines - missed) / max(lines, 1)
    cards = [("damages tried", f"{tried:,}", tried > 0), ("silent", f"{silent:,}", silent == 0),
             ("intact entries got back", recovered, recovered != "?"),
             ("broken decoders found", f"{found} of {len(broken.rows)}", found >= 15),
             ("decoder lines reached", f"{share:.1f} %", share > 95),
             ("inputs kept", f"{sum(kept.column('inputs')):,}", bool(kept.rows))]
    return Evidence([damage, salvage, broken, reached, kept], cards)
