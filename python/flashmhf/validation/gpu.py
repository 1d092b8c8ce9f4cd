"""Every case on a GPU, with torch: right against float64, and how fast.

What is checked of each case, on fresh random data: every output is written, and
nothing beside it (poison around and between its rows); the relative Frobenius
error against a float64 reference computed on the same GPU; two more launches
give the same bits. All inputs lie between NaNs, so that a read past a tail shows.

Times are of CUDA graphs of back-to-back launches on inputs that stay in L2 where
they fit, in rounds that take turns with a bf16 8192^3 cuBLAS product; medians.
"""

from __future__ import annotations

import datetime
import math
import statistics
import subprocess
import time

import torch

from ..compiler import compile
from ..dlpack import import_tensor
from ..native import FlashmhfError
from ..runtime import run as run_operator
from . import ledger as ledgers
from .matrix import cases as all_cases
from .matrix import strides_of

DEVICE = "cuda"
GUARD = 4096  # elements before and behind every tensor
ROUNDS = 5
ROUND_SECONDS = 0.03
_TORCH = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}
_BITS = {torch.bfloat16: torch.int16, torch.float16: torch.int16, torch.float32: torch.int32}
_POISON = {torch.bfloat16: 0x7FC1, torch.float16: 0x7E01, torch.float32: 0x7FC00001}
_ACTIVATION = {
    "silu": torch.nn.functional.silu,
    "gelu": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    "relu": torch.relu,
    "relu2": lambda x: torch.relu(x) ** 2,
    "sigmoid": torch.sigmoid,
    "identity": lambda x: x,
}


class Buffer:
    """A strided tensor inside a larger allocation that is all NaN."""

    def __init__(self, case, name, shape, dtype):
        size = torch.empty((), dtype=dtype).element_size()
        padding = 16 // size if case.padded else 0
        self.strides, extent = strides_of(shape, case.orders()[name], padding)
        self.poison = _POISON[dtype]
        whole = torch.full((extent + 2 * GUARD,), self.poison, dtype=_BITS[dtype], device=DEVICE)
        self.whole = whole
        self.bits = torch.as_strided(whole, shape, self.strides, GUARD)
        self.tensor = torch.as_strided(whole.view(dtype), shape, self.strides, GUARD)

    def repoison(self):
        self.whole.fill_(self.poison)

    def check_written(self):
        """Raises where an element is not written, or one beside the tensor is."""
        unwritten = int((self.bits == self.poison).sum())
        if unwritten:
            raise AssertionError(f"{unwritten} of {self.bits.numel()} outputs not written")
        copy = self.whole.clone()
        torch.as_strided(copy, self.bits.shape, self.strides, GUARD).fill_(self.poison)
        touched = int((copy != self.poison).sum())
        if touched:
            raise AssertionError(f"{touched} elements beside the output were written")


def make_operands(case, seed):
    """name -> Buffer with random data, the output's full of poison."""
    generator = torch.Generator(DEVICE).manual_seed(seed)
    buffers = {}
    for name, shape in case.shapes().items():
        kind = dict(r="f32", out=case.problem.out_dtype).get(name, case.problem.dtype)
        buffers[name] = Buffer(case, name, shape, _TORCH[kind])
        if name == "out":
            continue
        x = torch.randn(shape, generator=generator, device=DEVICE)
        if name == "r":
            x = torch.sigmoid(x)
            x /= x.sum(-1, keepdim=True)
        elif name in "ku" and case.scaled:
            x *= shape[-1] ** -0.5
        buffers[name].tensor.copy_(x)
    return buffers


