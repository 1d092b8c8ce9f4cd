"""The ledger: which configuration was found right on a GPU, with which PTX.

A JSON file, a list with one row a line:
    config        the case's name; problem, batch, tokens, layout and so on repeat it,
                  given_schedule the schedule that it asks for, max_variants how many
                  kernels the artifact may hold, and programmatic, if it does
    schedule      text of the schedule of the kernel that was launched
    ptx_sha256    of the canonical PTX, see `canonical_ptx`
    gpu, driver   what it ran on
    error         relative Frobenius error against float64
    tflops        of the kernel; cublas_tflops: of a bf16 8192^3 matrix product in
    ratio         the same run; ratio: one over the other
    date, seed    of the run
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import os
import re

from .. import jsonfile
from ..bench.schedules import schedule_at
from ..compiler import compile
from ..problem import Problem


def canonical_ptx(ptx: str) -> str:
    """The PTX without comments, blank lines and white space at line ends."""
    lines = (re.sub(r"\s*//.*$", "", line).rstrip() for line in ptx.splitlines())
    return "".join(line + "\n" for line in lines if line.strip())


def ptx_hash(ptx: str) -> str:
    """sha256 of the canonical PTX, in hexadecimal."""
    return hashlib.sha256(canonical_ptx(ptx).encode()).hexdigest()


def compile_build(build, emit):
    """The artifact of a case.Build."""
    problem, options = arguments(build)
    return compile(*problem, emit=emit, **options)


def arguments(build) -> tuple:
    """What `compile` and its like take for a case.Build: positional, by name."""
    given = dict(schedule=build.schedule)
    options = given if build.schedule else dict(max_variants=build.max_variants)
    if build.programmatic:
        options["programmatic"] = True
    if isinstance(build.problem, Problem):
        return (build.problem,), options
    return (), dict(source=build.problem.source(), **options)


def sizes(batch, tokens, layout) -> tuple:
    """(B, L) as kernels for any sizes see them: 1 and B * L where a batch lies as one
    sequence in memory."""
    if tokens == 1 or layout == "tokens":
        return 1, batch * tokens
    return batch, tokens


def taken_schedule(choice, case) -> str:
    """Of what `explain` says of a case's build, the schedule for the case's sizes."""
    return schedule_at(choice, *sizes(case.batch, case.tokens, case.layout))


def compile_all(builds, make):
    """build -> make(build), for distinct builds of cases, on every core. Where it
    raises, the exception stands in the result's place."""

    def attempt(build):
        try:
            return make(build)
        except Exception as error:  # reported beside the configuration
            return error

    distinct = list(dict.fromkeys(builds))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(distinct, pool.map(attempt, distinct)))


def describe(case) -> dict:
    """What a row repeats of its case."""
    given = dict(given_schedule=case.schedule) if case.schedule else {}
    build = case.build
    if build.max_variants > 1:
        given["max_variants"] = build.max_variants
    if build.programmatic:
        given["programmatic"] = True
    return dict(
        problem=case.problem.asdict(),
        batch=case.batch,
        tokens=case.tokens,
        layout=case.layout,
        weights=case.weights,
        padded=case.padded,
        scaled=case.scaled,
        **given,
    )


def read(path) -> dict:
    """config -> row. A file that is not there is an empty ledger. Raises ValueError for
    what is none."""
    rows = jsonfile.read(path)
    if rows is None:
        return {}
    if not isinstance(rows, list) or not all(isinstance(r, dict) and "config" in r for r in rows):
        raise ValueError(f"{path} is not a ledger: it must be a list of rows with a config")
    return {row["config"]: row for row in rows}


def write(path, rows: dict, cases) -> None:
    """Writes the rows in the order of `cases`; a row of no case is dropped."""
    ordered = [rows[case.name] for case in cases if case.name in rows]
    text = ",\n".join(json.dumps(row) for row in ordered)
    jsonfile.write(path, f"[\n{text}\n]\n" if ordered else "[]\n")


def stale(rows: dict, cases) -> dict:
    """config -> why the ledger does not vouch for it: never validated, another
    PTX, another case of that name, no longer compiled, or no such case."""
    known = [c for c in cases if c.name in rows]
    hashes = compile_all([c.build for c in known], lambda b: ptx_hash(compile_build(b, "ptx").ptx))
    found = {c.name: "never validated" for c in cases if c.name not in rows}
    for case in known:
        row = rows[case.name]
        now = hashes[case.build]
        if {key: row.get(key) for key in describe(case)} != describe(case):
            found[case.name] = "the configuration of that name was another one"
        elif isinstance(now, Exception):
            found[case.name] = f"does not compile: {now}"
        elif row["ptx_sha256"] != now:
            found[case.name] = f"PTX changed since {row['date']}: {now[:12]}"
        elif not row["error"] <= case.limit:
            found[case.name] = f"error {row['error']:.3g} is above {case.limit:.3g}"
    names = {c.name for c in cases}
    found.update({name: "no such configuration" for name in rows if name not in names})
    return found
