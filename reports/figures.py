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
from matplotlib.collections import PathCollection  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.markers import MarkerStyle  # noqa: E402
from matplotlib.patches import PathPatch  # noqa: E402
from matplotlib.path import Path  # noqa: E402
from matplotlib.text import Text  # noqa: E402
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter  # noqa: E402
from matplotlib.transforms import IdentityTransform  # noqa: E402

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


def short(value, _=None, digits=3):
    """A figure in few characters, as on an axis."""
    if value == 0:
        return "0"
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.{digits}g}{suffix}"
    return f"{value:.{digits}g}"


def _labels(ticks):
    """As short as tells them apart."""
    for digits in range(3, 12):
        labels = [short(tick, digits=digits) for tick in ticks]
        if len(set(labels)) == len(labels):
            break
    return labels


def duration(us):
    """Of microseconds, in the unit that fits: 188 us, 2.83 ms, 1.2 s."""
    for unit, factor in (("us", 1), ("ms", 1e3), ("s", 1e6)):
        if us < 999.5 * factor or unit == "s":
            return f"{us / factor:.3g} {unit}"


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
        return _svg(self)


class Plain:
    """One figure without axes, in px from the lower left corner. Ticks are most of what axes cost, and trends
    are most of the figures."""

    def __init__(self, name, label, width=WIDTH, height=HEIGHT):
        self.name, self.label, self.width, self.height = name, label, width, height
        self.figure = Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none")
        self.figure.patch.set_visible(False)
        FigureCanvasSVG(self.figure)

    def lines(self, segments, colour, width, **more):
        """segments: (x, y, x, y), drawn as one path."""
        if not segments:
            return
        points = [point for x0, y0, x1, y1 in segments for point in ((x0, y0), (x1, y1))]
        path = Path(points, [Path.MOVETO, Path.LINETO] * len(segments))
        path.should_simplify = False
        self.figure.add_artist(PathPatch(path, fill=False, linewidth=width, edgecolor=colour,
                                         transform=IdentityTransform(), **more))

    def marks(self, points, colours, marker, size):
        """One collection of all markers of one shape: each by itself would cost as much as all of them."""
        style = MarkerStyle(marker)
        shape = style.get_path().transformed(style.get_transform())
        thin = not style.is_filled()
        self.figure.add_artist(PathCollection(
            (shape,), sizes=[size**2], offsets=points, offset_transform=IdentityTransform(),
            facecolors="none" if thin else colours, edgecolors=colours, linewidths=1.8 if thin else 0,
            transform=IdentityTransform()))

    def text(self, x, y, words, colour, horizontal="left", vertical="baseline"):
        self.figure.add_artist(Text(x, y, words, color=colour, horizontalalignment=horizontal,
                                    verticalalignment=vertical, transform=IdentityTransform()))

    def svg(self):
        return _svg(self)


def _svg(drawing):
    out = io.StringIO()
    # The hash of ids is salted with the figure's name.
    with matplotlib.rc_context({"svg.hashsalt": drawing.name}):
        drawing.figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None,
                                                           "Type": None})
    text = out.getvalue()
    text = text[text.index("<svg"):]
    text = re.sub(r"<svg[^>]*>", f'<svg viewBox="0 0 {drawing.width} {drawing.height}" role="img" '
                  f'aria-label="{html.escape(drawing.label)}">'.replace("\\", "/"), text, count=1)
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


def _places(low, high):
    places = MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [place for place in places if low <= place <= high]


class _Frame:
    """Where the runs of a trend are, in px."""

    def __init__(self, drawing, count, low, high, rows):
        self.ticks = _places(low, high)
        self.labels = _labels(self.ticks)
        # Two more for an M, which is wider than a figure.
        self.left, self.bottom = 10 + CHARACTER * max(map(len, self.labels), default=3), 24
        self.right, self.top = drawing.width - 10, drawing.height - 12 - 13 * min(rows, 3)
        self.low, self.high, self.count = low, high, count

    def x(self, index):
        return self.left + (index + 0.5 + 0.01 * self.count) / (1.02 * self.count) * (self.right - self.left)

    def y(self, value):
        return self.bottom + (value - self.low) / (self.high - self.low) * (self.top - self.bottom)


