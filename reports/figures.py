"""Figures of the dashboard: matplotlib draws them, as SVG that takes its colours from the page.

1. Colours are written as stand-ins and replaced by CSS variables, so one figure serves light and dark.
2. Text stays text, in the page's font. Figures are drawn at the size at which a phone shows them, so that
   nothing has to be scaled until it cannot be read.
3. Ids are unique in the page and the same from run to run.
"""
import html
import io
import math
import re

import matplotlib

matplotlib.use("Agg")
from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.patches import PathPatch  # noqa: E402
from matplotlib.path import Path  # noqa: E402
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter  # noqa: E402

WIDTH, HEIGHT = 360, 190
CHARACTER = 5.6  # px of a digit in the axes' font
ENGINES = ("manifolddb", "rocksdb", "lmdb", "leveldb", "sqlite", "wiredtiger", "disk")
MARKERS = dict(zip(ENGINES, "osD^vpX"))  # beside the colour: never by colour alone
_NAMES = ("ink", "dim", "line", "card", "good", "bad", "warn") + ENGINES
COLOURS = {name: f"#0{i:01x}fe{i:02x}" for i, name in enumerate(_NAMES)}
_VARIABLES = {stand_in: f"var(--{name})" for name, stand_in in COLOURS.items()}
_STAND_INS = re.compile("|".join(_VARIABLES))
INK, DIM, LINE = COLOURS["ink"], COLOURS["dim"], COLOURS["line"]

matplotlib.rcParams.update({
    "svg.fonttype": "none", "font.size": 10, "axes.edgecolor": LINE, "axes.labelcolor": DIM,
    "text.color": INK,
    "xtick.color": LINE, "ytick.color": LINE, "xtick.labelcolor": DIM, "ytick.labelcolor": DIM,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8, "axes.facecolor": "none",
    "grid.color": LINE, "grid.linewidth": 0.6, "lines.solid_capstyle": "round", "path.simplify": True,
    "path.simplify_threshold": 0.3, "xtick.major.size": 3, "ytick.major.size": 0, "axes.axisbelow": True,
})


def short(value, _=None):
    """A figure in few characters, as on an axis."""
    if value == 0:
        return "0"
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{suffix}"
    return f"{value:.3g}"


class Drawing:
    """One figure with one pair of axes; margins in px, the left one as wide as its labels."""

    def __init__(self, name, label, width=WIDTH, height=HEIGHT):
        self.name, self.label, self.width, self.height = name, label, width, height
        self.figure = Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none")
        FigureCanvasSVG(self.figure)
        self.axes = self.figure.add_axes((0.1, 0.1, 0.8, 0.8))

    def margins(self, left=40, right=10, top=10, bottom=24):
        w, h = self.width, self.height
        self.axes.set_position((left / w, bottom / h, (w - left - right) / w, (h - top - bottom) / h))

    def svg(self):
        out = io.StringIO()
        # The hash of ids is salted with the figure's name.
        with matplotlib.rc_context({"svg.hashsalt": self.name}):
            self.figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None,
                                                            "Type": None})
        text = out.getvalue()
        text = text[text.index("<svg"):]
        text = re.sub(r"<svg[^>]*>", f'<svg viewBox="0 0 {self.width} {self.height}" role="img" '
                      f'aria-label="{html.escape(self.label)}">'.replace("\\", "/"), text, count=1)
        text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
        text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
        # A style sheet in a figure would style the page.
        text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
        text = re.sub(r' transform="rotate\(-0 [^"]*"', "", text)
        text = re.sub(r"(\d\.\d\d)\d+", r"\1", text)
        text = re.sub(r' id="(?:figure|axes|patch|line2d|text|matplotlib|[xy]tick|Path|Line)[^"]*"', "", text)
        text = re.sub(r"font: ([^;\"]*?)(\d+(?:\.\d+)?px) [^;\"]+", r"font: \1\2 system-ui, sans-serif", text)
        text = re.sub(r"\s*\n\s*", " ", text)
        return _STAND_INS.sub(lambda match: _VARIABLES[match[0]], text)


def _value_axis(drawing, low, high, top=10, bottom=24, right=10):
    axes = drawing.axes
    axes.set_ylim(low, high)
    places = MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    ticks = [place for place in places if low <= place <= high]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    labels = [short(t) for t in ticks]
    axes.set_yticklabels(labels)
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    drawing.margins(left=8 + CHARACTER * max(map(len, labels), default=3),
                    right=right, top=top, bottom=bottom)


