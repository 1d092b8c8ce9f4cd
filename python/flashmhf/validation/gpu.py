"""Every case on a GPU, with torch: right against float64, and how fast.

What is checked of each case, on fresh random data: every output is written, and
nothing beside it (poison around and between its rows); the relative Frobenius
error against a float64 reference computed on the same GPU; two more launches
and a CUDA graph of one give the same bits. All inputs lie between NaNs, so that a read past a tail shows.

Times are of CUDA graphs of back-to-back launches on inputs that stay in L2 where
they fit, in rounds that take turns with a bf16 8192^3 cuBLAS product; medians.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import math
import statistics
import time

import torch

from ..compiler import compile
from ..dlpack import import_tensor
from ..native import FlashmhfError
from ..runtime import run as run_operator
from . import layers
from . import ledger as ledgers
from .case import Case
from .driver import machine
from .matrix import cases as all_cases
from .matrix import sanitizer_cases
from .operands import make_operands, reference, relative_error, where
from .progress import Progress

CASE_SECONDS = 40
ROUNDS = 5
ROUND_SECONDS = 0.03


class Launcher:
    """Launches one case's kernel on torch's current stream."""

    def __init__(self, artifact, case, buffers):
        self._kernel = artifact.load(torch.cuda.current_device())
        names = case.problem.argument_names
        self._tensors = [import_tensor(buffers[n].tensor, n) for n in names]

    def __call__(self):
        self._kernel.launch(self._tensors, torch.cuda.current_stream().cuda_stream)


def check(case, artifact, seed):
    """(error, launcher) of a case. Raises AssertionError where it is not right."""
    buffers = make_operands(case, seed)
    launch = Launcher(artifact, case, buffers)
    out = buffers["out"]
    launch()
    torch.cuda.synchronize()
    out.check_written()
    want = reference(case, buffers)
    error = relative_error(out.tensor, want)
    if not error <= case.limit:
        raise AssertionError(
            f"error {error:.3e} > {case.limit:.1e}; wrong: {where(out.tensor, want, case.limit)}"
        )
    first = out.bits.clone()
    for _ in range(2):
        out.repoison()
        launch()
        torch.cuda.synchronize()
        out.check_written()
        different = int((out.bits != first).sum())
        if different:
            raise AssertionError(f"{different} outputs differ from launch to launch")
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    with torch.cuda.stream(stream):
        launch()  # where a kernel needs a workspace, it is not allocated under capture
    stream.synchronize()
    with torch.cuda.graph(graph, stream=stream):
        launch()
    for _ in range(2):
        out.repoison()
        torch.cuda.synchronize()
        graph.replay()
        torch.cuda.synchronize()
        out.check_written()
        different = int((out.bits != first).sum())
        if different:
            raise AssertionError(f"{different} outputs differ when captured as a graph")
    launch.buffers = buffers
    return error, launch


class Clock:
    """Times of callables as CUDA graphs, beside a cuBLAS product of known size."""

    SIZE = 8192

    def __init__(self):
        a, b = (
            torch.randn(self.SIZE, self.SIZE, device="cuda", dtype=torch.bfloat16) for _ in range(2)
        )
        c = torch.empty_like(a)
        self._operands = a, b, c  # the graph does not keep them alive
        self._product = self._graph(lambda: torch.mm(a, b, out=c))
        self.product_flops = 2 * self.SIZE**3

    def _graph(self, call):
        """(graph of n calls, n), n filling a round."""
        torch.cuda.synchronize()
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            for _ in range(3):
                call()
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            for _ in range(5):
                call()
            end.record()
            end.synchronize()
            seconds = start.elapsed_time(end) / 5e3
        count = max(1, min(2000, math.ceil(ROUND_SECONDS / max(seconds, 1e-6))))
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for _ in range(count):
                call()
        return graph, count

    @staticmethod
    def _seconds(graph, count):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        graph.replay()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3 / count

    def measure(self, call):
        """Median (seconds of the call, seconds of the product) over the rounds."""
        timed = self._graph(call)
        self._seconds(*timed)
        pairs = [(self._seconds(*timed), self._seconds(*self._product)) for _ in range(ROUNDS)]
        return tuple(statistics.median(column) for column in zip(*pairs))


def check_streams(case, seed):
    """`flashmhf.run` on a stream of its own, into an output that it allocates."""
    buffers = make_operands(case, seed)
    operands = [buffers[n].tensor if n in buffers else None for n in "qkuvr"]
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        operands[0] = operands[0] * 1  # produced on the stream that the kernel must use
        out = run_operator(*operands, activation=case.problem.activation)
    stream.synchronize()
    error = relative_error(out, reference(case, buffers))
    if not error <= case.limit:
        raise AssertionError(f"flashmhf.run: error {error:.3e} > {case.limit:.1e}")


def _build(build, image):
    """(artifact to launch, hash of the PTX, what the compiler chose)."""
    ptx = ledgers.compile_build(build, "ptx")
    artifact = ptx if image == "ptx" else ledgers.compile_build(build, image)
    artifact.load(torch.cuda.current_device())
    choice = json.loads(ledgers.compile_build(build, "schedule").text)["operators"][0]
    return artifact, ledgers.ptx_hash(ptx.ptx), choice


def pick_image():
    """ "cubin" where ptxas runs (it assembles in parallel), else "ptx"."""
    try:
        compile("128m", emit="cubin")
        return "cubin"
    except FlashmhfError:
        return "ptx"


def run(
    ledger=None,
    pattern="",
    quick=False,
    seed=None,
    timing=True,
    image=None,
    resume=None,
    stale=False,
) -> int:
    """Runs the cases whose name contains `pattern` (the quick ones only, or those that
    `ledger` does not vouch for, if so asked), writes the rows of those that are right to
    `ledger` and removes those of the others. `resume`: what a restarted process goes on
    with, see Progress. Returns the exit status, 0 where all are right."""
    every = all_cases()
    cases, whole = (
        [c for c in group if pattern in c.name and (c.quick or not quick)]
        for group in (every, layers.cases())
    )
    if not cases and not whole:
        print(f"no case contains {pattern!r}")
        return 1
    begin = time.monotonic()
    if stale:
        if ledger is None:
            raise ValueError("which cases are stale a ledger says: give --ledger")
        found = ledgers.stale(ledgers.read(ledger), cases)
        cases = [case for case in cases if case.name in found]
    gpu, driver = machine()
    progress = Progress(torch.seed() % 2**31 if seed is None else seed, resume)
    todo = [(n, c) for n, c in enumerate(cases) if c.name not in progress.done()]
    image = pick_image() if image is None else image
    print(
        f"{len(todo)} cases on {gpu}, driver {driver}, seed {progress.seed}, from {image}",
        flush=True,
    )
    built = ledgers.compile_all([c.build for _, c in todo], lambda b: _build(b, image))
    print(f"{len(built)} kernels built in {time.monotonic() - begin:.0f} s", flush=True)

    clock = Clock() if timing else None
    for number, case in todo:
        row = dict(config=case.name, **ledgers.describe(case), gpu=gpu, driver=driver)
        with _noting_failure(case, progress):
            row.update(_measure(case, built[case.build], progress.seed + number, clock))
            progress.rows.append(row)
            print(".", end="", flush=True)
    errors = _check_layers(whole, progress)
    failed = dict(progress.failed)
    if not failed:
        failed.update(_check_run(cases, progress.seed))
    rows = progress.rows
    progress.close()
    _report(rows, errors, failed, len(cases) + len(whole), time.monotonic() - begin)
    if ledger is not None:
        kept = ledgers.read(ledger)
        for case in cases:
            kept.pop(case.name, None)
        kept.update({row["config"]: row for row in rows})
        ledgers.write(ledger, kept, every + sanitizer_cases())
    return 1 if failed else 0


def _measure(case, built, seed, clock):
    """What the row of a case says of this run. Raises where it is not right."""
    if isinstance(built, Exception):
        raise built
    artifact, digest, choice = built
    error, launch = check(case, artifact, seed)
    schedule = ledgers.taken_schedule(choice, case)
    row = dict(schedule=schedule, ptx_sha256=digest, error=error)
    if clock:
        seconds, product = clock.measure(launch)
        launch.buffers["out"].check_written()
        row["tflops"] = round(case.flops / seconds / 1e12, 3)
        row["cublas_tflops"] = round(clock.product_flops / product / 1e12, 1)
        row["ratio"] = round(row["tflops"] / row["cublas_tflops"], 4)
        row["microseconds"] = round(seconds * 1e6, 2)
    row["date"] = datetime.date.today().isoformat()
    row["seed"] = seed
    return row


def _check_layers(cases, progress) -> dict:
    """name -> error of the layers that are right."""
    errors = {}
    for number, case in enumerate(cases):
        if case.name not in progress.done():
            with _noting_failure(case, progress):
                errors[case.name] = layers.check(case, progress.seed + number)
                print(".", end="", flush=True)
    return errors


@contextlib.contextmanager
def _noting_failure(case, progress):
    """Notes that a case is not right, or does not end; one must not hide the others."""
    try:
        with progress.watch(case.name, CASE_SECONDS):
            yield
    except Exception as problem:  # reported
        reason = f"{type(problem).__name__}: {problem}"
        if _gpu_is_lost():
            progress.restart(case.name, reason)
        progress.failed[case.name] = reason
        print(f"\nFAIL {case.name}: {reason}", flush=True)


def _gpu_is_lost():
    """Whether a kernel's fault has made the context unusable."""
    try:
        torch.cuda.synchronize()
        return False
    except Exception:  # torch raises its own types here
        return True


def _check_run(cases, seed):
    """The public entry point once for each dtype."""
    chosen = {c.problem.dtype: c for c in reversed(cases) if isinstance(c, Case)}
    failed = {}
    for dtype, case in chosen.items():
        try:
            check_streams(case, seed)
        except Exception as problem:  # reported like a failed case
            failed[f"run/{dtype}"] = f"{type(problem).__name__}: {problem}"
    return failed


def _report(rows, layer_errors, failed, count, seconds):
    print("\n\nconfiguration            error     TFLOP/s  cuBLAS  ratio      us")
    for row in rows:
        line = f"{row['config']:24} {row['error']:.3e}"
        if "tflops" in row:
            line += f" {row['tflops']:8.1f} {row['cublas_tflops']:7.0f} {row['ratio']:6.2f}"
            line += f" {row['microseconds']:7.1f}"
        print(line)
    for name, error in layer_errors.items():
        print(f"{name:24} {error:.3e}")
    for name, reason in failed.items():
        print(f"{name:24} FAILED: {reason}")
    print(f"{count} cases, {len(failed)} failed, {seconds:.0f} s")