def _draws_frame(drawing, frame, days, reference):
    """Grid, its figures, and first, middle and last day below; with one run just that."""
    drawing.lines([(frame.left, frame.y(t), frame.right, frame.y(t)) for t in frame.ticks]
                  + [(frame.left, frame.bottom, frame.right, frame.bottom)], LINE, 0.7)
    for tick, label in zip(frame.ticks, frame.labels):
        drawing.text(frame.left - 4, frame.y(tick), label, DIM, "right", "center_baseline")
    n = len(days)
    for place in sorted({0, n // 2, n - 1}) if n > 12 else sorted({0, n - 1}):
        edge = "left" if place == 0 and n > 1 else "right" if place == n - 1 and n > 1 else "center"
        at = {"left": frame.left, "right": frame.right}.get(edge, frame.x(place))
        drawing.text(at, 7, days[place], DIM, edge)
    if reference is not None:
        drawing.lines([(frame.left, frame.y(reference), frame.right, frame.y(reference))], DIM, 0.9,
                      linestyle=(0, (4, 3)))


def _draws_marks(drawing, frame, marks):
    """Change points, the newest named lowest, each beside its line where there is room."""
    for row, (index, text, kind) in enumerate(marks):
        x, colour = frame.x(index - 0.5), COLOURS[kind]
        drawing.lines([(x, frame.bottom, x, frame.top)], colour, 1.2)
        right = x + 3 + CHARACTER * 1.06 * len(text) > drawing.width
        y = frame.top + 3 + 13 * ((len(marks) - 1 - row) % 3)
        drawing.text(x + (-3 if right else 3), y, text, colour, "right" if right else "left")


def trend(name, label, values, days, marks, bounds, reference=None):
    """values: one per run. marks: (index, text, "good" or "bad"). bounds: first index of each level."""
    drawing, n = Plain(name, label), len(values)
    low, high = _limits(values)
    if reference is not None and 0.6 * min(values) < reference < 1.6 * max(values):
        low, high = min(low, reference * 0.98), max(high, reference * 1.02)
    else:
        reference = None
    frame = _Frame(drawing, n, low, high, len(marks))
    _draws_frame(drawing, frame, days, reference)
    dots = [(frame.x(i), frame.y(v)) for i, v in enumerate(values) if low <= v <= high]
    size = 6 if n <= 30 else 4 if n <= 100 else 2.8 if n <= 400 else 2
    # One path of many dots: as markers they would take ten times the room.
    drawing.lines([(x, y, x + 0.01, y) for x, y in dots], COLOURS["manifolddb"], size, capstyle="round",
                  alpha=0.7)
    for up, edge, beyond in ((-4, low, [i for i, v in enumerate(values) if v < low]),
                             (4, high, [i for i, v in enumerate(values) if v > high])):
        y = frame.y(edge)
        drawing.lines([line for i in beyond for line in ((frame.x(i) - 2, y, frame.x(i), y + up),
                                                         (frame.x(i), y + up, frame.x(i) + 2, y))], DIM, 1.2)
    edges = list(bounds) + [n]
    levels = [(begin, end, frame.y(sorted(values[begin:end])[(end - begin) // 2]))
              for begin, end in zip(edges, edges[1:])]
    drawing.lines([(frame.x(begin - 0.5), y, frame.x(end - 0.5), y) for begin, end, y in levels], INK, 1.8)
    _draws_marks(drawing, frame, marks)
    return drawing.svg()


def _log_ticks(low, high):
    """1, 2, 5 or powers of ten, as many as fit."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [m * 10.0**e for e in exponents for m in (1, 2, 5) if low <= m * 10.0**e <= high]
    coarse = [10.0**e for e in exponents if low <= 10.0**e <= high]
    ticks = fine if len(fine) <= 5 else coarse if len(coarse) >= 2 else fine[::2]
    while len(ticks) > 6:
        ticks = ticks[::2]
    return ticks


def _log_axis(axis, low, high):
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_locator(FixedLocator(_log_ticks(low, high)))
    axis.set_minor_locator(FixedLocator([]))
    axis.set_major_formatter(FuncFormatter(short))


def _by_engine(engines):
    return [engine for engine in ENGINES if engine in engines]


QUANTILES = (("p50", "o", 8), ("p90", "|", 9), ("p99", "D", 5.5), ("p99_9", "s", 4.5), ("max", "x", 5))


def latency(name, label, by_engine):
    """by_engine: engine -> {p50, p90, p99, p99_9, max}, in us. A line from the median to the slowest."""
    engines = _by_engine(by_engine)
    drawing = Plain(name, label, height=46 + 26 * len(engines))
    known = {engine: {q: v for q, v in by_engine[engine].items() if v and v > 0} for engine in engines}
    every = [v for found in known.values() for v in found.values()]
    low, high = math.log(min(every) / 1.25), math.log(max(every) * 1.25)
    left, right, bottom = 10 + CHARACTER * max(map(len, engines)), drawing.width - 14, 36

    def x(value):
        return left + (math.log(value) - low) / (high - low) * (right - left)

    y = {engine: drawing.height - 19 - 26 * row for row, engine in enumerate(engines)}
    ticks = _log_ticks(math.exp(low), math.exp(high))
    drawing.lines([(x(t), bottom, x(t), drawing.height - 6) for t in ticks] + [(left, bottom, right, bottom)],
                  LINE, 0.7)
    for tick in ticks:
        drawing.text(x(tick), bottom - 13, short(tick), DIM, "center")
    drawing.text((left + right) / 2, 6, "microseconds", DIM, "center")
    for engine in engines:
        drawing.text(left - 6, y[engine], engine, DIM, "right", "center_baseline")
        at = known[engine].values()
        drawing.lines([(x(min(at)), y[engine], x(max(at)), y[engine])], COLOURS[engine], 2.2, alpha=0.5)
    for quantile, marker, size in QUANTILES:
        having = [engine for engine in engines if quantile in known[engine]]
        if having:
            drawing.marks([(x(known[e][quantile]), y[e]) for e in having], [COLOURS[e] for e in having],
                          marker, size)
    return drawing.svg()


class _Scale:
    """Values to px, linear or logarithmic."""

    def __init__(self, low, high, begin, end, linear):
        self.linear, self.begin, self.end = linear, begin, end
        self.low, self.high = (low, high) if linear else (math.log(low), math.log(high))

    def __call__(self, value):
        at = value if self.linear else math.log(value)
        return self.begin + (at - self.low) / ((self.high - self.low) or 1) * (self.end - self.begin)


def _apart(values, scale):
    """Those of the values whose labels do not touch; the last one always."""
    room = CHARACTER * (max(len(short(x)) for x in values) + 2)
    kept = [values[-1]]
    for x in reversed(values[:-1]):
        if scale(kept[-1]) - scale(x) >= room:
            kept.append(x)
    return kept[::-1]


def _value_scale(drawing, values, log_y):
    """The scale of y, its ticks, the room that their labels take; logarithmic if the values differ much."""
    linear = not (log_y and max(values) > 20 * min(values))
    low, high = (0, 1.08 * max(values)) if linear else (min(values) / 1.5, max(values) * 1.5)
    ticks = _places(low, high) if linear else _log_ticks(low, high)
    left = 8 + CHARACTER * max((len(short(t)) for t in ticks), default=3)
    return _Scale(low, high, 38, drawing.height - 10, linear), ticks, left


def curves(name, label, by_engine, x_label, log_y=False, linear=False):
    """by_engine: engine -> [(x, y)], all above 0. Axes go from small to large; x in powers unless linear."""
    engines = _by_engine(by_engine)
    drawing = Plain(name, label, height=210)
    xs = sorted({x for e in engines for x, _ in by_engine[e]})
    y, ticks, left = _value_scale(drawing, [y for e in engines for _, y in by_engine[e]], log_y)
    x = _Scale(xs[0], xs[-1], left + 10, drawing.width - 18, linear)
    drawing.lines([(left, y(t), drawing.width - 8, y(t)) for t in ticks]
                  + [(left, 38, drawing.width - 8, 38)], LINE, 0.7)
    for tick in ticks:
        drawing.text(left - 4, y(tick), short(tick), DIM, "right", "center_baseline")
    # Figures at the places that were measured; where each engine has its own, at round ones.
    alike = linear or all(xs == sorted(at for at, _ in by_engine[e]) for e in engines)
    for place in _apart(xs if alike else _log_ticks(xs[0], xs[-1]) or xs, x):
        drawing.text(x(place), 24, short(place), DIM, "center")
    drawing.text((left + drawing.width) / 2, 6, x_label, DIM, "center")
    for row, engine in enumerate(reversed(engines)):  # ours last, above the others
        points = [(x(at), y(value)) for at, value in sorted(by_engine[engine])]
        every = max(len(points) // 6, 1)  # markers enough to tell the lines apart, at places of their own
        colour = COLOURS[engine]
        drawing.lines([(*a, *b) for a, b in zip(points, points[1:])], colour,
                      2.4 if engine == "manifolddb" else 1.3)
        drawing.marks(points[row % every::every], [colour], MARKERS[engine], 5)
    return drawing.svg()


def bars(name, label, by_engine, unit=""):
    """by_engine: engine -> figure. Horizontal, each with its figure; logarithmic if they differ much."""
    engines = _by_engine(by_engine)
    drawing = Plain(name, label, height=14 + 24 * len(engines))
    top = max(by_engine.values()) or 1
    smallest = min((v for v in by_engine.values() if v > 0), default=1)
    logarithmic = top > 20 * smallest
    begin = math.log(min(1.0, smallest) / 2) if logarithmic else 0
    end = math.log(top) if logarithmic else top
    left = 10 + CHARACTER * max(map(len, engines))
    room = drawing.width - left - 60
    for row, engine in enumerate(engines):
        y, value = drawing.height - 17 - 24 * row, by_engine[engine]
        share = ((math.log(value) if value > 0 else begin) if logarithmic else value) - begin
        until = left + max(share / (end - begin) * room, 1)
        drawing.lines([(left, y, until, y)], COLOURS[engine], 13, capstyle="butt")
        drawing.text(left - 6, y, engine, DIM, "right", "center_baseline")
        drawing.text(until + 4, y, f"{short(value)}{unit}", INK, "left", "center_baseline")
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
