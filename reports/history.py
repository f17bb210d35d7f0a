"""The history of benchmark runs: JSON lines as reports/schema.json describes them, checked and sorted.

1. Every line that is used was valid; the first one that is not is named with its file, line and remedy.
2. Runs are in the order of time. A series holds results that may be compared: same benchmark, engine,
   parameters, profile and machine. Exact figures: same compiler, as the machine does not matter to them; for
   instructions processor and C library as well, which decide what memcpy is.
3. Turns of one benchmark (`turn:07/read`) are one series where levels are compared: folded().
"""
import gzip
import json
import math
import os
import re
from typing import NamedTuple

OURS = "manifolddb"
PLAIN = ("standard", "exact", "crash")  # themes whose benchmarks need no other name than their own
SCHEMA_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema.json")


class InputError(Exception):
    """What is wrong with an input, where, and what to do about it."""


class Run(NamedTuple):
    id: str
    time: str
    commit: str
    dirty: bool
    profile: str
    machine: dict

    @property
    def short(self):
        return self.commit[:12]

    @property
    def day(self):
        return self.time[:10]


class Key(NamedTuple):
    kind: str
    profile: str
    host: str  # machine id; for exact figures the compiler, for instructions processor and C library, too
    theme: str
    benchmark: str
    engine: str
    params: str

    @property
    def name(self):
        """What tells it from the benchmarks of other themes."""
        return named(self.theme, self.benchmark)


def named(theme, benchmark):
    return benchmark if theme in PLAIN else f"{theme}/{benchmark}"


class Result(NamedTuple):
    """What one engine reached in one round."""
    round: int
    value: float
    latency: dict
    counters: dict


class Series:
    """All results of one key: index of the run -> results, one per round."""

    def __init__(self, key, unit, better):
        self.key, self.unit, self.better = key, unit, better
        self.results = {}

    @property
    def runs(self):
        return sorted(self.results)

    @property
    def params(self):
        return json.loads(self.key.params)


class History:
    def __init__(self, runs, series):
        self.runs, self.series = runs, series
        self.folded = None  # once it was asked for

    def own(self, kind):
        return [one for key, one in sorted(self.series.items()) if key.kind == kind and key.engine == OURS]

    def peers(self, series):
        """The same benchmark by the other engines, by name."""
        found = {}
        for engine in self.engines:
            other = self.series.get(series.key._replace(engine=engine))
            if engine != OURS and other is not None:
                found[engine] = other
        return found

    @property
    def engines(self):
        return sorted({key.engine for key in self.series})

    def latest(self):
        return self.runs[-1] if self.runs else None


_OF_RUN = ("schema", "run", "time", "commit", "dirty", "profile", "machine")
_OF_ROW = ("kind", "theme", "benchmark", "engine")
_MEASURED = frozenset(("round", "value", "unit", "better", "latency_us", "counters", "params"))
_KIND, _ROUND = '"kind":', '"round":'


class Line(NamedTuple):
    """A record, and what stands for its parts: equal where they are equal."""
    record: dict
    of_run: str
    of_row: str
    rest: str  # unit, better, params

    @staticmethod
    def whole(record):
        return Line(record, *(repr([record.get(name) for name in names]) for names in (_OF_RUN, _OF_ROW)),
                    _rest(record))


def _rest(record):
    return repr((record.get("unit"), record.get("better"), record.get("params")))


def _numbers(record):
    """What decides whether the measured parts are valid: keys, types and signs."""
    latency, counters = record.get("latency_us"), record.get("counters")
    return (tuple(record), type(record.get("round")), record.get("round", 0) < 1, type(record.get("value")),
            record.get("value", 0) < 0,
            bool(latency) and (tuple(latency), tuple(map(type, latency.values())), min(latency.values()) < 0),
            bool(counters) and frozenset(map(type, counters.values())))


with open(SCHEMA_FILE, encoding="utf-8") as _file:
    SCHEMA = json.load(_file)


