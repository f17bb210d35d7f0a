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
import statistics
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
_OF_BENCHMARK = ("kind", "theme", "benchmark", "engine", "unit", "better", "params")


def _numbers(record):
    """What decides whether the measured parts are valid: keys, types and signs."""
    latency, counters = record.get("latency_us"), record.get("counters")
    return (tuple(record), type(record.get("round")), record.get("round", 0) < 1, type(record.get("value")),
            record.get("value", 0) < 0,
            latency and (tuple(latency), tuple(map(type, latency.values())), min(latency.values()) < 0),
            counters and frozenset(map(type, counters.values())))


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
        parts = ()
        try:
            parts = (repr([record.get(name) for name in _OF_RUN]),
                     repr([record.get(name) for name in _OF_BENCHMARK]), _numbers(record))
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


def records_of(path, validator=None):
    validator = validator or Validator()
    for number, line in lines_of(path):
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_constant=_no_constant)
        except ValueError as error:
            raise InputError(f"{path}:{number}: not JSON ({error}). A run that was cut off leaves half a "
                             "line: delete it") from error
        complaint = validator.complaint(record)
        if complaint:
            raise InputError(f"{path}:{number}: {complaint}. reports/schema.json says what a line holds; "
                             "mend the line or delete it")
        yield number, record


def load(paths):
    runs, series, seen = {}, {}, {}
    validator = Validator()
    for path in paths:
        for number, record in records_of(path, validator):
            run = Run(record["run"], record["time"], record["commit"], record["dirty"], record["profile"],
                      record["machine"])
            known = runs.setdefault(run.id, run)
            if known != run:
                raise InputError(f"{path}:{number}: run {run.id} was {known.commit[:12]}, {known.profile}, "
                                 f"on machine {known.machine['id']} in lines before, and is another here. "
                                 "Give each run a name of its own")
            _add(series, seen, run, record, f"{path}:{number}")
    ordered = sorted(runs.values(), key=lambda run: (run.time, run.id))
    index = {run.id: i for i, run in enumerate(ordered)}
    for one in series.values():
        one.results = {index[run]: results if len(results) == 1 else sorted(results)
                       for run, results in one.results.items()}
    return History(ordered, series)


def _host(run, record):
    machine = run.machine
    if record["kind"] != "exact":
        return machine["id"]
    if not record["benchmark"].startswith("exact/instructions/"):
        return machine["compiler"]
    return f"{machine['compiler']}; {machine['cpu']}; {machine.get('libc', 'unknown C library')}"


def _add(series, seen, run, record, where):
    host = _host(run, record)
    params = record.get("params")
    key = Key(record["kind"], run.profile, host, record["theme"], record["benchmark"], record["engine"],
              json.dumps(params, sort_keys=True) if params else "{}")
    mark = (key, run.id, record["round"])
    if mark in seen:
        raise InputError(f"{where}: {key.benchmark} of {key.engine}, round {record['round']}, is in "
                         f"{seen[mark]} already. Was a file given twice?")
    seen[mark] = where
    value = float(record["value"])
    if not math.isfinite(value):
        raise InputError(f"{where}: value: {value} is not finite. Delete the line")
    one = series.get(key)
    if one is None:
        one = series[key] = Series(key, record["unit"], record["better"])
    elif (one.unit, one.better) != (record["unit"], record["better"]):
        raise InputError(f"{where}: {key.benchmark} is in {record['unit']}, {record['better']} is better; "
                         f"lines before have {one.unit}, {one.better}. Rename the benchmark where its unit "
                         "changes")
    one.results.setdefault(run.id, []).append(
        Result(record["round"], value, record.get("latency_us") or {}, record.get("counters") or {}))


# ---- Turns -------------------------------------------------------------------------------------------------

TURN = re.compile(r"(?:(?<=/)|^)turn:\d+")


def _mean(results):
    """One result for the turns of a round: geometric means; what was counted, of the last turn."""
    value = statistics.geometric_mean(r.value for r in results) if all(r.value > 0 for r in results) else 0.0
    latency = {}
    for name in results[0].latency:
        known = [r.latency.get(name, 0) for r in results]
        if min(known) > 0:
            latency[name] = statistics.geometric_mean(known)
    return Result(results[0].round, value, latency, results[-1].counters)


def folded(history):
    """The history with one series for all turns of a benchmark. Turns are not benchmarks of their own: what
    slows one down slows all of them down, and 200 more series would make every other test blunter. How many
    there were is a parameter: the mean of 50 turns is not compared with that of 20."""
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
