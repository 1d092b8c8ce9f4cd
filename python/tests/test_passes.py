"""Every pass of the chain to the hopper dialect, checked by meaning: the module
is executed after each one and must give the same values. Levels that are linalg
or flashmhf are compiled for the CPU, kernels are emulated."""

import re
import subprocess

import numpy as np
import pytest

import flashmhf
from flashmhf import native
from flashmhf.problem import Problem

pytestmark = pytest.mark.usefixtures("library")

#: buildToHopperPipeline, pass by pass; `test_chain_is_the_pipeline` holds them
#: together.
TENSORS = [
    "func.func(flashmhf-assign-schedule)",
    "func.func(flashmhf-split-dff)",
    "func.func(flashmhf-tile-tokens)",
    "func.func(flashmhf-tile-dff)",
]
BUFFERS = ["flashmhf-bufferize", "cse"]
KERNELS = ["flashmhf-fuse-swiglu"] + [
    name if name == "hopper-push-partials" else f"gpu.module(gpu.func({name}))"
    for name in (
        "hopper-warp-specialize",
        "canonicalize",
        "cse",
        "hopper-persist",
        "hopper-stream-k",
        "hopper-split-producer",
        "hopper-hold-q",
        "hopper-load-ahead",
        "hopper-split-activation",
        "hopper-pipeline",
        "hopper-fuse-tiles",
        "hopper-fold-steps",
        "hopper-pace-start",
        "hopper-start-early",
        "hopper-push-partials",
        "hopper-place-waits",
    )
]

PROBLEMS = {
    "whole": Problem(heads=4, groups=2, head_dim=64, subnetworks=3, subnetwork_width=128),
    "ragged": Problem(heads=1, groups=1, head_dim=48, subnetworks=2, subnetwork_width=40,
                      activation="gelu", up=False),  # fmt: skip
    "bare": Problem(heads=2, groups=2, head_dim=32, subnetworks=1, subnetwork_width=96,
                    dtype="f16", activation="relu2", router=False),  # fmt: skip
}
SCHEDULES = {
    "default": None,
    "plain": "token_tile = 128, dff_tile = 32, persistent = false, overlap = false",
    "late": "token_tile = 128, dff_tile = 32, persistent = false, overlap = true, "
    "scale_sums = true, late_columns = 16",
    "held": "dff_tile = 32, persistent = true, overlap = true, fuse_tiles = true, "
    "halve_q = true, hold_q = true",
    "stream": "dff_tile = 32, persistent = true, overlap = true, fuse_tiles = true, "
    "halve_q = true, producers = 2, stream_k = true",
    "stream-plain": "token_tile = 64, dff_tile = 16, consumers = 1, persistent = true, "
    "stream_k = true",
    "stream-cluster": "dff_tile = 16, cluster = 2, persistent = true, overlap = true, "
    "fuse_tiles = true, halve_q = true, stream_k = true",
    "stream-cluster-early": "dff_tile = 32, cluster = 2, persistent = true, overlap = true, "
    "fuse_tiles = true, halve_q = true, producers = 2, stream_k = true, programmatic = true",
    "stream-early": "dff_tile = 16, persistent = true, overlap = true, stream_k = true, "
    "programmatic = true",
    "cluster": "dff_tile = 32, cluster = 2, persistent = true",
    "deep": "token_tile = 64, dff_tile = 16, consumers = 1, stages = [3, 1, 4], overlap = true",
    "split": "token_tile = 128, dff_tile = 32, split = 2",
    "uneven": "token_tile = 64, dff_tile = 16, consumers = 1, overlap = true, split = 5",
    "early": "token_tile = 64, dff_tile = 16, consumers = 1, stages = [1, 3, 2], split = 2, "
    "programmatic = true",
    "early-whole": "token_tile = 64, dff_tile = 16, consumers = 1, overlap = true, "
    "programmatic = true",
    "early-tiles": "dff_tile = 32, persistent = true, overlap = true, fuse_tiles = true, "
    "programmatic = true",
    "push": "token_tile = 128, dff_tile = 32, split = 3, push = true, programmatic = true",
    "paced": "token_tile = 64, dff_tile = 16, consumers = 1, split = 2, paced = true",
    "exchange": "token_tile = 16, dff_tile = 64, consumers = 1, split = 2, exchange = true",
    "exchange-push": "token_tile = 8, dff_tile = 64, consumers = 1, split = 2, push = true, "
    "exchange = true",
    "exchange-overlap": "token_tile = 8, dff_tile = 64, consumers = 1, overlap = true, "
    "exchange = true",
}
LIMIT = {"bf16": 2.6e-3, "f16": 4e-4}


@pytest.fixture(scope="module")
def opt(library):
    """Runs flashmhf-opt of the library's build; returns its output and remarks."""
    tool = native.find_library().resolve().parent.parent / "bin" / "flashmhf-opt"
    if not tool.is_file():
        pytest.skip(f"there is no {tool}")

    def run(source, *arguments):
        result = subprocess.run(
            [tool, "-", *arguments], input=source, capture_output=True, text=True, timeout=120
        )
        assert result.returncode == 0, result.stderr
        return result.stdout, re.findall(r"remark: (.*)", result.stderr)

    return run


def pipeline(passes):
    return f"--pass-pipeline=builtin.module({','.join(passes)})"


def source_of(problem, schedule):
    source = problem.source()
    if SCHEDULES[schedule]:
        attribute = f"#flashmhf.schedule<{SCHEDULES[schedule]}>"
        source = flashmhf.compile(problem, emit="mlir", schedule=attribute).text
    return source


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", PROBLEMS)
def test_chain_is_the_pipeline(opt, name, schedule):
    source = source_of(PROBLEMS[name], schedule)
    steps, _ = opt(source, pipeline(TENSORS + BUFFERS + KERNELS))
    assert steps == opt(source, "--flashmhf-to-hopper")[0]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", PROBLEMS)
def test_tensors(opt, operands, name, schedule):
    p = PROBLEMS[name]
    x = operands(B=2, H=p.heads, G=p.groups, L=131, D=p.head_dim, E=p.subnetworks,
                 F=p.subnetwork_width, dtype=p.dtype)  # fmt: skip
    x.u, x.r = x.u if p.up else None, x.r if p.router else None
    want = flashmhf.reference(*x.all, p.activation)
    source = source_of(p, schedule)
    decompose = "func.func(flashmhf-decompose)"
    for step in [None, *TENSORS, ",".join(BUFFERS)]:
        if step:
            source, _ = opt(source, pipeline([step]))
        # The CPU's own pipeline tiles and bufferizes by itself; here the buffers are
        # those of the GPU's chain, made before or after decomposition.
        buffers, _ = opt(source, pipeline([decompose, *BUFFERS]))
        out = np.full(x.q.shape, np.nan, x.q.dtype)
        tensors = [t for t in x.all if t is not None]
        flashmhf.jit(source=buffers).run(*tensors, out)
        error = flashmhf.relative_error(out, want)
        assert error <= LIMIT[p.dtype], f"error {error:.2e} after {step}"


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", PROBLEMS)
def test_kernels(opt, name, schedule):
    """All forms of one kernel add in the same order: the values are the same
    to the last digit."""
    source, _ = opt(source_of(PROBLEMS[name], schedule), pipeline(TENSORS + BUFFERS))
    remarks = None
    for step in KERNELS:
        source, _ = opt(source, pipeline([step]))
        _, found = opt(source, "--flashmhf-emulate=batch=2 tokens=131", "-o", "/dev/null")
        assert len(found) == 1 and "sum" in found[0]
        assert remarks in (None, found), f"after {step}"
        remarks = found
