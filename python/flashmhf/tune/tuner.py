"""What is compiled and measured in which order, and what follows from it."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import math
import os
import statistics
from typing import Callable, Optional

from .. import native
from ..compiler import Artifact, compile


@dataclasses.dataclass(frozen=True)
class Settings:
    """rounds, budget: of the first look at every candidate; final_rounds,
    final_budget: of the finalists, which are at most `finalists` and within `near`
    of the best. Budgets are seconds of a candidate in a round, final_lead seconds in
    front of a finalist's, see rounds.run_rounds. margin: what another
    schedule must gain over the model's pick to be kept instead. general_from: the
    tokens from which on a shape counts for kernels that take any number."""

    rounds: int = 3
    budget: float = 0.003
    finalists: int = 6
    near: float = 1.04
    final_rounds: int = 11
    final_budget: float = 0.008
    final_lead: float = 0.0
    margin: float = 0.01
    general_from: int = 4096


@dataclasses.dataclass
class Result:
    """Of a shape. times: schedule -> median seconds of the finalists; wrong:
    schedule -> why it is out. choices: name -> schedule that something besides the
    model would take, measured with the finalists. first: schedule -> median seconds of
    the first look at every candidate."""

    shape: object
    times: dict
    wrong: dict
    kept: str
    measured: int
    choices: dict = dataclasses.field(default_factory=dict)
    first: dict = dataclasses.field(default_factory=dict)

    @property
    def pick(self) -> str:
        """The model's schedule."""
        return self.shape.candidates[0].schedule

    @property
    def best(self) -> str:
        return min(self.times, key=self.times.get)

    @property
    def loss(self) -> Optional[float]:
        """How much longer the model's pick takes than the best found; None where
        the pick is wrong."""
        if self.pick not in self.times:
            return None
        return self.times[self.pick] / self.times[self.best] - 1


def build(problem, schedules, image=None, advance: Callable = lambda: None) -> dict:
    """schedule -> Artifact, or the error's text, on all cores. `image`: "ptx",
    "cubin", or None for a cubin where there is a ptxas. A kernel that ptxas spills
    or serialises is an error."""

    def one(schedule):
        def make(emit):
            return compile(problem, emit=emit, schedule=schedule, ptxas_policy="error")

        try:
            if image is not None:
                return make(image)
            try:
                return make("cubin")
            except native.FlashmhfError as error:
                if error.status != "unavailable":
                    raise
            return make("ptx")
        except native.FlashmhfError as error:
            return str(error)

    built = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = {pool.submit(one, schedule): schedule for schedule in schedules}
        for done in concurrent.futures.as_completed(waiting):
            built[waiting[done]] = done.result()
            advance()
    return built


def keep(pick: str, times: dict, margin: float) -> str:
    """The schedule to keep: the fastest, or the pick where that gains too little."""
    best = min(times, key=times.get)
    if pick in times and times[best] * (1 + margin) > times[pick]:
        return pick
    return best


def tune(shape, built, meter, settings, advance: Callable = lambda: None) -> Result:
    """The Result of a shape. `built`: see build. `meter` measures it:
    check(artifact) raises where the kernel is not right, time(artifacts, rounds,
    budget, lead) gives a list of seconds for each. `advance` is called for each
    candidate that was checked. Raises ValueError where none is right."""
    wrong, right = {}, []
    for candidate in shape.candidates:
        artifact = built[candidate.schedule]
        try:
            if not isinstance(artifact, Artifact):
                raise ValueError(artifact)
            meter.check(artifact)
            right.append(candidate.schedule)
        except (ArithmeticError, ValueError, native.FlashmhfError) as reason:
            wrong[candidate.schedule] = str(reason)
        advance()
    if not right:
        reasons = "; ".join(sorted(set(wrong.values())))
        raise ValueError(f"{shape.title}: no candidate runs: {reasons}")

    def medians(schedules, *how):
        samples = meter.time([built[s] for s in schedules], *how)
        return {s: statistics.median(seconds) for s, seconds in zip(schedules, samples)}

    first = medians(right, settings.rounds, settings.budget, 0.0)
    order = sorted(right, key=first.get)
    near = [s for s in order if first[s] <= settings.near * first[order[0]]]
    finalists = near[: settings.finalists]
    pick = shape.candidates[0].schedule
    # The pick is measured again with the best, to say what it costs.
    choices = dict.fromkeys([pick, *shape.choices.values(), *shape.also])
    finalists += [s for s in choices if s in right and s not in finalists]
    times = medians(
        finalists, settings.final_rounds, settings.final_budget, settings.final_lead
    )
    kept = keep(pick, times, settings.margin)
    return Result(shape, times, wrong, kept, len(right), dict(shape.choices), first)


def general(results: list, pick: str, settings) -> Optional[tuple]:
    """(schedule, mean seconds) for a kernel that takes any number of tokens: the
    least geometric mean over the shapes with many tokens, of schedules that were
    among the finalists of all of them. None where there are none."""
    large = [r for r in results if r.shape.batch * r.shape.tokens >= settings.general_from]
    if not large:
        return None
    common = set.intersection(*(set(r.times) for r in large))
    means = {
        schedule: math.exp(statistics.mean(math.log(r.times[schedule]) for r in large))
        for schedule in common
    }
    if not means:
        return None
    kept = keep(pick, means, settings.margin)
    return kept, means[kept]
