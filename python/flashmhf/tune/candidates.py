"""Which schedules of a shape are worth compiling."""

from __future__ import annotations

import dataclasses
import json

from ..bench.schedules import parse_fields
from ..compiler import compile, explain
from ..problem import Problem

#: How the work is cut into blocks and steps.
_FAMILY = ("token_tile", "consumers", "split", "dff_tile")


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A schedule as text and the model's prediction in microseconds."""

    schedule: str
    predicted: float

    @property
    def fields(self) -> dict:
        """key -> text of its value."""
        return parse_fields(self.schedule.partition("<")[2].rpartition(">")[0])


@dataclasses.dataclass
class Shape:
    """A problem with open B and L at `batch` and `tokens`. candidates: the model's
    pick first. name: of the model, for the reader."""

    name: str
    problem: Problem
    batch: int
    tokens: int
    candidates: list = dataclasses.field(default_factory=list)

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
    and small token tiles, split and whole, the best, since that is where the model may
    err most; of those predicted to take at most `factor`
    times the pick's time the best of each cut of the work, the pick with one key changed,
    and the others by prediction."""
    pick = everything[0]
    fields = {c: c.fields for c in everything}
    near = [c for c in everything if c.predicted <= factor * pick.predicted]
    single = [c for c in near if _changes(fields[c], fields[pick]) == 1]
    order = [
        pick,
        *_firsts(everything, lambda c: (fields[c]["token_tile"], "split" in fields[c])),
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


def find(shape: Shape, gpu: str, limit: int, factor: float) -> list:
    """The Candidates of a shape. Raises ValueError where it has none."""
    found = explain(shape.sized, gpu=gpu, tuned=False, runners_up=10**6)
    if found["source"] == "none":
        raise ValueError(f"{shape.title}: no schedule is legal: {found['fault']}")
    everything = [Candidate(found["schedule"], found["predicted"]["microseconds"])]
    everything += [Candidate(o["schedule"], o["microseconds"]) for o in found["runners_up"]]
    return shortlist(everything, limit, factor)
