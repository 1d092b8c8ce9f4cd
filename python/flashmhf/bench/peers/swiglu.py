"""The feed-forward layer that the operator stands in for: SwiGLU over cuBLAS.

Of d_model = H D, at the width that is usual for it and at the width that gives it
as many weights as the whole multi-head layer has, W_in and W_out included.
"""

from __future__ import annotations

import time

import torch
from torch.nn.functional import linear, silu

from .. import gpu
from ..rounds import Entry, fastest
from . import Unavailable

ERROR_LIMIT = 1e-2


def separate(x, gate_up, down):
    """Gate and up as two products."""
    gate, up = gate_up.chunk(2)
    return linear(silu(linear(x, gate)) * linear(x, up), down)


def fused(x, gate_up, down):
    """Gate and up as one product."""
    gate, up = linear(x, gate_up).chunk(2, -1)
    return linear(silu(gate) * up, down)


FORMS = dict(separate=separate, fused=fused)


def entries(bench) -> list:
    """Eager and compiled at both widths, each in the faster of its two forms."""
    model, compiled = bench.model, _compile(bench.model)
    found = []
    for label, width in (("SwiGLU", model.swiglu_width), ("matched SwiGLU", model.matched_width)):
        sets = [_operands(bench, width, bench.seed + i) for i in range(len(bench.sets))]
        for how, forms in (("eager", FORMS), ("compile", compiled)):
            found.append(_entry(bench, f"{label}, {how}", width, sets, forms))
    return found


def matched_entries(bench) -> list:
    """The one with as many weights as the multi-head layer has, compiled, in both forms:
    of calls of microseconds only a graph can say which is the faster."""
    width = bench.model.matched_width
    sets = [_operands(bench, width, bench.seed + i) for i in range(len(bench.sets))]
    return [
        _entry(bench, f"matched SwiGLU, compile, {form}", width, sets, {form: compiled})
        for form, compiled in _compile(bench.model).items()
    ]


def _compile(model):
    """The forms, compiled anew for each number of tokens."""
    if model.problem.activation != "silu" or not model.problem.up:
        raise Unavailable("compared with SwiGLU is only what has its activation and U")
    torch._dynamo.reset()  # the cases before must not count as recompilations
    return {name: torch.compile(form, dynamic=False) for name, form in FORMS.items()}


def _operands(bench, width, seed):
    """x [T,d], gate and up [2f,d], down [d,f]."""
    generator = torch.Generator(gpu.DEVICE).manual_seed(seed)
    dtype, d = gpu.DTYPES[bench.problem.dtype], bench.model.width

    def normal(rows, columns, scale=1.0):
        x = torch.randn(rows, columns, generator=generator, device=gpu.DEVICE)
        return x.mul_(scale).to(dtype)

    return (
        normal(bench.batch * bench.tokens, d),
        normal(2 * width, d, d**-0.5),
        normal(d, width, width**-0.5),
    )


def _entry(bench, name, width, sets, forms):
    def call_of(form):
        return lambda i: form(*sets[i % len(sets)])

    calls = {label: call_of(form) for label, form in forms.items()}
    begin = time.monotonic()
    label, call = fastest(bench.clock, calls)  # and compiles them
    seconds = time.monotonic() - begin
    x, gate_up, down = sets[0]

    def check():
        rows = bench.rows[bench.rows < len(x)]
        want = separate(x[rows].double(), gate_up.double(), down.double())
        return gpu.relative_error(call(0)[rows], want)

    return Entry(
        name,
        6.0 * len(x) * bench.model.width * width,
        call,
        check,
        ERROR_LIMIT,
        f"d_ff {width}, {label}, {seconds:.1f} s to compile and choose",
        "layer",
    )