class Validator:
    """The schema constrains each field by itself. So it is asked once per run, benchmark and sort of numbers,
    not once per line: that is what makes a history of 1,000 runs load in seconds."""

    def __init__(self):
        try:
            import jsonschema  # here, so that what needs no history needs no package
        except ImportError as error:
            raise InputError("python3-jsonschema is not installed: scripts/setup report") from error
        self.validator = jsonschema.Draft202012Validator(SCHEMA)
        self.good = set()

    def complaint(self, record):
        """What is wrong with the record, or None."""
        return self.of_line(Line.whole(record))

    def of_line(self, line):
        parts, record = (), line.record
        try:
            # Names apart: a text of one part is not to excuse the same text elsewhere.
            parts = (("run", line.of_run), ("row", line.of_row), ("rest", line.rest), _numbers(record))
            if self.good.issuperset(parts):
                return None
        except (TypeError, AttributeError, ValueError):
            pass  # so odd that only the schema can say what is wrong
        errors = sorted(self.validator.iter_errors(record), key=lambda error: list(map(str, error.path)))
        if not errors:
            self.good.update(parts)
            return None
        where = ".".join(map(str, errors[0].path))
        return f"{where}: {errors[0].message}" if where else errors[0].message


def lines_of(path):
    """Numbered lines of a file, which may be compressed (.gz)."""
    try:
        opener = gzip.open if str(path).endswith(".gz") else open
        with opener(path, "rt", encoding="utf-8") as file:
            yield from enumerate(file, 1)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file. bench/ writes one: scripts/bench --help") from error
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _no_constant(name):
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


class _Reader:
    """Parses lines. All lines of a run begin alike, and so do those of one benchmark in any run: what was
    parsed once is looked up. A line that is written in another order is parsed as a whole."""

    def __init__(self):
        self.parts = {}  # text -> object

    def _part(self, text):
        found = self.parts.get(text)
        if found is None:
            found = self.parts[text] = _DECODER.decode("{" + text.strip().strip("{").rstrip(", ") + "}")
        return found

    def line(self, text):
        kind = text.find(_KIND)
        begin = text.find(_ROUND, kind)
        if 0 < kind < begin:
            try:
                measured = _DECODER.decode("{" + text[begin:])
                if _MEASURED.issuperset(measured):
                    run, row = text[:kind], text[kind:begin]
                    record = {**self._part(run), **self._part(row), **measured}
                    return Line(record, run, row, _rest(measured))
            except ValueError:
                pass  # the whole line says what is wrong with it
        record = _DECODER.decode(text)
        if not isinstance(record, dict):
            raise ValueError("want an object")
        return Line.whole(record)


def records_of(path, validator=None):
    """Numbered lines of a history, each of them valid."""
    validator, reader = validator or Validator(), _Reader()
    for number, text in lines_of(path):
        if not text.strip():
            continue
        try:
            line = reader.line(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}:{number}: not JSON ({error}). A run that was cut off leaves half a "
                             "line: delete it") from error
        complaint = validator.of_line(line)
        if complaint:
            raise InputError(f"{path}:{number}: {complaint}. reports/schema.json says what a line holds; "
                             "mend the line or delete it")
        yield number, line


def _run(record):
    return Run(*(record[name] for name in ("run", "time", "commit", "dirty", "profile", "machine")))


