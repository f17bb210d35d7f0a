"""The newest results, by theme and benchmark: what the page shows of the last run of each."""
import re
import statistics

from . import history as records
from .history import OURS

PEERS = ("rocksdb", "lmdb", "leveldb", "sqlite", "wiredtiger")
WORKLOADS = {
    "W1": "1,000 sequential 1 KiB puts per durable commit, one thread",
    "W2": "the same on 2, 4 and 8 threads",
    "W3": "one 100-byte put per durable commit", "W4": "W1 without sync", "W5": "random point reads, cached",
    "W6": "scans", "W7": "reads and writes mixed, durable",
    "W7_seed": "the same, about 20 distinct keys per batch", "W8": "load in random order, durable",
    "W9": "large values", "W10": "opening after a crash, to the first right answer",
    "W11": "random updates and deletes, then reads",
}
THEMES = {
    "standard": "W1 to W11, the workloads by which engines are compared",
    "ycsb": "YCSB A to F, durable and not", "small_writes": "100-byte puts into 1 to 8 column families",
    "batches": "one put per commit, and a thousand",
    "large_values": "1 KB to 1 MB, 1 MB per durable commit", "reads": "point reads of a cached database",
    "scans": "short and long, backwards, a prefix, keys only",
    "mixed": "reads and durable updates in batches",
    "log": "one put per commit, 1 to 16 committers",
    "recovery": "opening after a crash, by what was committed",
    "memory": "allocations, peak, a database of four times the cache",
    "churn": "overwriting and deleting for long", "scale": "from 1 M to 30 M keys",
    "bounds": "what is to stay small however much there is",
    "crash": "power cut at every write and every sync",
}


def workload(benchmark):
    match = re.match(r"W\d+(_seed)?(?=/|$)", benchmark)
    return match[0] if match else benchmark.split("/")[0]


def group(theme, benchmark):
    """What stands together: a workload of the theme standard, or a theme."""
    return workload(benchmark) if theme == "standard" else theme


def meaning(name):
    return WORKLOADS.get(name) or THEMES.get(name, "")


def order(benchmark):
    """W2 before W10, and numbers in names by size."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part)
            for part in re.split(r"(\d+)", benchmark) if part]


def theme_order(theme):
    names = list(THEMES)
    return (names.index(theme) if theme in names else len(names), theme)


def place(pair):
    """Sorts pairs of theme and benchmark."""
    return theme_order(pair[0]), order(pair[1])


def median(results, pick=lambda result: result.value):
    found = [pick(result) for result in results if pick(result) is not None]
    return statistics.median(found) if found else None


def counters(results):
    names = {name for result in results for name in result.counters}
    return {name: median(results, lambda r, name=name: r.counters.get(name)) for name in names}


def latency(results):
    quantiles = ("p50", "p90", "p99", "p99_9", "max")
    return {q: median(results, lambda r, q=q: r.latency.get(q)) for q in quantiles
            if any(q in r.latency for r in results)}


class Latest:
    """The newest results of each engine for each benchmark of the machine and profile that ran last.

    Left out is what our last run of a theme no longer has: it was renamed or taken out, and the check has
    told so. Peers may have run earlier than we did."""

    def __init__(self, history, kind):
        self.history = history
        self.benchmarks = {}  # (theme, benchmark) -> engine -> (series, run)
        chosen = [(one.runs[-1], key) for key, one in history.series.items() if key.kind == kind]
        if not chosen:
            return
        last = max(chosen, key=lambda pair: pair[0])[1]
        newest = {}  # theme -> our last run
        for key, one in sorted(history.series.items()):
            if key.kind == kind and (key.profile, key.host) == (last.profile, last.host):
                known = self.benchmarks.setdefault((key.theme, key.benchmark), {})
                if key.engine not in known or known[key.engine][1] < one.runs[-1]:
                    known[key.engine] = (one, one.runs[-1])
                if key.engine == OURS:
                    newest[key.theme] = max(newest.get(key.theme, 0), one.runs[-1])
        for pair in list(self.benchmarks):
            ours = self.benchmarks[pair].get(OURS)
            if ours and ours[1] < newest[pair[0]]:
                del self.benchmarks[pair]

    def __iter__(self):
        for pair in sorted(self.benchmarks, key=place):
            yield pair, self.benchmarks[pair]

    @staticmethod
    def results(entry):
        series, run = entry
        return series.results[run]


def by_theme(figures):
    """Figures (with their theme) -> theme -> figures, in the order in which themes stand on the page."""
    groups = {}
    for one in figures:
        groups.setdefault(one["theme"], []).append(one)
    return dict(sorted(groups.items(), key=lambda item: theme_order(item[0])))


def named(pair):
    return records.named(*pair)