def reference(case, buffers):
    """The operator in float64 on the GPU, a sub-network at a time."""
    wide = {n: b.tensor for n, b in buffers.items() if n != "out"}
    act = _ACTIVATION[case.problem.activation]
    B, H, L, D = wide["q"].shape
    G = wide["k"].shape[0]
    # [B, G, H/G * L, D]: the heads of a group read the same weights.
    q = wide["q"].double().reshape(B, G, H // G * L, D)
    out = torch.zeros_like(q)
    for e in range(wide["k"].shape[1]):
        a = act(q @ wide["k"][:, e].double().transpose(1, 2))
        if "u" in wide:
            a *= q @ wide["u"][:, e].double().transpose(1, 2)
        if "r" in wide:
            a *= wide["r"][..., e].double().reshape(B, G, H // G * L, 1)
        out += a @ wide["v"][:, e].double()
    return out.reshape(B, H, L, D)


def relative_error(got, want) -> float:
    return float((got.double() - want).norm() / want.norm())


class Launcher:
    """Launches one case's kernel on torch's current stream."""

    def __init__(self, artifact, case, buffers):
        self._kernel = artifact.load(torch.cuda.current_device())
        names = case.problem.argument_names
        self._tensors = [import_tensor(buffers[n].tensor, n) for n in names]

    def __call__(self):
        self._kernel.launch(self._tensors, torch.cuda.current_stream().cuda_stream)


def check(case, artifact, seed):
    """(error, launcher) of a case. Raises AssertionError where memory is wrong."""
    buffers = make_operands(case, seed)
    launch = Launcher(artifact, case, buffers)
    out = buffers["out"]
    launch()
    torch.cuda.synchronize()
    out.check_written()
    error = relative_error(out.tensor, reference(case, buffers))
    first = out.bits.clone()
    for _ in range(2):
        out.repoison()
        launch()
        torch.cuda.synchronize()
        out.check_written()
        different = int((out.bits != first).sum())
        if different:
            raise AssertionError(f"{different} outputs differ from launch to launch")
    launch.buffers = buffers
    return error, launch


class Clock:
    """Times of callables as CUDA graphs, beside a cuBLAS product of known size."""

    SIZE = 8192

    def __init__(self):
        a, b = (
            torch.randn(self.SIZE, self.SIZE, device="cuda", dtype=torch.bfloat16)
            for _ in range(2)
        )
        c = torch.empty_like(a)
        self._product = self._graph(lambda: torch.mm(a, b, out=c))
        self.product_flops = 2 * self.SIZE**3

    def _graph(self, call):
        """(graph of n calls, n), n filling a round."""
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


def _machine():
    """(name of the GPU, version of the driver)."""
    name = torch.cuda.get_device_name()
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        text = subprocess.run(query, capture_output=True, text=True, timeout=30).stdout
        return name, text.split()[0]
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return name, "unknown"


def _build(problem, image):
    """(artifact to launch, hash of the PTX, schedule)."""
    ptx = compile(problem, emit="ptx")
    artifact = ptx if image == "ptx" else compile(problem, emit=image)
    artifact.load(torch.cuda.current_device())
    schedule = compile(problem, emit="schedule").text
    start = schedule.find("#flashmhf.schedule<")
    end = schedule.find(">", start) + 1
    return artifact, ledgers.ptx_hash(ptx.ptx), schedule[start:end]


def pick_image():
    """"cubin" where ptxas runs (it assembles in parallel), else "ptx"."""
    try:
        compile("128m", emit="cubin")
        return "cubin"
    except FlashmhfError:
        return "ptx"


def run(ledger=None, pattern="", quick=False, seed=None, timing=True, image=None) -> int:
    """Runs the cases whose name contains `pattern` (the quick ones only, if so
    asked), writes the rows of those that are right to `ledger` and removes those
    of the others. Returns the exit status, 0 where all are right."""
    every = all_cases()
    cases = [c for c in every if pattern in c.name and (c.quick or not quick)]
    if not cases:
        print(f"no case contains {pattern!r}")
        return 1
    begin = time.monotonic()
    gpu, driver = _machine()
    seed = torch.seed() % 2**31 if seed is None else seed
    image = pick_image() if image is None else image
    print(f"{len(cases)} cases on {gpu}, driver {driver}, seed {seed}, from {image}", flush=True)
    built = ledgers.compile_all([c.problem for c in cases], lambda p: _build(p, image))
    print(f"{len(built)} kernels built in {time.monotonic() - begin:.0f} s", flush=True)

    clock = Clock() if timing else None
    rows, failed = [], {}
    for number, case in enumerate(cases):
        try:
            if isinstance(built[case.problem], Exception):
                raise built[case.problem]
            artifact, digest, schedule = built[case.problem]
            error, launch = check(case, artifact, seed + number)
            row = dict(config=case.name, **ledgers.describe(case))
            row.update(schedule=schedule, ptx_sha256=digest, gpu=gpu, driver=driver, error=error)
            if clock:
                seconds, product = clock.measure(launch)
                row["tflops"] = round(case.flops / seconds / 1e12, 3)
                row["cublas_tflops"] = round(clock.product_flops / product / 1e12, 1)
                row["ratio"] = round(row["tflops"] / row["cublas_tflops"], 4)
                row["microseconds"] = round(seconds * 1e6, 2)
                launch.buffers["out"].check_written()
            row["date"] = datetime.date.today().isoformat()
            row["seed"] = seed + number
            if not error <= case.limit:
                raise AssertionError(f"error {error:.3e} > {case.limit:.1e}")
            rows.append(row)
            print(".", end="", flush=True)
        except Exception as problem:  # one bad case must not hide the others
            failed[case.name] = f"{type(problem).__name__}: {problem}"
            print(f"\nFAIL {case.name}: {failed[case.name]}", flush=True)
            if _gpu_is_lost():
                failed.update({c.name: "not run: the GPU context is lost" for c in cases[number + 1 :]})
                break
    if not failed:
        failed.update(_check_run(cases, seed))
    _report(rows, failed, cases, time.monotonic() - begin)
    if ledger is not None:
        kept = ledgers.read(ledger)
        for case in cases:
            kept.pop(case.name, None)
        kept.update({row["config"]: row for row in rows if row["config"] not in failed})
        ledgers.write(ledger, kept, every)
    return 1 if failed else 0


def _gpu_is_lost():
    """Whether a kernel's fault has made the context unusable."""
    try:
        torch.cuda.synchronize()
        return False
    except Exception:  # torch raises its own types here
        return True


def _check_run(cases, seed):
    """The public entry point once for each dtype."""
    chosen = {c.problem.dtype: c for c in reversed(cases)}
    failed = {}
    for dtype, case in chosen.items():
        try:
            check_streams(case, seed)
        except Exception as problem:  # reported like a failed case
            failed[f"run/{dtype}"] = f"{type(problem).__name__}: {problem}"
    return failed


def _report(rows, failed, cases, seconds):
    print("\n\nconfiguration            error     TFLOP/s  cuBLAS  ratio      us")
    for row in rows:
        line = f"{row['config']:24} {row['error']:.3e}"
        if "tflops" in row:
            line += f" {row['tflops']:8.1f} {row['cublas_tflops']:7.0f} {row['ratio']:6.2f}"
            line += f" {row['microseconds']:7.1f}"
        print(line)
    for name, reason in failed.items():
        print(f"{name:24} FAILED: {reason}")
    print(f"{len(cases)} cases, {len(failed)} failed, {seconds:.0f} s")
