"""How far the predicted time of a kernel is from the measured one.

The prediction is that of `compile(emit="timeline")`: one block emulated, its events
timed with a table of costs. The measured times are the ledger's.
"""

from __future__ import annotations

import re

import numpy as np

from ..compiler import compile
from ..problem import Problem
from . import ledger as ledgers


def predict(row) -> float:
    """Microseconds that the configuration of a ledger's row is predicted to take,
    with the schedule of that row."""
    batch, tokens = ledgers.sizes(row["batch"], row["tokens"], row.get("layout"))
    problem = Problem(**{**row["problem"], "batch": batch, "tokens": tokens})
    text = compile(problem, emit="timeline", schedule=row["schedule"]).text
    return float(re.search(r"all: ([\d.]+) us", text)[1])


def table(path) -> list:
    """(configuration, predicted, measured) of every row of the operator that was timed,
    in the order of the ledger; microseconds."""
    rows = [
        row
        for row in ledgers.read(path).values()
        if "microseconds" in row and "subnetworks" in row["problem"]
    ]
    return [(row["config"], predict(row), row["microseconds"]) for row in rows]


def errors(rows) -> np.ndarray:
    """Predicted over measured, less 1, of what `table` gave."""
    return np.array([predicted / measured - 1 for _, predicted, measured in rows])


def markdown(rows) -> str:
    """The table as text, with a line that sums it up."""
    found = errors(rows)
    worst = int(np.abs(found).argmax())
    lines = ["| configuration | predicted, us | measured, us | error |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {predicted:.1f} | {measured:.1f} | {error:+.0%} |"
        for (name, predicted, measured), error in zip(rows, found)
    ]
    rms = np.sqrt((found**2).mean())
    return (
        f"{len(rows)} configurations: error {rms:.1%} (root mean square), "
        f"{found.mean():+.1%} on average, at worst {found[worst]:+.1%} ({rows[worst][0]}).\n\n"
        + "\n".join(lines)
        + "\n"
    )


def run(ledger) -> int:
    """Prints the table of a ledger."""
    rows = table(ledger)
    if not rows:
        print(f"{ledger} has no measured times")
        return 1
    print(markdown(rows), end="")
    return 0
