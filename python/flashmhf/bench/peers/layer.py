"""Our kernel between its two projections: what stands beside a SwiGLU layer.

Y = (core of X W_in^T) W_out^T, with Q and O as the projections leave and read them,
[B,L,H,D]; nothing is copied. R is given: the router is not part of the operator. Once
with cuBLAS's projections, once with ours.
"""

from __future__ import annotations

import dataclasses

import torch

from ... import projection
from ...compiler import compile
from ...dlpack import import_tensor
from .. import gpu, schedules
from ..rounds import Entry
from . import Unavailable

NAME = "W_in, flashmhf, W_out"
OWN_NAME = "flashmhf layer"
#: Q, A, O and Y are rounded to bf16 once each, and Q's roundings pass through the core.
ERROR_LIMIT = 1e-2


class Layer:
    """One set of operands."""

    def __init__(self, bench, operands, artifact, seed):
        p, d = bench.problem, bench.model.width
        generator = torch.Generator(gpu.DEVICE).manual_seed(seed)
        dtype = gpu.DTYPES[p.dtype]

        def normal(rows, columns, scale=1.0):
            x = torch.randn(rows, columns, generator=generator, device=gpu.DEVICE)
            return x.mul_(scale).to(dtype)

        tokens = bench.batch * bench.tokens
        self.x, self.w_in, self.w_out = (
            normal(tokens, d),
            normal(d, d, d**-0.5),
            normal(d, d, d**-0.5),
        )
        self.q, self.o, self.y = (torch.empty_like(self.x) for _ in range(3))

        def heads(x):
            return x.view(bench.batch, bench.tokens, p.heads, p.head_dim).transpose(1, 2)

        self.operands = dataclasses.replace(operands, q=heads(self.q), out=heads(self.o))
        self._kernel = artifact.load(0)
        named = self.operands.named()
        self._tensors = [import_tensor(named[n], n) for n in p.argument_names]

    def __call__(self):
        torch.mm(self.x, self.w_in.T, out=self.q)
        self._kernel.launch(self._tensors, gpu.current_stream())
        torch.mm(self.o, self.w_out.T, out=self.y)


class OwnLayer:
    """The same on the operands of a Layer, with projections of ours: three kernels that
    fetch their weights while the one in front of them ends."""

    def __init__(self, bench, layer, core, project):
        self._kernels = [project.load(0), core.load(0), project.load(0)]
        shape = bench.batch, bench.tokens, bench.model.width
        x, q, o, y = (t.view(shape) for t in (layer.x, layer.q, layer.o, layer.y))
        named = layer.operands.named()
        self._tensors = [
            _project_operands(x, layer.w_in, q),
            [import_tensor(named[n], n) for n in bench.problem.argument_names],
            _project_operands(o, layer.w_out, y),
        ]

    def __call__(self):
        for kernel, tensors in zip(self._kernels, self._tensors):
            kernel.launch(tensors, gpu.current_stream())


def _error(bench, layer, operands, rows) -> float:
    """Of Y at the tokens bench.rows, which are `rows` of the operands of the core."""
    core = gpu.reference(bench.problem, operands, rows).transpose(1, 2)
    want = core.flatten(2) @ layer.w_out.double().T
    got = layer.y.view(bench.batch, bench.tokens, bench.model.width)[:, bench.rows]
    return gpu.relative_error(got, want)


def _project_operands(x, w, out):
    """x [B,L,M], w [M',M] and out [B,L,M'] as a projection's tensors."""
    seen = x[:, None], projection._weights(w), projection._columns_as_heads(out)
    return [import_tensor(t, name) for t, name in zip(seen, ("x", "w", "out"))]


def build_projection(source, gpu):
    """The artifact of a projection that starts early. `gpu`: see Bench."""
    return compile(source=source, programmatic=True, gpu=gpu)


def _own_layers(bench, layers) -> list:
    """The layers with our projections. Both are of one shape, and so one kernel."""
    sized = bench.problem.replace(batch=bench.batch, tokens=bench.tokens)
    core = schedules.Built(schedules.Variant(OWN_NAME), early=True)
    schedules.build(sized, [core], gpu=bench.gpu)
    if core.artifact is None:
        raise Unavailable(core.error)
    first, shape = layers[0], (bench.batch, bench.tokens, bench.model.width)
    operands = _project_operands(first.x.view(shape), first.w_in, first.q.view(shape))
    project = build_projection(projection._source(*operands), bench.gpu)
    return [OwnLayer(bench, layer, core.artifact, project) for layer in layers]


def _own_entries(bench, layers, flops) -> list:
    """What has our projections, where tokens are few."""
    first, d = layers[0], bench.model.width
    if projection.prefers_library(bench.batch * bench.tokens, d, d, d):
        return []
    own = _own_layers(bench, layers)

    def check():
        for t in (first.q, first.o, first.y):
            t.fill_(float("nan"))
        own[0]()
        gpu.synchronize()
        x = first.x.view(bench.batch, bench.tokens, d)[:, bench.rows].double()
        heads = bench.problem.heads, bench.problem.head_dim
        q = (x @ first.w_in.double().T).unflatten(2, heads).transpose(1, 2)
        r = first.operands.r if first.operands.r is None else first.operands.r[:, :, bench.rows]
        operands = dataclasses.replace(first.operands, q=q, r=r)
        return _error(bench, first, operands, torch.arange(q.shape[2], device=q.device))

    note = "without a router; its kernels fetch weights while the one in front ends"
    call = lambda i: own[i % len(own)]()  # noqa: E731
    return [Entry(OWN_NAME, flops, call, check, ERROR_LIMIT, note, "layer")]


def entries(bench) -> list:
    """The first of our kernels that was built."""
    problem = bench.problem
    if problem.out_dtype != problem.dtype:
        raise Unavailable("W_out reads O in the type of the weights")
    artifact = next((b.artifact for b in bench.built if b.artifact), None)
    if artifact is None:
        raise Unavailable("no kernel was built")
    layers = [Layer(bench, x, artifact, bench.seed + i) for i, x in enumerate(bench.sets)]
    first, d = layers[0], bench.model.width

    def check():
        first.o.fill_(float("nan"))
        first()
        gpu.synchronize()
        # The projections are cuBLAS's: the error is that from the rounded Q on.
        return _error(bench, first, first.operands, bench.rows)

    flops = problem.flops(bench.batch, bench.tokens) + 4.0 * bench.batch * bench.tokens * d * d
    return [
        *_own_entries(bench, layers, flops),
        Entry(
            NAME,
            flops,
            lambda i: layers[i % len(layers)](),
            check,
            ERROR_LIMIT,
            "without a router",
            "layer",
        )
    ]
