"""What small configurations compute on a GPU, for machines that have none.

`record` launches every recording on this machine's GPU and keeps the outputs in one
file; `differences` computes the same ones in another way, such as by emulation, and
says how far it is from them.

The file is a compressed NumPy archive: for each recording its output as an array of
that name, [B,H,L,D], bf16 as uint16 bits; and "index", JSON text with gpu, driver,
date, and for each recording the problem, schedule and hash of its inputs.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os

import numpy as np

from .. import oracle
from ..dlpack import CUDA, make_tensor
from ..dtypes import bf16_bits, bf16_values, itemsize
from ..problem import Problem
from . import ledger as ledgers
from .case import Case
from .driver import Gpu, machine
from .projections import Projection, ProjectionCase
from .sanitize import reference

#: Largest relative difference between two ways to compute a kernel. They differ in the
#: order of f32 sums and in tanh, which on a GPU is the hardware's, within 2^-11; at most
#: 2.2e-4 was found.
AGREEMENT = 1e-3


def recordings() -> list:
    """Every recording, as a case: shapes with tails, and schedules of each kind."""
    base = Problem(heads=2, groups=1, head_dim=64, subnetworks=2, subnetwork_width=136)
    exact = base.replace(activation="relu2", subnetwork_width=128)

    def schedule(**keys):
        return ", ".join(f"{k} = {v}" for k, v in keys.items())

    def recording(name, problem, tokens, **options):
        return Case(name, problem, tokens, scaled=True, **options)

    found = [
        recording("silu", base.replace(out_dtype="f32"), 70),
        recording("silu-bf16", base, 70, batch=2),
        recording("gelu", base.replace(activation="gelu", out_dtype="f32"), 70),
        recording("sigmoid", base.replace(activation="sigmoid", out_dtype="f32"), 40),
        recording("relu", base.replace(activation="relu"), 150),
        recording("identity-f16", base.replace(activation="identity", dtype="f16"), 70),
        recording("one-token", exact.replace(head_dim=128), 1, batch=2),
        recording("d96", exact.replace(head_dim=96, groups=2), 130),
        recording("d256", exact.replace(head_dim=256, heads=1), 65),
        recording("bare", exact.replace(up=False, router=False), 70),
    ]
    schedules = {
        "plain": dict(dff_tile=64, overlap="false", persistent="false"),
        "overlap": dict(dff_tile=64, overlap="true", persistent="true"),
        "rotate": dict(dff_tile=64, overlap="true", persistent="true", rotate="true"),
        "cluster": dict(dff_tile=64, overlap="true", cluster=2),
        "one-consumer": dict(token_tile=64, consumers=1, dff_tile=32, registers="[40, 240]"),
        "split": dict(token_tile=64, consumers=1, dff_tile=32, split=3),
        "programmatic": dict(token_tile=64, consumers=1, dff_tile=32, split=2, programmatic="true"),
        "exchange": dict(
            token_tile=16, consumers=1, dff_tile=64, split=3, overlap="true", exchange="true"
        ),
        "exchange-push": dict(
            token_tile=32, consumers=1, dff_tile=64, registers="[40, 240]", split=4, push="true",
            exchange="true"
        ),  # fmt: skip
        "tiles": dict(
            dff_tile=64, overlap="true", persistent="true", producers=2, fuse_tiles="true"
        ),
    }
    found += [
        recording(f"schedule-{name}", exact, 150, schedule=schedule(**keys))
        for name, keys in schedules.items()
    ]
    silu = exact.replace(activation="silu", out_dtype="f32", heads=1)
    keys = dict(dff_tile=64, overlap="true", halve_q="true")
    found.append(recording("schedule-halve", silu, 130, schedule=schedule(**keys)))
    linear = Projection(heads=3, groups=2, columns=48, depth=160)
    rows = dict(stages="[2, 2, 2]", dff_tile=32, programmatic="true")
    pushed = dict(rows, token_tile=64, consumers=1, split=4, push="true")
    exchanged = dict(rows, token_tile=16, consumers=1, exchange="true", split=3)
    wide = dict(rows, token_tile=128)
    for name, keys in (("push", pushed), ("exchange", exchanged), ("wide", wide)):
        more = dict(schedule=schedule(**keys), any_count=True)
        found.append(ProjectionCase(f"project-{name}", linear, 70, **more))
    f32 = dataclasses.replace(linear, dtype="f16", out_dtype="f32")
    found.append(ProjectionCase("project-f32", f32, 13, batch=2))
    return found


def _uniform(generator, shape, scale=1.0):
    """Uniform, of variance scale^2; the raw stream is the same in every NumPy."""
    count = int(np.prod(shape))
    raw = generator.random_raw(count) >> np.uint64(40)
    return (raw.astype(np.float64) * 2.0**-23 - 1.0).reshape(shape) * (scale * 3**0.5)


def _to_bits(values, dtype):
    if dtype == "bf16":
        return bf16_bits(values)
    return values.astype({"f16": np.float16, "f32": np.float32}[dtype])


def _to_values(array, dtype):
    return (bf16_values(array) if dtype == "bf16" else array).astype(np.float64)


def inputs(recording) -> dict:
    """name -> array, bf16 as bits; the same on every machine."""
    kinds = recording.kinds()
    digest = hashlib.sha256(recording.name.encode()).digest()
    generator = np.random.PCG64(int.from_bytes(digest[:8], "little"))
    arrays = {}
    for name, shape in recording.shapes().items():
        if name == "out":
            continue
        if name == "r":
            gate = _uniform(generator, shape) + 2.0
            arrays[name] = _to_bits(gate / gate.sum(-1, keepdims=True), "f32")
        else:
            values = _uniform(generator, shape, recording.scale(name))
            arrays[name] = _to_bits(values, kinds[name])
    return arrays


def fingerprint(arrays) -> str:
    """sha256 of the bytes of `inputs`, in hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays.values():
        digest.update(array.tobytes())
    return digest.hexdigest()


