"""The main job of scripts/quickstart.sh: one layer, compiled, run and compared."""

from __future__ import annotations

import re
import time

import numpy as np

from .compiler import compile, jit
from .dlpack import make_tensor
from .dtypes import bf16_bits
from .native import FlashmhfError
from .oracle import reference, relative_error
from .problem import presets


def draw(problem, tokens, rng):
    """Operands as the paper's layer makes them at its first step.

    K, U, V are normal with standard deviation 0.02 and lie as the layer keeps
    them, [E*F, G, D]; Q is the projection of normal tokens by a Xavier-uniform
    matrix, RMS-normalised per head, [B, L, H, D]; R is the sigmoid of Q times a
    router of standard deviation 0.02, divided by its sum over E. Returns float32
    arrays in logical order, the operator's shapes as strides.
    """
    p = problem
    width = p.heads * p.head_dim
    x = rng.standard_normal((tokens, width), np.float32)
    bound = np.float32((3.0 / width) ** 0.5)
    w_in = rng.uniform(-bound, bound, (width, width)).astype(np.float32)
    q = (x @ w_in).reshape(1, tokens, p.heads, p.head_dim)
    q /= np.sqrt(np.mean(q * q, -1, keepdims=True) + 1e-6)

    def weight():
        w = 0.02 * rng.standard_normal((p.d_ff, p.groups, p.head_dim), np.float32)
        w = w.reshape(p.subnetworks, p.subnetwork_width, p.groups, p.head_dim)
        return w.transpose(2, 0, 1, 3)

    router = 0.02 * rng.standard_normal((p.heads, p.head_dim, p.subnetworks), np.float32)
    q = q.transpose(0, 2, 1, 3)
    r = 1.0 / (1.0 + np.exp(-(q @ router)))
    r /= r.sum(-1, keepdims=True)
    return q, weight(), weight(), weight(), r


class _Bf16:
    """A bfloat16 copy of an array, its strides kept, with or without ml_dtypes."""

    def __init__(self, x):
        self.bits = np.empty_like(x, np.uint16)
        self.bits[...] = bf16_bits(x)
        strides = [s // 2 for s in self.bits.strides]
        self.tensor = make_tensor(
            self.bits.ctypes.data, x.shape, strides, "bf16", keep=self.bits
        )


def _resources(log):
    """What matters of ptxas's output."""
    found = []
    for pattern in (
        r"Used \d+ registers",
        r"\d+ bytes spill stores",
        r"\d+ bytes spill loads",
        r"used \d+ barriers",
    ):
        match = re.search(pattern, log)
        if match:
            found.append(match.group(0))
    return ", ".join(found)


def run(preset="370m", tokens=512, output="mhffn.ptx", seed=0) -> int:
    """Compiles `preset` to PTX (and assembles it where ptxas is found), runs it on
    the CPU at `tokens` tokens and prints schedule, resources, error against
    float64 and where the PTX lies. Returns the exit status."""
    if preset not in presets.NAMES:
        raise ValueError(f"preset {preset!r} is unknown; known are {', '.join(presets.NAMES)}")
    if tokens < 1:
        raise ValueError(f"tokens is {tokens}, it must be at least 1")
    problem = presets[preset]
    say = lambda label, text: print(f"{label:11}{text}", flush=True)  # noqa: E731
    say(
        preset,
        f"H {problem.heads}, G {problem.groups}, D {problem.head_dim}, "
        f"E {problem.subnetworks}, F {problem.subnetwork_width}, {problem.dtype}, "
        f"{problem.activation}",
    )
    _report_gpu(problem, output, say)

    operands = draw(problem, tokens, np.random.default_rng(seed))
    q, k, u, v = (_Bf16(x).tensor for x in operands[:4])
    r = operands[4]
    out = _Bf16(np.full_like(operands[0], np.nan)).tensor
    function = jit(problem)
    function.run(q, k, u, v, r, out)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        function.run(q, k, u, v, r, out)
        seconds.append(time.perf_counter() - start)
    best = min(seconds)
    rate = problem.flops(1, tokens) / best / 1e9
    say("CPU", f"{tokens} tokens in {best * 1e3:.0f} ms, {rate:.0f} GFLOP/s")

    error = relative_error(out, reference(q, k, u, v, r, problem.activation))
    good = error <= 2.6e-3
    say("error", f"{error:.2e} against float64 ({'within' if good else 'ABOVE'} 2.6e-03)")
    return 0 if good else 1


def _report_gpu(problem, output, say):
    artifact = compile(problem, emit="ptx")
    artifact.save(output)
    schedule = compile(problem, emit="schedule").text
    match = re.search(r"#flashmhf\.schedule<[^>]*>", schedule)
    say("schedule", match.group(0) if match else "none")
    contract = artifact.contract
    say(
        "launch",
        f"block {contract['block']}, cluster {contract['cluster']}, "
        f"{contract['shared_memory']} bytes of shared memory",
    )
    say("PTX", f"{output} ({len(artifact.data)} bytes), contract {output}.json")
    try:
        cubin = compile(problem, emit="cubin", ptxas_policy="error")
        say("ptxas", _resources(cubin.ptxas_log) or "assembled")
    except FlashmhfError as error:
        if error.status != "unavailable":
            raise
        say("ptxas", "not found: PTX not assembled")
