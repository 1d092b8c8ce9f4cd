"""`flashmhf.layer` on torch's tensors on a GPU: three launches, or a kernel between two
products of the library's where tokens are many.

Right against float64 into memory of its own and into one that is given, layer after
layer without a synchronisation, on another stream, and captured as a CUDA graph.
"""

from __future__ import annotations

import dataclasses
from typing import Optional

import torch

from .. import projection
from ..problem import Problem, presets
from . import operands

#: Q, A, O and Y are rounded once each, and Q's roundings pass through the core: at most
#: 4.0e-3 was found for bf16.
ERROR_LIMIT = {"bf16": 6.0e-3, "f16": 1.0e-3}


@dataclasses.dataclass(frozen=True)
class LayerCase:
    """width, out_width: of X and Y, by default that of all heads."""

    name: str
    problem: Problem
    tokens: int
    batch: int = 1
    width: Optional[int] = None
    out_width: Optional[int] = None
    programmatic: bool = False
    quick: bool = False

    @property
    def limit(self) -> float:
        return ERROR_LIMIT[self.problem.dtype]

    def widths(self) -> tuple:
        """Of X, of all heads, of Y."""
        heads = self.problem.heads * self.problem.head_dim
        return self.width or heads, heads, self.out_width or heads

    @property
    def uses_library(self) -> bool:
        return projection.prefers_library(self.batch * self.tokens, *self.widths())


def cases() -> list:
    """Below the number of tokens and of operations where the library projects, and
    above."""
    small = Problem(heads=4, groups=2, head_dim=64, subnetworks=3, subnetwork_width=200)
    found = []
    for model, tokens in (
        ("370m", 1), ("370m", 100), ("128m", 512), ("1.3b", 17), ("1.3b", 256), ("1.3b", 512),
        ("1.3b", 1024), ("370m", 1025),
    ):  # fmt: skip
        case = LayerCase(f"layer/{model}-{tokens}", presets[model], tokens, quick=tokens == 100)
        early = dataclasses.replace(case, name=f"{case.name}-early", programmatic=True)
        found += [case, early]
    for programmatic, end in ((False, ""), (True, "-early")):
        more = dict(programmatic=programmatic, quick=programmatic)
        bare = small.replace(dtype="f16", router=False, up=False)
        found += [
            LayerCase(f"layer/batch-3{end}", small, 23, 3, **more),
            LayerCase(f"layer/widths{end}", small, 70, width=96, out_width=336, **more),
            LayerCase(f"layer/bare-f16{end}", bare, 40, 2, **more),
        ]
    return found


class Layer:
    """The operands of a case."""

    def __init__(self, case, seed):
        p = case.problem
        generator = torch.Generator(operands.DEVICE).manual_seed(seed)
        dtype = operands.DTYPES[p.dtype]
        options = dict(generator=generator, device=operands.DEVICE)

        def normal(*shape, scale=1.0):
            return (torch.randn(shape, **options) * scale).to(dtype)

        width, heads, out_width = case.widths()
        self.case = case
        self.x = normal(case.batch, case.tokens, width)
        self.w_in = normal(heads, width, scale=width**-0.5)
        self.w_out = normal(out_width, heads, scale=heads**-0.5)
        weights = p.groups, p.subnetworks, p.subnetwork_width, p.head_dim
        self.k, u = (normal(*weights, scale=p.head_dim**-0.5) for _ in range(2))
        self.v = normal(*weights, scale=p.subnetwork_width**-0.5)
        self.u = u if p.up else None
        r = torch.rand(case.batch, p.heads, case.tokens, p.subnetworks, **options) + 0.1
        self.r = r / r.sum(-1, keepdim=True) if p.router else None

    def __call__(self, x=None, **options):
        x = self.x if x is None else x
        p = self.case.problem
        weights = self.w_in, self.k, self.u, self.v, self.w_out, self.r
        more = dict(activation=p.activation, programmatic=self.case.programmatic)
        return projection.layer(x, *weights, **more, **options)

    def check(self, y, x=None) -> float:
        """The error of what a call with `x` has given. Raises AssertionError."""
        x = self.x if x is None else x
        p = self.case.problem
        q = (x.double() @ self.w_in.double().T).unflatten(2, (p.heads, p.head_dim))
        wide = dict(q=q.transpose(1, 2), k=self.k, u=self.u, v=self.v, r=self.r)
        wide = {name: t for name, t in wide.items() if t is not None}
        core = operands.operator(wide, p.activation).transpose(1, 2).flatten(2)
        error = operands.relative_error(y, core @ self.w_out.double().T)
        if not error <= self.case.limit:
            raise AssertionError(f"error {error:.3e} > {self.case.limit:.1e}")
        return error

    def empty_output(self):
        """What no call has written: NaN."""
        width = self.case.widths()[2]
        return self.x.new_full((self.case.batch, self.case.tokens, width), float("nan"))


def check(case, seed) -> float:
    """The largest error that was found. Raises AssertionError where that is too large, or
    calls differ."""
    layer = Layer(case, seed)
    y = layer()
    torch.cuda.synchronize()
    errors = [layer.check(y)]

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        x = layer.x * 1  # produced on the stream that the kernels must use
        other = layer(x)
    stream.synchronize()
    _require_same(y, other, "on another stream")
    given = layer.empty_output()
    torch.cuda.synchronize()
    layer(stream=stream, out=given)
    stream.synchronize()
    _require_same(y, given, "on a stream that is given")

    if y.shape == layer.x.shape:  # layer after layer: each waits for the one in front
        many = [layer.x]
        for _ in range(2):
            many.append(layer(many[-1]))
        torch.cuda.synchronize()
        errors += [layer.check(after, before) for before, after in zip(many, many[1:])]

    graph = torch.cuda.CUDAGraph()
    given = layer.empty_output()
    torch.cuda.synchronize()
    with torch.cuda.stream(stream):
        layer(out=given)
    stream.synchronize()
    with torch.cuda.graph(graph, stream=stream):
        for _ in range(3):
            layer(out=given)
    for _ in range(2):
        given.fill_(float("nan"))
        torch.cuda.synchronize()
        graph.replay()
        torch.cuda.synchronize()
        _require_same(y, given, "when captured as a graph")
    return max(errors)


def _require_same(want, got, how):
    different = int((want != got).sum())  # NaN differs from all
    if different:
        raise AssertionError(f"{different} outputs differ {how}")
