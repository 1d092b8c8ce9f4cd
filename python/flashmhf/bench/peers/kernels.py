"""What the kernels of others have in common: the problems that they compute, padding,
and their place in a run."""

from __future__ import annotations

import torch

from .. import gpu
from ..rounds import Entry
from . import Unavailable


def check_problem(problem) -> None:
    """Raises Unavailable for what the authors' kernels do not compute."""
    if problem.activation != "silu" or not problem.up or not problem.router:
        raise Unavailable("it computes SiLU with U and R only")
    if problem.dtype != "bf16" or problem.out_dtype != "bf16":
        raise Unavailable("it is compared in bf16 only")


def padded(x, width):
    """x with zeros up to `width` in the last dimension."""
    return x if x.shape[-1] == width else torch.nn.functional.pad(x, (0, width - x.shape[-1]))


def padding_notes(bench, width) -> list:
    """What to say where D is padded to `width`."""
    return [] if width == bench.problem.head_dim else [f"D padded to {width}"]


def entry(name, bench, call, out, limit, notes) -> Entry:
    """A kernel in a run: `call(i)` computes the i-th set of operands, the first into
    `out`. The rate counts the operator's own operations."""
    return Entry(
        name,
        bench.problem.flops(bench.batch, bench.tokens),
        call,
        gpu.poisoned_check(call, out, bench.want, bench.rows),
        limit,
        ", ".join(notes),
    )
