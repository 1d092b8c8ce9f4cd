#!/usr/bin/env python3
"""How long the compiler takes from the operator to PTX: library calls, warm.

    bench_compile.py [--model 1.3b] [--limit 150] [--tool build/bin/flashmhf-compile]
                     [--triton flash_mlp_moe.py]

Prints wall-clock and CPU milliseconds down to each level (best of some: other
programs only add to them), the table of --mlir-timing of one run of the tool, and,
given the authors' kernel, what Triton takes for it with an empty cache (to a cubin,
ptxas included; needs torch, Triton and a GPU). Fails where PTX takes more CPU time
than the limit.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
try:
    import flashmhf
except ImportError:
    sys.path.insert(0, str(ROOT / "python"))
    import flashmhf

LEVELS = ("mlir", "hopper", "nvvm", "llvm", "ptx")


def measure(call, count):
    """(best wall-clock, median wall-clock, best CPU) milliseconds of `count` calls."""
    walls, cpus = [], []
    call()
    for _ in range(count):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        walls.append((time.perf_counter() - wall) * 1e3)
        cpus.append((time.process_time() - cpu) * 1e3)
    return min(walls), statistics.median(walls), min(cpus)


def levels(source, count):
    """name -> what `measure` says of compiling down to it."""
    found = {}
    for level in LEVELS:
        found[level] = measure(lambda: flashmhf.compile(source=source, emit=level), count)
    try:
        flashmhf.compile(source=source, emit="cubin", ptxas_policy="ignore")
    except flashmhf.FlashmhfError:
        return found  # no ptxas here
    found["cubin"] = measure(
        lambda: flashmhf.compile(source=source, emit="cubin", ptxas_policy="ignore"), 2
    )
    return found


def timing_table(tool, source):
    """What the tool prints with --mlir-timing."""
    command = [tool, "--mlir-timing", "--emit=ptx"]
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "op.mlir")
        file.write_text(source)
        command += [str(file), "-o", str(Path(scratch, "op.ptx"))]
        return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def triton_seconds(file, problem):
    """Of compiling the authors' kernel, nothing cached."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TRITON_CACHE_DIR"] = cache
        from flashmhf.bench.peers import triton_kernel

        kernel = triton_kernel.load(file)
        begin = time.perf_counter()
        triton_kernel.compile_only(kernel, problem, 4096)
        return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="1.3b")
    parser.add_argument("--limit", type=float, default=150, help="milliseconds of CPU time")
    parser.add_argument("--count", type=int, default=15)
    tool = ROOT / "build" / "bin" / "flashmhf-compile"
    parser.add_argument("--tool", default=tool, type=Path)
    parser.add_argument("--triton", help="the authors' flash_mlp_moe.py")
    options = parser.parse_args()
    problem = flashmhf.presets[options.model]
    found = levels(problem.source(), options.count)
    print(f"{options.model}: milliseconds     wall best  median    CPU best")
    for level, (best, median, cpu) in found.items():
        print(f"  operator to {level:12} {best:9.1f} {median:8.1f} {cpu:10.1f}")
    if options.tool.is_file():
        print(timing_table(options.tool, problem.source()))
    if options.triton:
        seconds = triton_seconds(options.triton, problem)
        print(f"  Triton, authors' kernel to cubin: {seconds * 1e3:.0f} ms")
    cpu = found["ptx"][2]
    if cpu > options.limit:
        sys.exit(f"error: {cpu:.1f} ms of CPU time to PTX, the limit is {options.limit:.1f}")


main()
