"""Who runs when: every entry once in each round, and behind each other equally often."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
import statistics
from typing import Callable, Iterator, Optional


@dataclasses.dataclass
class Entry:
    """Something to time.

    name: its row in the table. flops: of one call. call(i): enqueues call number
    i, which picks the operands. check(): runs it once on poisoned output and
    gives its relative error. limit: the error that is still right. note: for the
    reader. out: the tensor that a call writes the operator's result to, where the case
    has made it. kind: "ours", "core" (the same operator by somebody else), "layer"
    (another operator for the same place in a model), "product", "copy" (of memory),
    "floor" (reads the operator's weights, nothing else) or "null" (an empty kernel).
    """

    name: str
    flops: float
    call: Callable
    check: Optional[Callable] = None
    limit: Optional[float] = None
    note: str = ""
    kind: str = "core"
    out: Optional[object] = None


def repetitions(seconds: float, sets: int, budget: float) -> int:
    """Calls that fill `budget` seconds: whole turns over all sets of operands."""
    turns = budget / max(seconds, 1e-9) / sets
    return sets * max(1, math.ceil(turns))


def fastest(clock, calls: dict) -> tuple:
    """The (name, call) of the quickest by the clock's estimate, the median of three.
    Calls that raise are left out; RuntimeError with their reasons where all do."""
    found, reasons = {}, []
    for name, call in calls.items():
        try:
            found[name] = statistics.median(clock.estimate(call) for _ in range(3))
        except Exception as error:  # whatever a foreign kernel raises
            reasons.append(f"{name}: {type(error).__name__}: {error}")
    if not found:
        raise RuntimeError("; ".join(reasons) or "nothing to choose from")
    best = min(found, key=found.get)
    return best, calls[best]


def run_rounds(
    entries, clock, *, rounds: int, budget: float, sets: int, seed: int, lead: float = 0.0
) -> list:
    """Seconds a call: a list for each entry, one number a round.

    Its calls are timed after `lead` seconds of the same, since a GPU at its power limit
    takes some tens of milliseconds to follow: behind a light kernel a heavy one would
    be faster than it can stay.

    `clock` has estimate(call) -> seconds, prepare(call, count) -> timed, and
    measure(timed) -> seconds of all its calls. One more round comes before the
    first and is not counted.
    """
    prepared = [prepare(e.call, clock, budget=budget, sets=sets) for e in entries]
    return run_prepared(prepared, clock, rounds=rounds, seed=seed, lead=lead)


def prepare(call, clock, *, budget: float, sets: int) -> tuple:
    """(what the clock measures, how many calls that is)."""
    count = repetitions(clock.estimate(call), sets, budget)
    return clock.prepare(call, count), count


def draw_orders(count: int, seed: int) -> Iterator:
    """Endless random orders of range(count). Of `count` successive ones from the start,
    where it is even, of two times `count` where it is odd, each number follows each
    other one equally often within them: what an entry draws shows in the next one's
    time for a second. The squares are those of E. J. Williams, Experimental designs
    balanced for the estimation of residual effects of treatments, 1949."""
    generator = random.Random(seed)
    zigzag = [(i + 1) // 2 if i % 2 else -(i // 2) for i in range(count)]
    while True:
        names = generator.sample(range(count), count)
        square = [[names[(z + k) % count] for z in zigzag] for k in range(count)]
        if count % 2:
            square += [order[::-1] for order in square]
        generator.shuffle(square)
        yield from square


def run_prepared(prepared, clock, *, rounds: int, seed: int, lead: float = 0.0) -> list:
    """run_rounds for entries that `prepare` has prepared."""
    warm_up = [range(len(prepared))]
    counted = itertools.islice(draw_orders(len(prepared), seed), rounds)
    samples = [[] for _ in prepared]
    for number, order in enumerate(itertools.chain(warm_up, counted)):
        for i in order:
            timed, count = prepared[i]
            before = 0.0
            while before < lead:
                before += clock.measure(timed)
            seconds = clock.measure(timed) / count
            if number:
                samples[i].append(seconds)
    return samples
