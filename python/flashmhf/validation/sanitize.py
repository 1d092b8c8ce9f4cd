"""One launch of each small case, checked against the NumPy reference.

`run` is meant to go under compute-sanitizer, so it keeps torch out and every
allocation exact: a tensor is an allocation of its own, and what a row padding
leaves out of the output must still hold the poison afterwards. `run_tools`
starts it under each tool and records the cases in the ledger.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np

from .. import oracle
from ..dlpack import CUDA, as_float64, make_tensor
from ..dtypes import bf16_bits, itemsize
from ..native import FlashmhfError
from . import ledger as ledgers
from .case import strides_of
from .driver import Gpu, machine
from .matrix import cases as matrix_cases
from .matrix import sanitizer_cases

TOOLS = ("memcheck", "racecheck", "synccheck", "initcheck")
_FOUND = 86  # exit status of compute-sanitizer where it found something

_STORAGE = {"bf16": np.uint16, "f16": np.uint16, "f32": np.uint32}
_POISON = {"bf16": 0x7FC1, "f16": 0x7E01, "f32": 0x7FC00001}


def _bits(values, dtype):
    if dtype == "bf16":
        return bf16_bits(values)
    wide = values.astype(np.float16 if dtype == "f16" else np.float32)
    return wide.view(_STORAGE[dtype])


def _values(case, name, shape, rng):
    if name == "r":
        gate = 1.0 / (1.0 + np.exp(-rng.standard_normal(shape)))
        return gate / gate.sum(-1, keepdims=True)
    return rng.standard_normal(shape) * case.scale(name)


def reference(case, inputs):
    """What a case computes, in float64."""
    if "x" in inputs:
        return np.einsum("bglk,hgnk->bhln", *(as_float64(inputs[n]) for n in "xw"), optimize=True)
    return oracle.reference(**{"u": None, "r": None, **inputs}, activation=case.problem.activation)


class _Buffer:
    """A tensor in host memory that is filled with poison where it has gaps."""

    def __init__(self, case, name, shape, dtype):
        padding = 16 // itemsize(dtype) if case.padded else 0
        self.shape, self.dtype = shape, dtype
        self.strides, extent = strides_of(shape, case.orders()[name], padding)
        self.flat = np.full(extent, _POISON[dtype], _STORAGE[dtype])
        self.bits = np.lib.stride_tricks.as_strided(
            self.flat, shape, [s * itemsize(dtype) for s in self.strides]
        )

    def tensor(self, pointer=None):
        if pointer is None:
            address, device = self.flat.ctypes.data, (1, 0)
        else:
            address, device = pointer, (CUDA, 0)
        return make_tensor(address, self.shape, self.strides, self.dtype, device, self)


def _run(case, artifact, gpu, rng):
    """The relative error of one launch. Raises where the memory is not right."""
    dtypes = case.kinds()
    buffers, pointers = {}, {}
    try:
        for name, shape in case.shapes().items():
            buffer = buffers[name] = _Buffer(case, name, shape, dtypes[name])
            if name != "out":
                buffer.bits[...] = _bits(_values(case, name, shape, rng), buffer.dtype)
            pointers[name] = gpu.allocate(buffer.flat.nbytes)
            gpu.upload(pointers[name], buffer.flat)
        artifact.load(0).launch([buffers[n].tensor(pointers[n]) for n in buffers])
        gpu.synchronize()
        out = buffers["out"]
        gpu.download(out.flat, pointers["out"])
    finally:
        for pointer in pointers.values():
            gpu.free(pointer)
    poison = _POISON[out.dtype]
    unwritten = int((out.bits == poison).sum())
    if unwritten:
        raise AssertionError(f"{unwritten} of {out.bits.size} outputs were not written")
    inputs = {n: buffers[n].tensor() for n in buffers if n != "out"}
    want = reference(case, inputs)
    error = oracle.relative_error(out.tensor(), want)
    out.bits[...] = poison
    touched = int((out.flat != poison).sum())
    if touched:
        raise AssertionError(f"{touched} elements beside the output were written")
    return error


def run(pattern="", seed=None, image="ptx", report=None) -> int:
    """Runs the cases whose name contains `pattern`; returns the exit status.
    `report`: a file for the errors found, as JSON."""
    cases = [c for c in sanitizer_cases() if pattern in c.name]
    gpu = Gpu()
    seed = np.random.SeedSequence(seed).entropy % 2**32
    print(f"{len(cases)} launches on {gpu.name}, seed {seed}, from {image}", flush=True)
    built = ledgers.compile_all([c.build for c in cases], lambda b: ledgers.compile_build(b, image))
    errors = {}
    for case in cases:
        try:
            artifact = built[case.build]
            if isinstance(artifact, Exception):
                raise artifact
            error = _run(case, artifact, gpu, np.random.default_rng(seed))
            if not error <= case.limit:
                raise AssertionError(f"error {error:.3e} > {case.limit:.1e}")
            errors[case.name] = error
            print(f"ok   {case.name:22} error {error:.3e}", flush=True)
        except Exception as problem:  # one bad case must not hide the others
            print(f"FAIL {case.name:22} {type(problem).__name__}: {problem}", flush=True)
    print(f"{len(errors)} of {len(cases)} right")
    if report is not None:
        with open(report, "w") as file:
            json.dump(dict(seed=seed, errors=errors), file)
    return 0 if cases and len(errors) == len(cases) else 1


def find_sanitizer():
    """compute-sanitizer on PATH or in the toolkit. Raises FlashmhfError."""
    roots = [os.environ.get(n) for n in ("CUDA_HOME", "CUDA_PATH")] + ["/usr/local/cuda"]
    places = [f"{root}/bin" for root in roots if root]
    found = shutil.which("compute-sanitizer") or shutil.which(
        "compute-sanitizer", path=os.pathsep.join(places)
    )
    if found is None:
        raise FlashmhfError(
            f"compute-sanitizer is neither on PATH nor in {', '.join(places)}", "unavailable"
        )
    return found


def run_tools(ledger=None, pattern="", seed=None, image="ptx", seconds=400) -> int:
    """Runs `run` under every tool of compute-sanitizer at the same time, `seconds`
    at most, prints what each found, and writes the rows of the cases that all
    tools found clean and right to `ledger`. Returns the exit status."""
    sanitizer = find_sanitizer()
    cases = [c for c in sanitizer_cases() if pattern in c.name]
    gpu, driver = machine()
    seed = int(np.random.SeedSequence(seed).entropy % 2**32)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        jobs = {}
        for tool in TOOLS:
            command = [sanitizer, "--tool", tool, "--error-exitcode", str(_FOUND), sys.executable]
            command += ["-m", "flashmhf", "validate", "--sanitize", "--filter", pattern]
            command += ["--seed", str(seed), "--image", image, "--report", f"{folder}/{tool}.json"]
            with open(f"{folder}/{tool}.log", "w") as log:
                jobs[tool] = subprocess.Popen(
                    command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
                )
        clean = [_finish(tool, job, folder, begin + seconds) for tool, job in jobs.items()]
    errors = {c.name: max(e.get(c.name, np.inf) for e in clean) for c in cases}
    right = [c for c in cases if errors[c.name] <= c.limit]
    print(f"{len(right)} of {len(cases)} cases clean and right under {', '.join(TOOLS)}")
    if ledger is not None:
        hashes = ledgers.compile_all(
            [c.build for c in right],
            lambda b: ledgers.ptx_hash(ledgers.compile_build(b, "ptx").ptx),
        )
        kept = ledgers.read(ledger)
        for case in cases:
            kept.pop(case.name, None)
        for case in right:
            kept[case.name] = dict(
                config=case.name,
                **ledgers.describe(case),
                tools=list(TOOLS),
                ptx_sha256=hashes[case.build],
                gpu=gpu,
                driver=driver,
                error=errors[case.name],
                date=datetime.date.today().isoformat(),
                seed=seed,
            )
        ledgers.write(ledger, kept, matrix_cases() + sanitizer_cases())
    return 0 if cases and len(right) == len(cases) else 1


def _finish(tool, job, folder, deadline) -> dict:
    """name -> error of the cases of one tool's run; empty where it found something."""
    try:
        status = job.wait(max(deadline - time.monotonic(), 1))
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)  # the tool and the program under it
        job.wait()
        status = "no end in time"
    with open(f"{folder}/{tool}.log") as log:
        text = log.read()
    verdict = "clean" if status == 0 else "FAILED"
    print(f"== {tool}: {verdict} (exit status: {status})", flush=True)
    if status != 0:
        print("\n".join(text.splitlines()[:60]), flush=True)
        return {}
    with open(f"{folder}/{tool}.json") as file:
        return json.load(file)["errors"]
