"""Which schedules of a shape are worth compiling."""

from __future__ import annotations

import dataclasses
import json

from ..bench.schedules import parse_schedule
from ..compiler import compile, explain
from ..problem import Problem

#: How the work is cut into blocks and steps.
_FAMILY = ("token_tile", "consumers", "split", "dff_tile", "cluster", "push", "exchange")


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A schedule as text and the model's prediction in microseconds."""

    schedule: str
    predicted: float

    @property
    def fields(self) -> dict:
        """key -> text of its value."""
        return parse_schedule(self.schedule)


@dataclasses.dataclass
class Shape:
    """A problem with open B and L at `batch` and `tokens`. candidates: the model's
    pick first. choices: name -> schedule of a candidate that is compared with the best
    whatever it takes; also: more of these, without a name. name: of the model, for the
    reader."""

    name: str
    problem: Problem
    batch: int
    tokens: int
    candidates: list = dataclasses.field(default_factory=list)
    choices: dict = dataclasses.field(default_factory=dict)
    also: list = dataclasses.field(default_factory=list)

    @property
    def sized(self) -> Problem:
        return self.problem.replace(batch=self.batch, tokens=self.tokens)

    @property
    def title(self) -> str:
        return f"{self.name}, {self.tokens} tokens" + (
            f", B = {self.batch}" if self.batch > 1 else ""
        )


def chip_name(gpu: str) -> str:
    """The name that the compiler's table has for what a driver calls a GPU."""
    return json.loads(compile("370m", emit="schedule", gpu=gpu, runners_up=0).text)["gpu"]


def _changes(fields: dict, others: dict) -> int:
    return sum(fields.get(key) != others.get(key) for key in fields.keys() | others.keys())


def shortlist(everything: list, limit: int, factor: float) -> list:
    """At most `limit` of Candidates that are sorted, the pick first. Of large
    and small token tiles, split, pushed, exchanged and whole, the best, since that is
    where the model may err most; of those predicted to take at most `factor`
    times the pick's time the best of each cut of the work, the pick with one key changed,
    and the others by prediction."""
    pick = everything[0]
    fields = {c: c.fields for c in everything}

    def kind(c):
        f = fields[c]
        return f["token_tile"], "split" in f, f.get("push"), f.get("exchange")

    near = [c for c in everything if c.predicted <= factor * pick.predicted]
    single = [c for c in near if _changes(fields[c], fields[pick]) == 1]
    order = [
        pick,
        *_firsts(everything, kind),
        *_firsts(near, lambda c: tuple(fields[c].get(key) for key in _FAMILY)),
        *single,
        *near,
    ]
    return list(dict.fromkeys(order))[:limit]


def _firsts(found: list, family) -> list:
    """The first of each family."""
    firsts = {}
    for c in found:
        firsts.setdefault(family(c), c)
    return list(firsts.values())


def find(shape: Shape, gpu: str, limit: int, factor: float, early=False) -> list:
    """The Candidates of a shape. `early`: with programmatic dependent launch, those that
    can. Raises ValueError where it has none."""
    found = explain(shape.sized, gpu=gpu, tuned=False, programmatic=early, runners_up=10**6)
    if found["source"] == "none":
        raise ValueError(f"{shape.title}: no schedule is legal: {found['fault']}")
    everything = [Candidate(found["schedule"], found["predicted"]["microseconds"])]
    everything += [Candidate(o["schedule"], o["microseconds"]) for o in found["runners_up"]]
    return shortlist(everything, limit, factor)
