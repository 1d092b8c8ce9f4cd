"""One launch of each small case, checked against the NumPy reference.

Meant to run under compute-sanitizer, so it keeps torch out and every
allocation exact: a tensor is an allocation of its own, and what a row padding
leaves out of the output must still hold the poison afterwards.
"""

from __future__ import annotations

import numpy as np

from .. import oracle
from ..compiler import compile
from ..dlpack import CUDA, make_tensor
from ..dtypes import bf16_bits, itemsize
from .driver import Gpu
from .ledger import compile_all
from .matrix import sanitizer_cases, strides_of

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
    x = rng.standard_normal(shape)
    return x * shape[-1] ** -0.5 if case.scaled and name in "ku" else x


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
    p = case.problem
    dtypes = {n: p.dtype for n in "qkuv"} | {"r": "f32", "out": p.out_dtype}
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
    want = oracle.reference(
        inputs["q"],
        inputs["k"],
        inputs.get("u"),
        inputs["v"],
        inputs.get("r"),
        activation=p.activation,
    )
    error = oracle.relative_error(out.tensor(), want)
    out.bits[...] = poison
    touched = int((out.flat != poison).sum())
    if touched:
        raise AssertionError(f"{touched} elements beside the output were written")
    return error


def run(pattern="", seed=None, image="ptx") -> int:
    """Runs the cases whose name contains `pattern`; returns the exit status."""
    cases = [c for c in sanitizer_cases() if pattern in c.name]
    gpu = Gpu()
    seed = np.random.SeedSequence(seed).entropy % 2**32
    print(f"{len(cases)} launches on {gpu.name}, seed {seed}, from {image}", flush=True)
    built = compile_all([c.problem for c in cases], lambda p: compile(p, emit=image))
    failures = 0
    for case in cases:
        try:
            artifact = built[case.problem]
            if isinstance(artifact, Exception):
                raise artifact
            error = _run(case, artifact, gpu, np.random.default_rng(seed))
            good = error <= case.limit
            note = f"error {error:.3e}" + ("" if good else f" > {case.limit:.1e}")
        except Exception as problem:  # one bad case must not hide the others
            good, note = False, f"{type(problem).__name__}: {problem}"
        failures += not good
        print(f"{'ok  ' if good else 'FAIL'} {case.name:12} {note}", flush=True)
    print(f"{len(cases) - failures} of {len(cases)} right")
    return 1 if failures or not cases else 0
