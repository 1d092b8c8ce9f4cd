"""The hand-written kernels for few tokens, and the floor: one of them that reads the
weights as they do and computes nothing. In a shared library with these functions of C:

    int few_tokens_count(void);
    const char *few_tokens_name(int variant);
    int few_tokens_is_floor(int variant);
    /* Whether the variant computes these sizes with d_ff cut into `pieces`, the same
       bits every time, and all of its blocks fit on the GPU at once. */
    int few_tokens_fits(int variant, int pieces, int B, int H, int L, int E, int F, int D);
    /* Bytes of the buffers of a launch; the counters are zero before the first with a
       variant and `pieces`, and not touched in between. */
    long long few_tokens_partials(void), few_tokens_counters(void);
    /* Enqueues it on compact tensors, R as [B,H,L,E]; may be captured. 0: done. */
    int few_tokens_launch(int variant, int pieces, int programmatic, const void *q,
                          const void *k, const void *u, const void *v, const void *r,
                          void *o, void *partials, void *counters, int B, int H, int L,
                          int E, int F, int D, void *stream);

The variants that fit are timed shortly by the method in question; the fastest two take
part, so that their figures are not those that they were chosen by.
"""

from __future__ import annotations

import ctypes
import statistics

import torch

from .. import gpu
from ..rounds import Entry
from . import Unavailable
from .kernels import check_problem

NAME = "few-token prototype"
ERROR_LIMIT = 2.6e-3
#: Of d_ff, for a head; of a variant the largest two that fit are tried.
PIECES = (16, 8, 6, 5, 4)
FINALISTS, LOOK_ROUNDS = 2, 7


def load(path):
    """The library. Raises Unavailable."""
    try:
        library = ctypes.CDLL(str(path))
        library.few_tokens_name.restype = ctypes.c_char_p
        library.few_tokens_partials.restype = ctypes.c_longlong
        library.few_tokens_counters.restype = ctypes.c_longlong
        pointers, sizes = [ctypes.c_void_p] * 8, [ctypes.c_int] * 6
        library.few_tokens_launch.argtypes = [
            *[ctypes.c_int] * 3,
            *pointers,
            *sizes,
            ctypes.c_void_p,
        ]
    except (AttributeError, OSError) as error:
        raise Unavailable(f"{path} does not load: {error}") from None
    return library


def maker(path):
    """A function that makes the entries of a case and a few.Way."""
    library = load(path)

    def entries(bench, way):
        return _Kernels(library, bench, way).entries()

    return entries


class _Kernels:
    """The variants on the operands of a case."""

    def __init__(self, library, bench, way):
        self._library, self._bench, self._way = library, bench, way
        p = bench.problem
        check_problem(p)
        if p.heads != p.groups:
            raise Unavailable("it takes H = G only")
        self._sizes = (
            bench.batch,
            p.heads,
            bench.tokens,
            p.subnetworks,
            p.subnetwork_width,
            p.head_dim,
        )
        self._operands = [[x.data_ptr() for x in s.named().values()] for s in bench.sets]
        self._partials = _zeros(library.few_tokens_partials())

    def entries(self) -> list:
        floors, kernels = [], []
        for variant in range(self._library.few_tokens_count()):
            floor = self._library.few_tokens_is_floor(variant)
            fitting = [n for n in PIECES if self._fits(variant, n)]
            for pieces in fitting[: 1 if floor else 2]:
                (floors if floor else kernels).append(self._entry(variant, pieces, floor))
        return self._fastest(kernels) + floors

    def _fits(self, variant, pieces):
        return self._library.few_tokens_fits(variant, pieces, *self._sizes)

    def _entry(self, variant, pieces, floor):
        library, sizes, operands = self._library, self._sizes, self._operands
        name = library.few_tokens_name(variant).decode()
        counters = _zeros(library.few_tokens_counters())
        partials = self._partials  # their contents do not matter

        def call(i):
            status = library.few_tokens_launch(
                variant,
                pieces,
                self._way.programmatic,
                *operands[i % len(operands)],
                partials.data_ptr(),
                counters.data_ptr(),
                *sizes,
                gpu.current_stream(),
            )
            if status:
                raise RuntimeError(f"{name} does not launch")

        if floor:
            return Entry(f"{name} P{pieces}", 0, call, kind="floor")
        flops = self._bench.problem.flops(self._bench.batch, self._bench.tokens)
        out = self._bench.sets[0].out
        return Entry(f"prototype {name} P{pieces}", flops, call, limit=ERROR_LIMIT, out=out)

    def _fastest(self, kernels) -> list:
        prepared = [self._way.prepare(entry.call) for entry in kernels]
        samples = self._way.run(prepared, LOOK_ROUNDS)
        medians = [statistics.median(seconds) for seconds in samples]
        order = sorted(range(len(kernels)), key=medians.__getitem__)
        return [kernels[i] for i in order[:FINALISTS]]


def _zeros(size):
    return torch.zeros(size, dtype=torch.uint8, device=gpu.DEVICE)
