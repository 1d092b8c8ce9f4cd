"""What came out, as a table and as JSON that reads back."""

from __future__ import annotations

import dataclasses
import json
import math

from ..problem import Problem
from .models import weight_bytes
from .stats import speedup, summarize

VERSION = 1
#: What an entry of the kind "copy" moves: as many bytes read as written.
COPIED_BYTES = 2 << 30


@dataclasses.dataclass
class Row:
    """An entry of a case. seconds: of one call, a number for each round. error:
    relative, against float64, None where there is nothing to check; limit: what it may
    be, None for anything."""

    name: str
    kind: str
    flops: float
    seconds: list
    error: float | None
    limit: float | None = None
    note: str = ""

    @property
    def summary(self):
        return summarize(self.seconds)

    @property
    def tflops(self) -> float:
        return self.flops / self.summary.median / 1e12

    @property
    def wrong(self) -> bool:
        return self.limit is not None and not self.error <= self.limit


@dataclasses.dataclass
class Case:
    """A model at some tokens. `problem`: Problem.asdict(). `sets`: of operands.
    `method`: of `methods`, "" for rounds of 25 ms. `notes`: why something is missing.
    `failed`: our kernels that are, since they were not built or did not write their
    output."""

    model: str
    problem: dict
    batch: int
    tokens: int
    sets: int
    rows: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    failed: list = dataclasses.field(default_factory=list)
    method: str = ""

    def find(self, name):
        """The row of that name, or None."""
        return next((row for row in self.rows if row.name == name), None)

    @property
    def product(self):
        """The row of the cuBLAS product, or None."""
        return next((row for row in self.rows if row.kind == "product"), None)

    def ratio(self, row):
        """The row's rate over that of the product in the same rounds, or None."""
        return row.tflops / self.product.tflops if self.product and row.flops else None

    @property
    def _stream(self):
        """(seconds that reading the weights takes, how that is known), or None."""
        rows = [row for row in self.rows if row.kind == "floor"]
        if rows:
            best = min(rows, key=lambda row: row.summary.median)
            return best.summary.median, f"read by {best.name.split()[0]}"
        copy = next((row for row in self.rows if row.kind == "copy"), None)
        if copy is None:
            return None
        weights = weight_bytes(Problem(**self.problem))
        return weights / COPIED_BYTES * copy.summary.median, "at the rate of a copy"

    @property
    def stream_source(self) -> str:
        """How the time that the weights take at least is known, "" where it is not."""
        return self._stream[1] if self._stream else ""

    def floor(self, row):
        """Seconds that the row's work takes at least: reading the weights, as the
        library's kernel does or else at the rate of a copy, or, if that takes longer,
        its operations at the product's rate. None where the weights' time was not
        measured."""
        if not self._stream:
            return None
        rate = self.product.flops / self.product.summary.median if self.product else math.inf
        return max(self._stream[0], row.flops / rate)


@dataclasses.dataclass
class Report:
    """A run. `machine` names GPU, driver and versions; `date` is ISO 8601."""

    date: str
    machine: dict
    settings: dict
    cases: list = dataclasses.field(default_factory=list)

    def add(self, case) -> None:
        """Takes a case in, in the place of an older one of the same sizes."""

        def key(c):
            return c.model, c.problem, c.batch, c.tokens, c.method

        self.cases = [c for c in self.cases if key(c) != key(case)] + [case]

    @property
    def wrong(self) -> list:
        """(case, row) of the results that are not right."""
        return [(case, row) for case in self.cases for row in case.rows if row.wrong]


def table(case: Case) -> str:
    """The case as text, the rows in the order of the entries."""
    dtype = case.problem["dtype"]
    head = f"{case.model}, {case.tokens} tokens, B = {case.batch}, {dtype}, {case.sets} sets"
    width = max([24, *(len(row.name) for row in case.rows)])
    lines = [
        head,
        f"{'':{width}}         us     +-%  TFLOP/s  /cuBLAS     vs first      error",
    ]
    first = case.rows[0] if case.rows else None
    for row in case.rows:
        s = row.summary
        ratio = case.ratio(row)
        line = f"{row.name:{width}} {s.median * 1e6:10.1f} {s.spread * 100:7.1f} {row.tflops:8.1f}"
        line += f" {ratio:8.3f}" if ratio is not None else " " * 9
        line += f" {_versus(row, first):>12}  {row.error:9.2e}"
        lines.append(line + (" WRONG" if row.wrong else ""))
    lines += [f"  note: {note}" for note in case.notes]
    return "\n".join(lines)


