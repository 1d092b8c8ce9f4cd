"""What the compiler takes for a shape, besides the model's pick for its exact size."""

from __future__ import annotations

import math
import os
import statistics
import tempfile

from .. import native
from ..bench.schedules import schedule_at
from ..compiler import Artifact, explain
from . import database
from .candidates import Candidate


def add_model(shapes, gpu, early=False, general_from=math.inf) -> None:
    """Makes what a program for any number of tokens takes a candidate of each shape,
    and of those of `general_from` tokens and more the one kernel that it would have
    for many, so that all of them have one that is timed. The shapes are of one problem.
    `early`: see candidates.find."""
    options = dict(gpu=gpu, tuned=False, programmatic=early, runners_up=0)
    found = explain(shapes[0].problem, **options)
    for shape in shapes:
        schedule = schedule_at(found, shape.batch, shape.tokens)
        shape.choices["model, any count"] = schedule
        _add_candidate(shape, schedule, gpu)
        if shape.batch * shape.tokens >= general_from:
            shape.also.append(found["schedule"])
            _add_candidate(shape, found["schedule"], gpu)


def _add_candidate(shape, schedule, gpu):
    if schedule in {c.schedule for c in shape.candidates}:
        return
    said = explain(shape.sized, gpu=gpu, schedule=schedule, runners_up=0)
    predicted = said.get("predicted", {}).get("microseconds", math.inf)
    shape.candidates.append(Candidate(schedule, predicted))


def by_database(shapes, gpu, entries, early=False) -> list:
    """For each shape name -> schedule that is taken where there are these entries."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "tuned.json")
        database.write(path, entries)
        options = dict(gpu=gpu, database=path, programmatic=early, runners_up=0)
        anything = explain(shapes[0].problem, **options)
        return [
            {
                "database": explain(shape.sized, **options)["schedule"],
                "database, any count": schedule_at(anything, shape.batch, shape.tokens),
            }
            for shape in shapes
        ]


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
        [built[s] for s in [best, *missing]],
        settings.final_rounds,
        settings.final_budget,
        settings.final_lead,
    )
    base, *others = (statistics.median(seconds) for seconds in samples)
    for schedule, seconds in zip(missing, others):
        result.times[schedule] = result.times[best] * seconds / base