def _limits(values):
    """Limits that show the bulk; what lies far outside is marked at the edge, lest it flatten the rest."""
    ordered = sorted(values)
    n = len(ordered)
    q1, q3 = ordered[n // 4], ordered[(3 * n) // 4]
    reach = 4 * (q3 - q1) if n >= 8 and q3 > q1 else math.inf
    inside = [v for v in ordered if q1 - reach <= v <= q3 + reach]
    low, high = inside[0], inside[-1]
    pad = 0.12 * (high - low) or 0.05 * abs(high) or 1
    low = low - pad if low - pad > 0 or min(values) < 0 else 0
    return low, high + pad


def _shows_days(drawing, days, marked):
    """First, middle and last day below the axis; with one run just that."""
    axes, n = drawing.axes, len(days)
    axes.set_xlim(-0.5 - 0.01 * n, n - 0.5 + 0.01 * n)
    places = sorted({0, n // 2, n - 1}) if n > 12 else sorted({0, n - 1})
    axes.set_xticks(places)
    for tick, place in zip(axes.set_xticklabels([days[p] for p in places]), places):
        tick.set_horizontalalignment("left" if place == 0 and n > 1 else "right" if place == n - 1 and n > 1
                                     else "center")
    return marked


def trend(name, label, values, days, marks, bounds, reference=None):
    """values: one per run. marks: (index, text, "good" or "bad"). bounds: first index of each level."""
    drawing = Drawing(name, label)
    axes, n = drawing.axes, len(values)
    low, high = _limits(values)
    if reference is not None and 0.6 * min(values) < reference < 1.6 * max(values):
        low, high = min(low, reference * 0.98), max(high, reference * 1.02)
        axes.axhline(reference, color=DIM, linewidth=0.9, dashes=(4, 3))
    inside = [(i, v) for i, v in enumerate(values) if low <= v <= high]
    dots = Path([point for i, v in inside for point in ((i, v), (i + 1e-3, v))],
                [Path.MOVETO, Path.LINETO] * len(inside))
    dots.should_simplify = False
    size = 4 if n <= 100 else 2.8 if n <= 400 else 2
    # One path of many dots: as markers they would take ten times the room.
    patch = axes.add_artist(PathPatch(dots, fill=False, linewidth=size, capstyle="round", alpha=0.7,
                                      transform=axes.transData, edgecolor=COLOURS["manifolddb"]))
    patch.set_clip_path(axes.patch)
    for symbol, edge, beyond in (("v", low, [i for i, v in enumerate(values) if v < low]),
                                 ("^", high, [i for i, v in enumerate(values) if v > high])):
        if beyond:
            axes.plot(beyond, [edge] * len(beyond), linestyle="none", marker=symbol, markersize=4, color=DIM,
                      markeredgewidth=0, clip_on=False)
    edges = list(bounds) + [n]
    for begin, end in zip(edges, edges[1:]):
        level = sorted(values[begin:end])[(end - begin) // 2]
        axes.plot([begin - 0.5, end - 0.5], [level, level], color=INK, linewidth=1.8)
    _value_axis(drawing, low, high, top=12 + 13 * min(len(marks), 3))
    _shows_days(drawing, days, marks)
    span = n + 0.02 * n
    for row, (index, text, kind) in enumerate(marks):
        colour = COLOURS[kind]
        axes.axvline(index - 0.5, color=colour, linewidth=1.2)
        place = (index + 0.01 * n) / span
        width = CHARACTER * len(text) / (drawing.width - 50)
        right = place + width > 1
        axes.annotate(text, (index - 0.5, 1), xycoords=("data", "axes fraction"), textcoords="offset points",
                      xytext=(-3 if right else 3, 3 + 13 * ((len(marks) - 1 - row) % 3)),
                      horizontalalignment="right" if right else "left", color=colour, fontsize=10,
                      annotation_clip=False)
    return drawing.svg()


def _log_axis(axis, low, high):
    """Ticks at 1, 2, 5 or at powers of ten, as many as fit."""
    axis.set_minor_formatter(NullFormatter())
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [m * 10.0**e for e in exponents for m in (1, 2, 5) if low <= m * 10.0**e <= high]
    coarse = [10.0**e for e in exponents if low <= 10.0**e <= high]
    ticks = fine if len(fine) <= 5 else coarse if len(coarse) >= 2 else fine[::2]
    while len(ticks) > 6:
        ticks = ticks[::2]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(FixedLocator([]))
    axis.set_major_formatter(FuncFormatter(short))


def _by_engine(engines):
    return [engine for engine in ENGINES if engine in engines]


def latency(name, label, by_engine):
    """by_engine: engine -> {p50, p90, p99, p99_9, max}, in us. A line from the median to the slowest."""
    engines = _by_engine(by_engine)
    drawing = Drawing(name, label, height=46 + 26 * len(engines))
    axes = drawing.axes
    axes.set_xscale("log")
    figures = [v for e in engines for v in by_engine[e].values() if v > 0]
    low, high = min(figures) / 1.25, max(figures) * 1.25
    for row, engine in enumerate(engines):
        known = {q: v for q, v in by_engine[engine].items() if v > 0}
        y, colour = len(engines) - 1 - row, COLOURS[engine]
        axes.plot([min(known.values()), max(known.values())], [y, y], color=colour, linewidth=2.2, alpha=0.5)
        for quantile, marker, size in (("p50", "o", 8), ("p90", "|", 9), ("p99", "D", 5.5),
                                       ("p99_9", "s", 4.5), ("max", "x", 5)):
            if quantile in known:
                axes.plot(known[quantile], y, marker=marker, markersize=size, color=colour,
                          markeredgewidth=1.8 if marker in "|x" else 0)
    axes.set_ylim(-0.6, len(engines) - 0.4)
    axes.set_yticks(range(len(engines) - 1, -1, -1))
    axes.set_yticklabels(engines)
    axes.set_xlim(low, high)
    _log_axis(axes.xaxis, low, high)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("microseconds")
    drawing.margins(left=10 + CHARACTER * max(map(len, engines)), bottom=36, top=6, right=14)
    return drawing.svg()


def curves(name, label, by_engine, x_label, y_label="", log_y=False):
    """by_engine: engine -> [(x, y)]. Both axes from small to large; x in powers."""
    engines = _by_engine(by_engine)
    drawing = Drawing(name, label, height=210)
    axes = drawing.axes
    xs = sorted({x for e in engines for x, _ in by_engine[e]})
    ys = [y for e in engines for _, y in by_engine[e]]
    axes.set_xscale("log", base=2)
    for engine in reversed(engines):
        points = sorted(by_engine[engine])
        axes.plot(*zip(*points), color=COLOURS[engine], marker=MARKERS[engine], markersize=5, clip_on=False,
                  linewidth=2.4 if engine == "manifolddb" else 1.3, markeredgewidth=0,
                  zorder=3 if engine == "manifolddb" else 2)
    if log_y and max(ys) > 20 * max(min(ys), 1e-12):
        axes.set_yscale("log")
        low, high = min(ys) / 1.5, max(ys) * 1.5
        axes.set_ylim(low, high)
        _log_axis(axes.yaxis, low, high)
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        drawing.margins(left=40, bottom=38, top=10)
    else:
        _value_axis(drawing, 0, 1.08 * max(ys), bottom=38)
    pad = 1.12 if len(xs) > 1 else 2
    axes.set_xlim(xs[0] / pad, xs[-1] * pad)
    places = xs if len(xs) <= 6 else xs[::-(-len(xs) // 6)]
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.xaxis.set_major_formatter(FuncFormatter(short))
    axes.set_xlabel(x_label)
    return drawing.svg()


def bars(name, label, by_engine, unit=""):
    """by_engine: engine -> figure. Horizontal, each with its figure; logarithmic if they differ much."""
    engines = _by_engine(by_engine)
    drawing = Drawing(name, label, height=14 + 24 * len(engines))
    axes = drawing.axes
    top = max(by_engine.values())
    smallest = min(v for v in by_engine.values() if v > 0) if top > 0 else 1
    logarithmic = top > 20 * smallest
    begin = min(1.0, smallest) / 2 if logarithmic else 0
    if logarithmic:
        axes.set_xscale("log")
    for row, engine in enumerate(engines):
        y, value = len(engines) - 1 - row, by_engine[engine]
        axes.barh(y, max(value, begin) - begin, left=begin, height=0.6, color=COLOURS[engine])
        axes.annotate(f"{short(value)}{unit}", (max(value, begin), y), textcoords="offset points",
                      xytext=(4, 0),
                      verticalalignment="center", color=INK)
    axes.set_xlim(begin or 0, (top or 1) * 1.02)
    axes.set_ylim(-0.6, len(engines) - 0.4)
    axes.set_yticks(range(len(engines) - 1, -1, -1))
    axes.set_yticklabels(engines)
    axes.xaxis.set_major_locator(FixedLocator([]))
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.spines["bottom"].set_visible(False)
    drawing.margins(left=10 + CHARACTER * max(map(len, engines)), right=48, top=4, bottom=4)
    return drawing.svg()


def ratios(name, label, rows):
    """rows: (text, {engine: advantage}). Right of 1 we are ahead; one marker per engine."""
    drawing = Drawing(name, label, height=48 + 24 * len(rows))
    axes = drawing.axes
    axes.set_xscale("log")
    every = [value for _, by_engine in rows for value in by_engine.values()]
    low, high = min(every + [0.8]) / 1.2, max(every + [1.25]) * 1.2
    axes.axvspan(1 / 1.15, 1.15, color=LINE, alpha=0.6, linewidth=0)
    axes.axvline(1, color=DIM, linewidth=1)
    for row, (_, by_engine) in enumerate(rows):
        y = len(rows) - 1 - row
        for engine in _by_engine(by_engine):
            axes.plot(by_engine[engine], y, marker=MARKERS[engine], color=COLOURS[engine], markersize=7,
                      markeredgecolor=COLOURS["card"], markeredgewidth=0.7)
    axes.set_yticks(range(len(rows) - 1, -1, -1))
    axes.set_yticklabels([text for text, _ in rows])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlim(low, high)
    _log_axis(axes.xaxis, low, high)
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("slower   < 1 <   faster")
    drawing.margins(left=10 + CHARACTER * max(len(text) for text, _ in rows), top=6, bottom=38, right=12)
    return drawing.svg()