def _versus(row, first):
    """How much faster than the first row, where both do the same work."""
    if row is first or row.flops != first.flops:
        return ""
    gain, uncertainty = speedup(row.seconds, first.seconds)
    return f"{gain * 100:+.1f}+-{uncertainty * 100:.1f}%"


def markdown(report: Report) -> str:
    """The report as a table: a line a case, a column an entry, microseconds and, for
    the operator itself, the rate as a fraction of cuBLAS's."""
    kinds = ("product", "copy")
    rows = [row for case in report.cases for row in case.rows if row.kind not in kinds]
    names = list(dict.fromkeys(row.name for row in rows))
    lines = [
        "| model | tokens | " + " | ".join(names) + " |",
        "|---|---:|" + "---:|" * len(names),
    ]
    for case in report.cases:
        cells = [_cell(case, case.find(name)) for name in names]
        lines.append(f"| {case.model} | {case.tokens} | " + " | ".join(cells) + " |")
    machine = ", ".join(
        f"{key} {machine_value}" if key != "gpu" else str(machine_value)
        for key, machine_value in report.machine.items()
        if key in ("gpu", "driver", "torch")
    )
    products = [case.product.tflops for case in report.cases if case.product]
    about = f"{machine}, {report.date[:10]}. Median microseconds of {report.settings['rounds']} "
    about += "shuffled rounds"
    if report.settings.get("lead"):
        about += f", each behind {report.settings['lead'] * 1e3:.0f} ms of the same"
    if products:
        about += (
            "; in brackets the rate as a fraction of that of cuBLAS, bf16 8192^3, in the same "
            f"rounds ({min(products):.0f} to {max(products):.0f} TFLOP/s)"
        )
    return "\n".join([about + ".", "", *lines]) + "\n"


def _cell(case, row):
    if row is None:
        return ""
    text = f"{row.summary.median * 1e6:.1f}"
    ratio = case.ratio(row) if row.kind in ("ours", "core") else None
    text += f" ({ratio:.3f})" if ratio is not None else ""
    return f"{text} wrong" if row.wrong else text


def to_json(report: Report) -> str:
    """The report as JSON: the fields of the classes above, and what follows from
    them for those who only read: microseconds, spread, TFLOP/s, ratio."""
    data = dict(version=VERSION, **dataclasses.asdict(report))
    for case, written in zip(report.cases, data["cases"]):
        if case.stream_source:
            written["stream_source"] = case.stream_source
        for row, out in zip(case.rows, written["rows"]):
            out["microseconds"] = round(row.summary.median * 1e6, 3)
            out["spread"] = round(row.summary.spread, 5)
            out["tflops"] = round(row.tflops, 2)
            if case.product and row.flops:
                out["ratio"] = round(case.ratio(row), 4)
            floor = case.floor(row) if row.kind in ("ours", "core") else None
            if floor is not None:
                out["of_floor"] = round(floor / row.summary.median, 4)
    # A line for a row: short enough to read, and to compare with an older report.
    cases = []
    for case in data.pop("cases"):
        rows = ",\n   ".join(json.dumps(row) for row in case.pop("rows"))
        cases.append(f'{{{json.dumps(case)[1:-1]},\n  "rows": [\n   {rows}]}}')
    body = ",\n ".join(cases)
    return f'{{{json.dumps(data)[1:-1]},\n "cases": [\n {body}]}}\n'


def from_json(text: str) -> Report:
    """The report that to_json wrote. Raises ValueError for anything else."""
    try:
        data = json.loads(text)
        if data.pop("version") != VERSION:
            raise ValueError(f"not of version {VERSION}")
        cases = [_case(case) for case in data.pop("cases")]
        return Report(cases=cases, **data)
    except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"not a report of flashmhf bench: {error!r}") from None


def _case(data):
    fields = {f.name for f in dataclasses.fields(Row)}
    rows = [Row(**{k: v for k, v in row.items() if k in fields}) for row in data.pop("rows")]
    data.pop("stream_source", None)
    return Case(rows=rows, **data)
