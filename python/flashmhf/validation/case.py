"""One configuration: what is compiled, the sizes of one call, and how its tensors lie."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from ..oracle import ERROR_LIMIT
from ..problem import Problem


class Build(NamedTuple):
    """What is compiled: the problem, the schedule's text, "" for none, how many variants
    there may be, and the option of that name."""

    problem: object
    schedule: str = ""
    max_variants: int = 1
    programmatic: bool = False


def schedule_text(keys) -> str:
    """The attribute of some keys; "" for None."""
    return f"#flashmhf.schedule<{keys}>" if keys else ""


@dataclasses.dataclass(frozen=True)
class Case:
    """One configuration of the operator.

    layout: how Q and O lie: "heads" is [B,H,L,D], "tokens" is [B,L,H,D] seen
    through strides. weights: "groups" is [G,E,F,D], "layer" is [E*F,G,D] seen
    through strides. padded: every row of every tensor has 16 bytes behind it
    that are not its own. scaled: K and U are divided by sqrt(D), which keeps S
    and T of order 1, so that the curved part of the activation matters and f16
    does not overflow; else all operands are standard normal. schedule: the keys
    of the schedule to compile with; None leaves it to the compiler. max_variants: how
    many kernels there may be for all counts; the sizes take one.
    """

    name: str
    problem: Problem
    tokens: int
    batch: int = 1
    layout: str = "heads"
    weights: str = "groups"
    padded: bool = False
    scaled: bool = False
    quick: bool = False
    schedule: str | None = None
    max_variants: int = 1

    @property
    def build(self) -> Build:
        return Build(self.problem, schedule_text(self.schedule), self.max_variants)

    @property
    def limit(self) -> float:
        return ERROR_LIMIT[self.problem.dtype]

    @property
    def flops(self) -> int:
        return self.problem.flops(self.batch, self.tokens)

    def sizes(self) -> dict:
        """B, H, G, L, D, E, F."""
        p = self.problem
        return dict(
            B=self.batch,
            H=p.heads,
            G=p.groups,
            L=self.tokens,
            D=p.head_dim,
            E=p.subnetworks,
            F=p.subnetwork_width,
        )

    def orders(self) -> dict:
        """name -> the axes of the tensor, outermost in memory first."""
        rows = (0, 2, 1, 3) if self.layout == "tokens" else (0, 1, 2, 3)
        weights = (1, 2, 0, 3) if self.weights == "layer" else (0, 1, 2, 3)
        return dict(q=rows, k=weights, u=weights, v=weights, r=rows, out=rows)

    def shapes(self) -> dict:
        """name -> logical shape, for the tensors that are present."""
        s = self.sizes()
        shapes = dict(q="BHLD", k="GEFD", u="GEFD", v="GEFD", r="BHLE", out="BHLD")
        return {n: tuple(s[c] for c in shapes[n]) for n in self.problem.argument_names}

    def kinds(self) -> dict:
        """name -> dtype, for every tensor that there may be."""
        p = self.problem
        return {n: p.dtype for n in "qkuv"} | {"r": "f32", "out": p.out_dtype}

    def scale(self, name) -> float:
        """What standard normal values of an operand are multiplied with."""
        return self.problem.head_dim**-0.5 if self.scaled and name in "ku" else 1.0


def strides_of(shape, order, row_padding=0):
    """(strides in elements, elements from the first to behind the last) of a
    tensor whose axes lie in memory in `order`, rows `row_padding` apart."""
    strides, step = [0] * len(shape), 1
    for position, axis in enumerate(reversed(order)):
        strides[axis] = step
        step *= shape[axis]
        if position == 0:
            step += row_padding
    return tuple(strides), 1 + sum((n - 1) * s for n, s in zip(shape, strides))
