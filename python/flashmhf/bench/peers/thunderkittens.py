"""The ThunderKittens kernel of the paper's authors, in a shared library.

    int tk_fwd(q, k, u, v, r, o, int B, int H, int L, int G, int E, int F, int D,
               void *stream);

takes pointers to compact tensors, R as [B,H,E,L], and returns 0. It computes D = 128
(less is padded with zeros), H = G and, unless told otherwise, L in multiples of 192:
more tokens are made up then. The rate counts the operator's own operations.
"""

from __future__ import annotations

import ctypes

import torch

from .. import gpu
from . import Unavailable
from .kernels import check_problem, entry, padded, padding_notes

NAME = "ThunderKittens"
WIDTH, TOKENS = 128, 192
ERROR_LIMIT = 2e-2


def load(file):
    """The library's function. Raises Unavailable."""
    try:
        function = ctypes.CDLL(str(file)).tk_fwd
    except (AttributeError, OSError) as error:
        raise Unavailable(f"{file} gives no tk_fwd: {error}") from None
    function.restype = ctypes.c_int
    function.argtypes = [ctypes.c_void_p] * 6 + [ctypes.c_int] * 7 + [ctypes.c_void_p]
    return function


def pad_tokens(x, tokens):
    """x [B,H,L,n] with zeros up to `tokens` of L, compact."""
    if x.shape[2] == tokens:
        return x.contiguous()
    return torch.nn.functional.pad(x, (0, 0, 0, tokens - x.shape[2]))


def maker(file, any_length):
    """A function that makes the entries of a case. `any_length`: L is not padded."""
    function = load(file)

    def entries(bench):
        problem = bench.problem
        check_problem(problem)
        if problem.head_dim > WIDTH or problem.heads != problem.groups:
            raise Unavailable(f"it takes D up to {WIDTH} and H = G only")
        tokens = bench.tokens if any_length else -(-bench.tokens // TOKENS) * TOKENS
        sets = []
        for x in bench.sets:
            q = pad_tokens(padded(x.q, WIDTH), tokens)
            weights = [padded(w, WIDTH) for w in (x.k, x.u, x.v)]
            r = pad_tokens(x.r, tokens).transpose(2, 3).contiguous()
            sets.append((q, *weights, r, torch.empty_like(q)))
        sizes = (
            bench.batch,
            problem.heads,
            tokens,
            problem.groups,
            problem.subnetworks,
            problem.subnetwork_width,
            WIDTH,
        )
        calls = [[x.data_ptr() for x in operands] for operands in sets]

        def call(i):
            status = function(*calls[i % len(sets)], *sizes, gpu.current_stream())
            if status:
                raise RuntimeError(f"tk_fwd returned {status}")

        out = sets[0][-1][:, :, : bench.tokens, : problem.head_dim]
        notes = [f"L padded to {tokens}"] if tokens != bench.tokens else []
        notes += padding_notes(bench, WIDTH)
        return [entry(NAME, bench, call, out, ERROR_LIMIT, notes)]

    return entries
