"""Ways to time calls that last microseconds: they differ by 40%, so each has a name.

W: 256 MB are written, then one call, a graph of its own, between two events.
R: 256 MB are read instead: L2 is cold and clean.
C: a graph of back-to-back calls whose weights rotate over 330 MB, so that they are
   cold; the time of one. What decoding is like.
P: C with programmatic dependent launch: a kernel requests its weights while the one
   in front of it ends.

Whoever reads the weights and does nothing else, timed in the same way, is the floor,
or the operations at cuBLAS's rate where that takes longer.
"""

from __future__ import annotations

from .stats import speedup

METHODS = "WRCP"
#: Those that time one call at a time.
SINGLE = "WR"


def parse(text: str) -> str:
    """Of --method: "R,C,P". Raises ValueError."""
    methods = [word.strip() for word in text.split(",")]
    for method in methods:
        if len(method) != 1 or method not in METHODS:
            raise ValueError(f"--method has {method!r}, known are {', '.join(METHODS)}")
    return "".join(dict.fromkeys(methods))


def table(cases) -> str:
    """The cases of one model and one number of tokens, a column for each method:
    microseconds and the floor as a percentage of them."""
    first = cases[0]
    names = list(dict.fromkeys(row.name for case in cases for row in case.rows))
    width = max([24, *(len(name) for name in names)])
    sets = max(case.sets for case in cases)
    lines = [
        f"{first.model}, {first.tokens} tokens, B = {first.batch}, {first.problem['dtype']}, "
        f"{sets} sets of weights",
        " " * width + "".join(f"{case.method + ' us':>11}     %" for case in cases) + "      error",
    ]
    for name in names:
        rows = [case.find(name) for case in cases]
        cells = [_cell(case, row) for case, row in zip(cases, rows)]
        errors = [row.error for row in rows if row and row.error is not None]
        line = f"{name:{width}}{''.join(cells)}"
        if errors:
            line += f"  {max(errors):9.2e}" + (" WRONG" if any(r and r.wrong for r in rows) else "")
        lines.append(line)
    lines += [f"  {line}" for case in cases for line in _versus(case)]
    notes = dict.fromkeys(note for case in cases for note in case.notes)
    return "\n".join([*lines, *(f"  note: {note}" for note in notes)])


def _cell(case, row):
    if row is None:
        return " " * 17
    floor = case.floor(row) if row.kind in ("ours", "core") else None
    percent = "" if floor is None else f"{100 * floor / row.summary.median:.0f}"
    return f"{row.summary.median * 1e6:11.2f} {percent:>5}"


def _versus(case) -> list:
    """What the first kernel of ours takes beside the quickest of each other kind of
    kernel, and our layer beside the quickest other."""
    ours = next((row for row in case.rows if row.kind == "ours"), None)
    layers = [row for row in case.rows if row.kind == "layer" and not row.wrong]
    own = next((row for row in layers if "flashmhf" in row.name), None)
    kinds, rivals = {}, {}
    for row in case.rows:
        if row.kind == "core" and not row.wrong:
            kinds.setdefault(row.name.split()[0], []).append(row)
    if len(layers) > 1:
        rivals[""] = [row for row in layers if row is not own]
    return list(filter(None, [_compare(case, ours, kinds), _compare(case, own, rivals)]))


def _compare(case, ours, groups):
    """How much faster than the quickest of each group, "" where there is none."""
    texts = []
    for rows in groups.values() if ours else ():
        row = min(rows, key=lambda row: row.summary.median)
        gain, uncertainty = speedup(ours.seconds, row.seconds)
        texts.append(f"than {row.name} by {gain * 100:+.1f}+-{uncertainty * 100:.1f}%")
    return f"{case.method}: {ours.name} is faster {', '.join(texts)}" if texts else ""
