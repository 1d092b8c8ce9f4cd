"""What the compiler takes for a shape, besides the model's pick for its exact size."""

from __future__ import annotations

import os
import statistics
import tempfile

from .. import native
from ..bench.schedules import schedule_at, start_early
from ..compiler import Artifact, explain
from . import database
from .candidates import Candidate


def _at(found, shape, early):
    """The schedule of a program for any count, of what `explain` says of it."""
    schedule = schedule_at(found, shape.batch, shape.tokens)
    return start_early(shape.problem, schedule) if early else schedule


def add_model(shapes, gpu, early=False) -> None:
    """Makes what a program for any number of tokens takes a candidate of each shape.
    The shapes are of one problem."""
    found = explain(shapes[0].problem, gpu=gpu, tuned=False, runners_up=0)
    for shape in shapes:
        schedule = _at(found, shape, early)
        shape.choices["model, any count"] = schedule
        if schedule not in {c.schedule for c in shape.candidates}:
            said = explain(shape.sized, gpu=gpu, schedule=schedule, runners_up=0)
            predicted = said.get("predicted", {}).get("microseconds", float("inf"))
            shape.candidates.append(Candidate(schedule, predicted))


def by_database(shapes, gpu, entries, early=False) -> list:
    """For each shape name -> schedule that is taken where there are these entries."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "tuned.json")
        database.write(path, entries)
        options = dict(gpu=gpu, database=path, runners_up=0)
        anything = explain(shapes[0].problem, **options)
        chosen = []
        for shape in shapes:
            exact = explain(shape.sized, **options)["schedule"]
            exact = start_early(shape.problem, exact) if early else exact
            names = {"database": exact, "database, any count": _at(anything, shape, early)}
            chosen.append(names)
    return chosen


def measure(result, chosen, built, meter, settings) -> None:
    """Adds what `chosen` says to a tuner.Result. What its finalists lack is timed beside
    the best of them: `built` and `meter` as for tuner.tune, which may be None where
    nothing is missing."""
    result.choices = {**result.choices, **chosen}
    missing = []
    for schedule in dict.fromkeys(chosen.values()):
        if schedule in result.times or schedule in result.wrong:
            continue
        try:
            if not isinstance(built[schedule], Artifact):
                raise ValueError(built[schedule])
            meter.check(built[schedule])
            missing.append(schedule)
        except (ArithmeticError, ValueError, native.FlashmhfError) as reason:
            result.wrong[schedule] = str(reason)
    if not missing:
        return
    best = result.best
    samples = meter.time(
        [built[s] for s in [best, *missing]], settings.final_rounds, settings.final_budget
    )
    base, *others = (statistics.median(seconds) for seconds in samples)
    for schedule, seconds in zip(missing, others):
        result.times[schedule] = result.times[best] * seconds / base
