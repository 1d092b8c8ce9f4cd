#!/usr/bin/env python3
"""How long the compiler takes from the operator to PTX: library calls, warm.

    bench_compile.py [--model 1.3b] [--limit 150] [--tool build/bin/flashmhf-compile]
                     [--triton flash_mlp_moe.py]

Prints wall-clock and CPU milliseconds down to each level (best of some: other
programs only add to them), the table of --mlir-timing of one run of the tool, and,
given the authors' kernel, what Triton takes for it with an empty cache, to PTX and to a
cubin (needs torch and Triton from 3.4 on; no GPU). All of one kernel; "all variants" is
PTX for a range of token counts. Fails where PTX takes more CPU time than the limit, or
more of it for each variant.
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

    def compile(emit, variants=1):
        return flashmhf.compile(
            source=source, emit=emit, max_variants=variants, ptxas_policy="ignore"
        )

    found = {level: measure(lambda level=level: compile(level), count) for level in LEVELS}
    found["all variants"] = measure(lambda: compile("ptx", 10), min(count, 3))
    try:
        compile("cubin")
    except flashmhf.FlashmhfError:
        return found  # no ptxas here
    found["cubin"] = measure(lambda: compile("cubin"), 2)
    return found


def timing_table(tool, source):
    """What the tool prints with --mlir-timing."""
    command = [tool, "--mlir-timing", "--emit=ptx", "--max-variants=1"]
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "op.mlir")
        file.write_text(source)
        command += [str(file), "-o", str(Path(scratch, "op.ptx"))]
        return subprocess.run(command, capture_output=True, text=True, check=True).stderr


class Hopper:
    """As much of a GPU's driver as Triton's compiler asks for."""

    def get_current_target(self):
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", 90, 32)

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 0


def triton_levels(file, problem, count):
    """name -> (best wall-clock, median wall-clock, best CPU) milliseconds of compiling
    the authors' kernel down to it, nothing cached: by Triton's own clock of its stages.
    CPU time of PTX is the whole call's, which leaves out ptxas, a process of its own."""
    import triton

    from flashmhf.bench.peers import triton_kernel

    triton.runtime.driver.set_active(Hopper())
    found, cpus = {"ptx": [], "cubin": []}, []

    def listen(*, times, **_):
        total = times.ir_initialization
        for stage, microseconds in times.lowering_stages:
            total += microseconds
            if stage in found:
                found[stage].append(total / 1e3)

    triton.knobs.compilation.listener = listen
    for _ in range(count + 1):
        with tempfile.TemporaryDirectory() as cache:
            os.environ["TRITON_CACHE_DIR"] = cache
            kernel = triton_kernel.load(file)
            cpu = time.process_time()
            triton_kernel.compile_only(kernel, problem, 4096)
            cpus.append((time.process_time() - cpu) * 1e3)
    levels = {name: [min(t[1:]), statistics.median(t[1:])] for name, t in found.items()}
    levels["ptx"].append(min(cpus[1:]))
    return levels


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
        print("  authors' kernel by Triton")
        for level, (best, median, *cpu) in triton_levels(options.triton, problem, 5).items():
            shown = f"{cpu[0]:10.1f}" if cpu else ""
            print(f"  operator to {level:12} {best:9.1f} {median:8.1f} {shown}")
    cpu = found["ptx"][2]
    if cpu > options.limit:
        sys.exit(f"error: {cpu:.1f} ms of CPU time to PTX, the limit is {options.limit:.1f}")
    variants = flashmhf.explain(problem, runners_up=0).get("variants", [0])
    each = found["all variants"][2] / len(variants)
    if each > options.limit:
        sys.exit(f"error: {each:.1f} ms for each of {len(variants)} variants, the limit is "
                 f"{options.limit:.1f}")  # fmt: skip


main()