class _Loading:
    def __init__(self):
        self.runs, self.series = {}, {}
        self.of_run, self.of_line = {}, {}  # what lines say, which is the same in many -> what it means
        self.seen = {}

    def run(self, line, where):
        run = self.of_run.get(line.of_run)
        if run is None:
            run = _run(line.record)
            known = self.runs.setdefault(run.id, run)
            if known != run:
                raise InputError(f"{where}: run {run.id} was {known.commit[:12]}, {known.profile}, "
                                 f"on machine {known.machine['id']} in lines before, and is another here. "
                                 "Give each run a name of its own")
            # One string for all runs of a machine and profile, as runs are what there are many of.
            run = self.of_run[line.of_run] = (known, repr((run.profile, run.machine)))
        return run

    def one(self, line, run, context, where):
        found = self.of_line.get((context, line.of_row, line.rest))
        if found is None:
            record, params = line.record, line.record.get("params")
            key = Key(record["kind"], run.profile, _host(run, record), record["theme"], record["benchmark"],
                      record["engine"], json.dumps(params, sort_keys=True) if params else "{}")
            found = self.series.setdefault(key, Series(key, record["unit"], record["better"]))
            if (found.unit, found.better) != (record["unit"], record["better"]):
                raise InputError(f"{where}: {key.benchmark} is in {record['unit']}, {record['better']} is "
                                 f"better; lines before have {found.unit}, {found.better}. Rename the "
                                 "benchmark where its unit changes")
            self.of_line[context, line.of_row, line.rest] = found
        return found

    def add(self, line, where):
        record = line.record
        run, context = self.run(line, where)
        one = self.one(line, run, context, where)
        mark = (id(one), run.id, record["round"])
        if mark in self.seen:
            raise InputError(f"{where}: {one.key.benchmark} of {one.key.engine}, round {record['round']}, "
                             f"is in {self.seen[mark]} already. Was a file given twice?")
        self.seen[mark] = where
        latency, counters = record.get("latency_us") or {}, record.get("counters") or {}
        try:
            value = float(record["value"])
            if not all(map(math.isfinite, (value, *latency.values(), *counters.values()))):
                raise OverflowError(f"{value} is not finite")
        except OverflowError as error:
            raise InputError(f"{where}: value: {error}. Delete the line") from error
        one.results.setdefault(run.id, []).append(
            Result(record["round"], value, latency, counters))


def load(paths):
    loading, validator = _Loading(), Validator()
    for path in paths:
        for number, line in records_of(path, validator):
            loading.add(line, f"{path}:{number}")
    ordered = sorted(loading.runs.values(), key=lambda run: (run.time, run.id))
    index = {run.id: i for i, run in enumerate(ordered)}
    for one in loading.series.values():
        one.results = {index[run]: results if len(results) == 1 else sorted(results, key=lambda r: r.round)
                       for run, results in one.results.items()}
    return History(ordered, loading.series)


def _host(run, record):
    machine = run.machine
    if record["kind"] != "exact":
        return machine["id"]
    if not record["benchmark"].startswith("exact/instructions/"):
        return machine["compiler"]
    return f"{machine['compiler']}; {machine['cpu']}; {machine.get('libc', 'unknown C library')}"


# ---- Turns -------------------------------------------------------------------------------------------------

TURN = re.compile(r"(?:(?<=/)|^)turn:\d+")


def geometric_mean(values):
    """0 where one of them is; statistics.geometric_mean is exact to the last bit and ten times as slow."""
    return math.exp(math.fsum(map(math.log, values)) / len(values)) if min(values) > 0 else 0.0


def _mean(results):
    """One result for the turns of a round: geometric means; what was counted, of the last turn."""
    latency = {name: geometric_mean([r.latency.get(name, 0) for r in results]) for name in results[0].latency}
    return Result(results[0].round, geometric_mean([r.value for r in results]),
                  {name: figure for name, figure in latency.items() if figure > 0}, results[-1].counters)


def folded(history):
    """The history with one series for all turns of a benchmark. Turns are not benchmarks of their own: what
    slows one down slows all of them down, and 200 more series would make every other test blunter. How many
    there were is a parameter: the mean of 50 turns is not compared with that of 20."""
    if history.folded is None:
        history.folded = _fold(history)
    return history.folded


def _fold(history):
    series, turns = {}, {}
    for key, one in sorted(history.series.items()):
        benchmark = TURN.sub("turn:*", key.benchmark)
        if benchmark == key.benchmark:
            series[key] = one
            continue
        for run, results in one.results.items():
            for result in results:
                whole = (key._replace(benchmark=benchmark), one.unit, one.better, run, result.round)
                turns.setdefault(whole, []).append(result)
    for (key, unit, better, run, _), results in turns.items():
        params = json.dumps({**json.loads(key.params), "turns": len(results)}, sort_keys=True)
        key = key._replace(params=params)
        one = series.setdefault(key, Series(key, unit, better))
        one.results.setdefault(run, []).append(_mean(results))
    return History(history.runs, series)