def tensors(recording, arrays, out) -> list:
    """The arguments of the compiled function, on the CPU; `out` as in the file."""
    kinds = recording.kinds()
    arrays = arrays | {"out": out}
    return [_tensor(arrays[name], kinds[name]) for name in recording.problem.argument_names]


def empty(recording) -> np.ndarray:
    """An output full of NaN."""
    dtype = recording.problem.out_dtype
    return _to_bits(np.full(recording.shapes()["out"], np.nan), dtype)


def _tensor(array, dtype, pointer=None):
    strides = tuple(s // itemsize(dtype) for s in array.strides)
    address, device = (array.ctypes.data, (1, 0)) if pointer is None else (pointer, (CUDA, 0))
    return make_tensor(address, array.shape, strides, dtype, device, array)


def error(recording, out) -> float:
    """Relative error of an output against float64."""
    kinds = recording.kinds()
    values = {n: _tensor(array, kinds[n]) for n, array in inputs(recording).items()}
    want = reference(recording, values)
    return oracle.relative_error(_to_values(out, recording.problem.out_dtype), want)


def _launch(recording, gpu):
    artifact = ledgers.compile_build(recording.build, "ptx")
    arrays = inputs(recording) | {"out": empty(recording)}
    kinds = recording.kinds()
    pointers = {}
    try:
        for name, array in arrays.items():
            pointers[name] = gpu.allocate(array.nbytes)
            gpu.upload(pointers[name], array)
        artifact.load(0).launch(
            [_tensor(arrays[n], kinds[n], pointers[n]) for n in recording.problem.argument_names]
        )
        gpu.synchronize()
        gpu.download(arrays["out"], pointers["out"])
    finally:
        for pointer in pointers.values():
            gpu.free(pointer)
    return arrays["out"]


def record(path, launch=None) -> int:
    """Launches every recording and writes the file. Returns the exit status: 0
    where all of them are right, within the limits of the ledger, of float64. Those
    that are not are left out. `launch`: in place of a GPU, a function of a
    recording that returns its output."""
    gpu, driver = machine() if launch is None else ("none", "none")
    if launch is None:
        device = Gpu()
        launch = lambda recording: _launch(recording, device)  # noqa: E731
    rows, arrays, failed = {}, {}, 0
    for recording in recordings():
        limit = recording.limit
        try:
            out = launch(recording)
            found = error(recording, out)
            if not found <= limit:
                raise AssertionError(f"error {found:.3e} > {limit:.1e}")
        except Exception as problem:  # one bad kernel must not hide the others
            failed += 1
            print(f"FAIL {recording.name:22} {type(problem).__name__}: {problem}", flush=True)
            continue
        print(f"ok   {recording.name:22} error {found:.3e}", flush=True)
        arrays[recording.name] = out
        rows[recording.name] = dict(_describe(recording), error=found)
    if not rows:
        return 1
    index = dict(gpu=gpu, driver=driver, date=datetime.date.today().isoformat(), rows=rows)
    temporary = f"{path}.new.npz"
    np.savez_compressed(temporary, index=np.array(json.dumps(index)), **arrays)
    os.replace(temporary, path)
    print(f"{len(rows)} outputs in {path}")
    return 1 if failed else 0


def _describe(recording) -> dict:
    return dict(
        problem=recording.problem.asdict(),
        tokens=recording.tokens,
        batch=recording.batch,
        schedule=recording.build.schedule or None,
        inputs=fingerprint(inputs(recording)),
    )


def read(path) -> tuple:
    """(index, name -> output) of a file."""
    with np.load(path) as file:
        index = json.loads(str(file["index"]))
        return index, {name: file[name] for name in index["rows"]}


def difference(recording, out, index, outputs) -> float:
    """Relative difference of an output from the file's. Raises ValueError where the
    file has none of that recording as it is now."""
    row = index["rows"].get(recording.name)
    if row is None:
        raise ValueError(f"{recording.name}: not in the file")
    changed = [key for key, value in _describe(recording).items() if row[key] != value]
    if changed:
        raise ValueError(f"{recording.name}: recorded with another {' and '.join(changed)}")
    dtype = recording.problem.out_dtype
    return oracle.relative_error(_to_values(out, dtype), _to_values(outputs[recording.name], dtype))
