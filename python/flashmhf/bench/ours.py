"""Our kernels as entries, through the package's own launch path."""

from __future__ import annotations

from ..dlpack import import_tensor
from ..oracle import ERROR_LIMIT
from . import gpu
from .rounds import Entry


def entry(built, problem, sets, want, rows) -> Entry:
    """The kernel of a schedules.Built on sets of operands."""
    kernel = built.artifact.load(0)
    names = [argument["name"] for argument in built.artifact.contract["arguments"]]
    tensors = [[import_tensor(s.named()[n], n) for n in names] for s in sets]

    def call(i):
        kernel.launch(tensors[i % len(tensors)], gpu.current_stream())

    batch, _, tokens, _ = sets[0].q.shape
    return Entry(
        built.variant.name,
        problem.flops(batch, tokens),
        call,
        gpu.poisoned_check(call, sets[0].out, want, rows),
        limit=ERROR_LIMIT[problem.dtype],
        note="; ".join([built.schedule, *built.warnings]).strip("; "),
        kind="ours",
        out=sets[0].out,
    )
