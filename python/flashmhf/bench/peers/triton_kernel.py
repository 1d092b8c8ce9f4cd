"""The Triton kernel of the paper's authors, imported from a path.

`FILE` defines `flash_mlp_moe_forward_kernel`, tuned automatically or not. Tile sizes
are chosen here: the fastest of a few. It takes powers of two for D, so that others
are padded with zeros (the rate counts the operator's own operations), and it reads R
past the last token.
"""

from __future__ import annotations

import importlib.util

import torch

from ...dlpack import contiguous_strides
from ..rounds import fastest
from . import Unavailable
from .kernels import check_problem, entry, padded, padding_notes

NAME = "Triton"
KERNEL = "flash_mlp_moe_forward_kernel"
ERROR_LIMIT = 1e-2
#: rows of Q, rows of K, U and V, warps, stages; the last is the one in the file.
TILES = ((128, 64, 8, 3), (128, 128, 8, 2), (128, 16, 4, 3))


def load(file):
    """The kernel of a file. Raises Unavailable."""
    try:
        spec = importlib.util.spec_from_file_location("flashmhf_bench_triton", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        kernel = getattr(module, KERNEL)
    except (AttributeError, ImportError, OSError) as error:
        raise Unavailable(f"{file} gives no {KERNEL}: {error}") from None
    while not hasattr(kernel, "run") or hasattr(kernel, "configs"):
        kernel = kernel.fn  # without the tuner around it
    return kernel


def with_slack(r, tokens=256):
    """r at the start of a larger buffer."""
    buffer = torch.zeros(r.numel() + tokens * r.shape[-1], dtype=r.dtype, device=r.device)
    inside = buffer[: r.numel()].view(r.shape)
    inside.copy_(r)
    return inside


def maker(file):
    """A function that makes the entries of a case."""
    kernel = load(file)

    def entries(bench):
        problem = bench.problem
        check_problem(problem)
        width = 1 << (problem.head_dim - 1).bit_length()
        sets = []
        for x in bench.sets:
            q, k, u, v = (padded(t, width) for t in (x.q, x.k, x.u, x.v))
            sets.append((q, k, u, v, with_slack(x.r), torch.empty_like(q)))

        def call_of(tiles):
            return lambda i: _launch(kernel, problem, sets[i % len(sets)], tiles)

        calls = {
            "{}/{} {} warps {} stages".format(*tiles): call_of(tiles)
            for tiles in TILES
            if problem.subnetwork_width % tiles[1] == 0
        }
        try:
            label, call = fastest(bench.clock, calls)
        except RuntimeError as error:
            raise Unavailable(str(error)) from None
        out = sets[0][-1][..., : problem.head_dim]
        notes = [label, *padding_notes(bench, width)]
        return [entry(NAME, bench, call, out, ERROR_LIMIT, notes)]

    return entries


def _launch(kernel, problem, operands, tiles):
    q, k, u, v, r, out = operands
    batch, heads, tokens, width = q.shape
    strides = [step for x in operands for step in x.stride()]
    groups, experts, inner, _ = k.shape
    sizes = (batch, heads, tokens, width, experts, inner)
    kernel[(-(-tokens // tiles[0]), groups, batch)](
        *operands, *sizes, *strides, **_constants(problem, width, tiles)
    )


def _constants(problem, width, tiles):
    rows, columns, warps, stages = tiles
    return dict(
        HEAD_DIM=width,
        NUM_EXPERT=problem.subnetworks,
        EXPERT_DIM=problem.subnetwork_width,
        NUM_KUV_GROUPS=problem.heads // problem.groups,
        BLOCK_SEQ=rows,
        BLOCK_INTER=columns,
        LOG2_BLOCK_SEQ=rows.bit_length() - 1,
        num_warps=warps,
        num_stages=stages,
    )


def compile_only(kernel, problem, tokens, tiles=TILES[0]) -> None:
    """Has Triton compile the kernel for compact operands, into its cache."""
    check_problem(problem)
    p, width = problem, 1 << (problem.head_dim - 1).bit_length()
    rows = (1, p.heads, tokens, width)
    weights = (p.groups, p.subnetworks, p.subnetwork_width, width)
    shapes = (rows, weights, weights, weights, (1, p.heads, tokens, p.subnetworks), rows)
    types = [torch.float32 if i == 4 else torch.bfloat16 for i in range(6)]
    strides = [step for shape in shapes for step in contiguous_strides(shape)]
    sizes = (1, p.heads, tokens, width, p.subnetworks, p.subnetwork_width)
    constants = _constants(problem, width, tiles)
    kernel.warmup(*types, *sizes, *strides, grid=(1, 1, 1), **constants)
