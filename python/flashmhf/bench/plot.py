"""A report as an SVG picture: grouped bars, no library needed."""

from __future__ import annotations

from html import escape

from .report import Report

COLOURS = (
    "#1b6ca8",
    "#e07b39",
    "#4c9f70",
    "#b0413e",
    "#7b5ea7",
    "#8d8d8d",
    "#c9a227",
    "#3aa6a6",
)
_LEFT, _RIGHT, _TOP, _HEIGHT, _FOOT = 56, 16, 34, 220, 44
_BAR, _GAP = 13, 22


def to_svg(report: Report) -> str:
    """Two panels: rates as fractions of cuBLAS's for those who compute the operator;
    times of whole layers as multiples of ours."""
    rates = _panel_rates(report)
    layers = _panel_layers(report)
    panels = [panel for panel in (rates, layers) if panel[1]]
    drawn, top, width = [], 0, 560
    for title, groups in panels:
        body, panel_width, height = _bars(title, groups, top)
        drawn.append(body)
        width, top = max(width, panel_width), top + height
    caption = escape(f"{report.machine.get('gpu', 'unknown GPU')}, {report.date[:10]}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top + 24}" '
        f'font-family="sans-serif" font-size="11">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{"".join(drawn)}'
        f'<text x="{_LEFT}" y="{top + 14}" fill="#555">{caption}</text>\n</svg>\n'
    )


def _label(case) -> str:
    return f"{case.model} {case.tokens}"


def _panel_rates(report):
    groups = []
    for case in report.cases:
        bars = [
            (row.name, case.ratio(row))
            for row in case.rows
            if case.product and row.kind in ("ours", "core")
        ]
        if bars:
            groups.append((_label(case), bars))
    return "rate of the operator / rate of cuBLAS, 8192^3 bf16 (higher is better)", groups


def _panel_layers(report):
    groups = []
    for case in report.cases:
        rows = [row for row in case.rows if row.kind == "layer"]
        ours = next((row for row in rows if "flashmhf" in row.name), None)
        if ours and len(rows) > 1:
            base = ours.summary.median
            groups.append((_label(case), [(r.name, r.summary.median / base) for r in rows]))
    return "time of a layer / time of ours (lower is better)", groups


def _ticks(highest) -> list:
    """Round numbers from 0 to the first that is not below `highest`."""
    step = next(s for s in (0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 1e9) if highest / s <= 6)
    ticks = [0.0]
    while ticks[-1] < highest:
        ticks.append(round(ticks[-1] + step, 6))
    return ticks


def _bars(title, groups, top):
    """(SVG text, width, height) of one panel."""
    names = list(dict.fromkeys(name for _, bars in groups for name, _ in bars))
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    ticks = _ticks(max(value for _, bars in groups for _, value in bars))
    base = top + _TOP + _HEIGHT
    plot_width = sum(len(bars) * _BAR + _GAP for _, bars in groups) + _GAP

    def y(value):
        return base - value / ticks[-1] * _HEIGHT

    out = [f'<text x="{_LEFT}" y="{top + 18}" font-weight="bold">{escape(title)}</text>\n']
    for tick in ticks:
        out.append(
            f'<line x1="{_LEFT}" x2="{_LEFT + plot_width}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" '
            f'stroke="{"#bbb" if tick == 1 else "#e5e5e5"}"/>\n'
            f'<text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>\n'
        )
    x = _LEFT + _GAP
    for label, bars in groups:
        middle = x + len(bars) * _BAR / 2
        for name, value in bars:
            out.append(
                f'<rect x="{x}" y="{y(value):.1f}" width="{_BAR - 2}" '
                f'height="{base - y(value):.1f}" fill="{colours[name]}">'
                f"<title>{escape(f'{label}, {name}: {value:.3f}')}</title></rect>\n"
            )
            x += _BAR
        model, _, tokens = label.rpartition(" ")
        for line, text in enumerate((model, tokens)):
            out.append(
                f'<text x="{middle:.1f}" y="{base + 14 + 13 * line}" '
                f'text-anchor="middle">{escape(text)}</text>\n'
            )
        x += _GAP
    legend = base + _FOOT
    longest = 0
    for i, name in enumerate(names):
        left, line = _LEFT + i % 2 * 230, legend + i // 2 * 16
        out.append(
            f'<rect x="{left}" y="{line - 9}" width="10" height="10" fill="{colours[name]}"/>\n'
            f'<text x="{left + 15}" y="{line}">{escape(name)}</text>\n'
        )
        longest = max(longest, left + 15 + 7 * len(name))
    height = _TOP + _HEIGHT + _FOOT + (len(names) + 1) // 2 * 16 + 10
    return "".join(out), max(_LEFT + plot_width, longest) + _RIGHT, height
