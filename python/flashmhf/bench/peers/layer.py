"""Our kernel between its two projections: what stands beside a SwiGLU layer.

Y = (core of X W_in^T) W_out^T, with Q and O as the projections leave and read them,
[B,L,H,D]; nothing is copied. R is given: the router is not part of the operator.
"""

from __future__ import annotations

import dataclasses

import torch

from ...dlpack import import_tensor
from .. import gpu
from ..rounds import Entry
from . import Unavailable

NAME = "W_in, flashmhf, W_out"
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
        core = gpu.reference(problem, first.operands, bench.rows).transpose(1, 2)
        want = core.flatten(2) @ first.w_out.double().T
        got = first.y.view(bench.batch, bench.tokens, d)[:, bench.rows]
        return gpu.relative_error(got, want)

    tokens = bench.batch * bench.tokens
    return [
        Entry(
            NAME,
            problem.flops(bench.batch, bench.tokens) + 4.0 * tokens * d * d,
            lambda i: layers[i % len(layers)](),
            check,
            ERROR_LIMIT,
            "without a router",
            "layer",
        )
    ]
