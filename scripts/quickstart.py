"""The main job, once: the 370m layer as PTX and as a CPU program.

Weights and gates are drawn as the paper's authors initialise them in their
published code: K, U, V and the router W_r normal with standard deviation 0.02;
Q normal, then normalised per head to root mean square 1 (their RMS norm at its
initial scale); R = sigmoid(Q W_r) over its sum.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import ml_dtypes
import numpy as np

import flashmhf

STANDARD_DEVIATION = 0.02


def draw(problem, tokens, seed=0):
    """Q, K, U, V in bf16 and R in f32, as said above."""
    rng = np.random.default_rng(seed)

    def weights(*shape):
        return (STANDARD_DEVIATION * rng.standard_normal(shape, np.float32)).astype(
            ml_dtypes.bfloat16
        )

    D, E = problem.head_dim, problem.subnetworks
    q = rng.standard_normal((1, problem.heads, tokens, D), np.float32)
    q /= np.sqrt(np.mean(q * q, axis=-1, keepdims=True))
    router = STANDARD_DEVIATION * rng.standard_normal((problem.heads, D, E), np.float32)
    r = 1 / (1 + np.exp(-(q @ router)))
    r /= r.sum(axis=-1, keepdims=True)
    kuv = (problem.groups, E, problem.subnetwork_width, D)
    return (q.astype(ml_dtypes.bfloat16), weights(*kuv), weights(*kuv), weights(*kuv), r)


def compile_to_ptx(options):
    """Runs flashmhf-compile and says what came out."""
    ptx = Path(options.build) / f"{options.preset}.ptx"
    tool = Path(options.build) / "bin" / "flashmhf-compile"
    base = [str(tool), f"--preset={options.preset}"]
    start = time.perf_counter()
    subprocess.run(base + ["--emit=ptx", "-o", str(ptx)], check=True)
    seconds = time.perf_counter() - start
    text = subprocess.run(
        base + ["--emit=schedule", "-o", "-"], check=True, capture_output=True, text=True
    ).stdout
    contract = json.loads(ptx.with_suffix(".json").read_text())
    print(f"schedule         {re.search(r'#flashmhf.schedule<[^>]*>', text).group(0)}")
    print(f"compiled         {options.preset} to PTX for {contract['chip']} in {seconds:.1f} s")
    print(
        f"launch           block {contract['block']}, cluster {contract['cluster']}, "
        f"{contract['shared_memory']} bytes of shared memory"
    )
    return ptx


def assemble(ptx, ptxas):
    """Runs ptxas; False where it fails, spills or serialises products."""
    cubin = ptx.with_suffix(".cubin")
    run = subprocess.run(
        [ptxas, "-arch=sm_90a", "-v", str(ptx), "-o", str(cubin)],
        capture_output=True,
        text=True,
    )
    log = run.stdout + run.stderr
    if run.returncode:
        print(log, file=sys.stderr)
        return False
    registers = re.search(r"Used (\d+) registers", log)
    spills = re.findall(r"(\d+) bytes spill (?:stores|loads)", log)
    notes = re.findall(r"C75\d\d", log)
    print(
        f"ptxas            {registers.group(1) if registers else '?'} registers at entry, "
        f"{sum(map(int, spills))} bytes spilled, "
        f"{len(notes)} notes about serialised products"
    )
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="the build tree")
    parser.add_argument("--ptxas", help="the assembler, if there is one")
    parser.add_argument("--preset", default="370m")
    parser.add_argument("--tokens", type=int, default=512)
    options = parser.parse_args()

    print(f"\n{options.preset}, {options.tokens} tokens, bf16\n")
    ptx = compile_to_ptx(options)
    assembled = True
    if options.ptxas:
        assembled = assemble(ptx, options.ptxas)
    else:
        print("ptxas            not found: the PTX is not assembled")

    problem = flashmhf.presets[options.preset]
    operands = draw(problem, options.tokens)
    start = time.perf_counter()
    flashmhf.run(*operands, target="cpu")
    first = time.perf_counter() - start
    start = time.perf_counter()
    out = flashmhf.run(*operands, target="cpu")
    again = time.perf_counter() - start
    error = flashmhf.relative_error(out, flashmhf.reference(*operands))
    flops = problem.flops(1, options.tokens)
    print(
        f"CPU              {again * 1e3:.0f} ms, {flops / again / 1e9:.0f} GFLOP/s on "
        f"{os.cpu_count()} cores (the first call, with compilation: {first:.1f} s)"
    )
    print(f"error            {error:.2e} against float64 (relative Frobenius norm)")
    print(f"PTX              {ptx}")
    print(f"launch contract  {ptx.with_suffix('.json')}")
    bound = 2.6e-3
    if not error <= bound:
        sys.exit(f"error: {error:.2e} is above {bound:.1e}")
    if not assembled:
        sys.exit("error: ptxas rejected the PTX")


main()
