"""A sweep over tokens as an SVG picture: time against the floor, both logarithmic."""

from __future__ import annotations

import math
from html import escape

from .plot import COLOURS
from .report import Report

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _FOOT = 380, 240, 58, 34, 22, 46
_FLOOR = "floor"
#: Above these, what is timed in rounds continues the curves of every method.
_ROUNDS = ""


def to_svg(report: Report) -> str:
    """A panel for each model (across) and method (down): microseconds of our kernels,
    of the quickest of each other kind of kernel and of layers, and the floor. Where
    tokens were timed in rounds too, these points continue each method's."""
    models = list(dict.fromkeys(case.model for case in report.cases))
    methods = list(dict.fromkeys(case.method for case in report.cases))
    methods = [m for m in methods if m != _ROUNDS] or methods
    panels = [
        (model, method, _curves(report.cases, model, method))
        for method in methods
        for model in models
    ]
    panels = [panel for panel in panels if panel[2]]
    names = list(dict.fromkeys(name for panel in panels for name in panel[2]))
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names) if name != _FLOOR}
    colours[_FLOOR] = "#222"
    across = max(1, min(len(models), len(panels)))
    cell = _WIDTH + _LEFT + _RIGHT, _HEIGHT + _TOP + _FOOT
    drawn = []
    for i, (model, method, curves) in enumerate(panels):
        title = f"{model}, method {method}" if method else model
        place = i % across * cell[0] + _LEFT, i // across * cell[1] + _TOP
        drawn.append(_panel(title, curves, colours, place))
    width = across * cell[0]
    below = math.ceil(len(panels) / across) * cell[1]
    legend, height = _legend(names, colours, below + 6, width)
    caption = escape(f"{report.machine.get('gpu', 'unknown GPU')}, {report.date[:10]}. ")
    caption += escape(f"Floor: {_floor_text(report)}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height + 28}" '
        f'font-family="sans-serif" font-size="11">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{"".join(drawn)}{legend}'
        f'<text x="{_LEFT}" y="{height + 14}" fill="#555">{caption}</text>\n</svg>\n'
    )


def _curves(cases, model, method):
    """name -> [(tokens, microseconds)] in order of tokens."""
    mine = [c for c in cases if c.model == model and c.method == method]
    known = {(c.batch, c.tokens) for c in mine}
    if method != _ROUNDS:
        others = (c for c in cases if c.model == model and c.method == _ROUNDS)
        mine += [c for c in others if (c.batch, c.tokens) not in known]
    curves = {}
    for case in sorted(mine, key=lambda c: c.batch * c.tokens):
        for name, seconds in _points(case):
            curves.setdefault(name, []).append((case.batch * case.tokens, seconds * 1e6))
    return curves


def _points(case):
    """(name, seconds) of a case: kernels of one kind of others are one curve."""
    found = {}
    for row in case.rows:
        if row.wrong or row.kind not in ("ours", "core", "layer"):
            continue
        name = row.name if row.kind != "core" else row.name.split()[0]
        found[name] = min(found.get(name, math.inf), row.summary.median)
    ours = next((row for row in case.rows if row.kind in ("ours", "core")), None)
    floor = case.floor(ours) if ours else None
    if floor is not None:
        found[_FLOOR] = floor
    return found.items()


def _floor_text(report):
    sources = dict.fromkeys(filter(None, map(lambda case: case.stream_source, report.cases)))
    stream = " or ".join(sources) or "nothing measured"
    return f"the weights ({stream}) or the operations at cuBLAS's rate, whichever takes longer"


def _panel(title, curves, colours, place):
    left, top = place
    points = [point for curve in curves.values() for point in curve]
    xs = _range([x for x, _ in points], 2)
    ys = _range([y for _, y in points], 10)

    def x_of(tokens):
        return left + (math.log(tokens) - xs[0]) / (xs[1] - xs[0]) * _WIDTH

    def y_of(time):
        return top + _HEIGHT - (math.log(time) - ys[0]) / (ys[1] - ys[0]) * _HEIGHT

    out = [f'<text x="{left}" y="{top - 10}" font-weight="bold">{escape(title)}</text>\n']
    for i, tick in enumerate(_ticks(xs, 2)):
        x = x_of(tick)
        out.append(_line(x, top, x, top + _HEIGHT, "#eee"))
        if i % 2 == 0:
            out.append(_text(x, top + _HEIGHT + 14, f"{tick:g}", "middle"))
    for tick in _ticks(ys, 10):
        for part in (1, 2, 5):
            y = y_of(tick * part)
            if top - 0.5 <= y <= top + _HEIGHT + 0.5:
                out.append(_line(left, y, left + _WIDTH, y, "#ddd" if part == 1 else "#f1f1f1"))
                out.append(_text(left - 6, y + 4, f"{tick * part:g}", "end"))
    out.append(_text(left + _WIDTH / 2, top + _HEIGHT + 30, "tokens", "middle"))
    out.append(_text(left - 40, top - 10, "us", "start"))
    for name, curve in curves.items():
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in curve)
        dash = ' stroke-dasharray="5 3"' if name == _FLOOR else ""
        out.append(
            f'<polyline points="{path}" fill="none" stroke="{colours[name]}" '
            f'stroke-width="1.6"{dash}/>\n'
        )
        for x, y in curve:
            label = escape(f"{title}, {name}, {x} tokens: {y:.2f} us")
            out.append(
                f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="2.2" '
                f'fill="{colours[name]}"><title>{label}</title></circle>\n'
            )
    return "".join(out)


def _range(values, base):
    """Logarithms of the powers of `base` (of 10: times 1, 2 or 5) around `values`."""
    low, high = math.log(min(values)), math.log(max(values))
    steps, unit = ([1, 2, 5] if base == 10 else [1]), math.log(base)
    powers = range(math.floor(low / unit) - 1, math.ceil(high / unit) + 2)
    marks = [math.log(step) + power * unit for power in powers for step in steps]
    first = max((m for m in marks if m <= low + 1e-9), default=marks[0])
    last = min((m for m in marks if m >= high - 1e-9 and m > first + 1e-9), default=marks[-1])
    return first, last


def _ticks(limits, base):
    """Powers of `base` in a range of logarithms, and the one below it."""
    first = math.floor(limits[0] / math.log(base) + 1e-9)
    last = math.floor(limits[1] / math.log(base) + 1e-9)
    return [base**power for power in range(first, last + 1)]


def _line(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>\n'


def _text(x, y, text, anchor):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>\n'


def _legend(names, colours, top, width):
    """(SVG text, where it ends)."""
    out, x, y = [], _LEFT, top
    for name in names:
        length = 26 + 6.5 * len(name)
        if x > _LEFT and x + length > width:
            x, y = _LEFT, y + 16
        out.append(f'<rect x="{x}" y="{y}" width="10" height="10" fill="{colours[name]}"/>\n')
        out.append(_text(x + 15, y + 9, name, "start"))
        x += length
    return "".join(out), y + 16
