"""`run`: the operator on tensors of any framework, compiled once per problem."""

from __future__ import annotations

import contextlib
import functools
import sys
import threading

import numpy as np

from . import compiler, torch_launch
from .dlpack import import_tensor
from .dtypes import numpy_dtype
from .problem import Problem, check_operands

_LEGACY_STREAM = 1  # DLPack's number for CUDA's default stream

_cache = {}
_lock = threading.Lock()


def run(q, k, u, v, r=None, *, activation="silu", out=None, target=None, stream=None, trace=None):
    """The Flash Multi-Head FFN of tensors: writes `out` and returns it.

    ``O[b,h,l] = sum over e of R[b,h,l,e] * (act(Q K_e^T) * (Q U_e^T)) V_e``; head
    h reads KUV-head ``h // (H // G)``. Products accumulate in f32 (f64 for f64);
    A and O are rounded once to the input type.

    Parameters
    ----------
    q : [B, H, L, D]; k, u, v : [G, E, F, D]; H a multiple of G; bf16 or f16, on
        the CPU f32 and f64 too, all of one dtype. Any strides with innermost
        stride 1 (for a kernel: 16-byte aligned base, other strides multiples of 16
        bytes). `u` may be None: the product is then ``act(Q K_e^T) V_e``.
        NumPy arrays (bfloat16 from ml_dtypes) or anything with ``__dlpack__``.
    r : [B, H, L, E], f32 (f64 for f64 inputs), or None, which means 1.
    activation : "silu", "gelu" (tanh form), "relu", "relu2", "sigmoid", "identity".
    out : [B, H, L, D] to write into, of q's dtype or f32. By default a torch
        tensor like `q` for torch tensors, else a NumPy array like `q`.
    target : "cpu" or "cuda"; default: where the tensors are. "emulate" runs the
        kernel of an H100 on the CPU, warpgroup by warpgroup, on CPU tensors.
    stream : on a GPU, the CUstream to enqueue on, as an integer or a
        torch.cuda.Stream; default: torch's current stream of the tensors' GPU for
        torch tensors, else CUDA's default stream. Nothing waits for it.

    trace : with target "emulate", a file to write the predicted time line on an H100 of
        the first block or, if slower, one that shares tiles with others to, for Chrome's
        or Perfetto's viewer.

    The function is compiled on the first call with its sizes, dtype and
    activation, on a GPU with schedules for the one that the tensors are on, and kept;
    B and L may change freely. No tensor is copied. A call may
    be captured as a CUDA graph once a call like it has been made. Graphs that were
    captured on one stream must not run at the same time.

    Raises ValueError for tensors that do not fit, FlashmhfError otherwise. No
    gradient is recorded: tensors that require one are refused unless under
    torch.no_grad().
    """
    if trace is not None and target != "emulate":
        raise ValueError(f"trace is written by target 'emulate' only, not by {target!r}")
    operands = (q, k, u, v, r, out)
    if target is None or target == "cuda":
        asked = None if stream is None else _stream_handle(stream)
        done = torch_launch.launch(operands, activation, asked)
        if done is not None:
            return done
    return _run(operands, activation, target, stream, trace)


_NAMES = ("q", "k", "u", "v", "r", "out")


def _run(operands, activation, target, stream, trace, programmatic=False):
    """The general way. `programmatic`: the kernel may start early, see compile."""
    q, out = operands[0], operands[5]
    operands = {name: x for name, x in zip(_NAMES, operands) if x is not None}
    for name in ("q", "k", "v"):
        if name not in operands:
            raise ValueError(f"{name} is None, it must be a tensor")
    torch_like = _is_torch(q)
    handle = _launch_stream(q, stream)
    tensors = {
        name: import_tensor(x, name, _exporter_stream(x, handle)) for name, x in operands.items()
    }
    target = _check_target(tensors, target)
    if "out" not in tensors:
        check_operands(tensors)
        out = operands["out"] = _allocate(q, tensors["q"], target, handle)
        tensors["out"] = import_tensor(out, "out", _exporter_stream(out, handle))
    check_operands(tensors)

    G, E, F, D = tensors["k"].shape
    problem = Problem(
        heads=tensors["q"].shape[1],
        groups=G,
        head_dim=D,
        subnetworks=E,
        subnetwork_width=F,
        dtype=tensors["q"].dtype,
        out_dtype=tensors["out"].dtype,
        activation=activation,
        up="u" in tensors,
        router="r" in tensors,
    )
    arguments = [tensors[name] for name in problem.argument_names]
    compiled = _compiled(problem, target, tensors["q"].device_id, programmatic)
    if target == "cuda":
        compiled.launch(*arguments, stream=handle)
        if torch_like and not programmatic:
            torch_launch.remember(
                sys.modules["torch"],
                tuple(operands.get(name) for name in _NAMES),
                activation,
                handle,
                compiled.load(tensors["q"].device_id),
                [tensors.get(name) for name in _NAMES],
            )
    elif target == "emulate":
        compiled.run(*arguments, trace=trace)
    elif 0 not in tensors["out"].shape:
        compiled.run(*arguments)
    return out


def clear_cache() -> None:
    """Forgets every compiled function. Kernels still running must have finished."""
    with _lock:
        _cache.clear()
        torch_launch.clear()


@functools.lru_cache(maxsize=None)
def _gpu_name(device):
    """Of GPU number `device`, which the driver is asked for once."""
    return compiler.gpu_name(device)


def _compiled(problem, target, device, programmatic=False):
    """`problem`: a Problem, or the MLIR text of another operator. `device`: for target
    "cuda" the number of the GPU that it is to run on; GPUs of one name share it."""
    gpu = _gpu_name(device) if target == "cuda" else None
    key = (problem, target, gpu, programmatic)
    with _lock:
        if key not in _cache:
            options = dict(programmatic=True) if programmatic else {}
            if gpu is not None:
                options["gpu"] = gpu
            make = _MAKERS[target]
            if isinstance(problem, str):
                _cache[key] = make(source=problem, **options)
            else:
                _cache[key] = make(problem, **options)
        return _cache[key]


_MAKERS = {
    "cpu": lambda *problem, **options: compiler.jit(*problem, **options),
    "cuda": lambda *problem, **options: compiler.compile(*problem, **options),
    "emulate": lambda *problem, **options: compiler.emulator(*problem, **options),
}


def _is_torch(x) -> bool:
    return type(x).__module__.split(".")[0] == "torch"


def _torch_stream(device) -> int:
    import torch

    return torch.cuda.current_stream(device).cuda_stream


def _launch_stream(x, stream) -> int:
    """The CUstream to launch on: `stream`, or torch's for a tensor x of torch."""
    if stream is None and _is_torch(x) and x.is_cuda:
        return _torch_stream(x.device)
    return _stream_handle(stream)


def _stream_handle(stream) -> int:
    if stream is None:
        return 0
    return int(getattr(stream, "cuda_stream", stream))


def _exporter_stream(x, handle):
    """What ``__dlpack__(stream=)`` is told: the stream that will read the data."""
    if isinstance(x, np.ndarray) or not hasattr(x, "__dlpack_device__"):
        return None
    if x.__dlpack_device__()[0] == 1:
        return None
    return handle or _LEGACY_STREAM


def _check_target(tensors, target, first="q"):
    where = {name: t.target for name, t in tensors.items()}
    if target is None:
        target = where[first]
    if target not in _MAKERS:
        known = ", ".join(f'"{name}"' for name in _MAKERS)
        raise ValueError(f"target {target!r} is unknown; known are {known}")
    memory = "cuda" if target == "cuda" else "cpu"
    devices = {n: (t.device_type, t.device_id) for n, t in tensors.items()}
    for name, place in where.items():
        if place != memory:
            raise ValueError(
                f"{name} is in {_MEMORY[place]}, but the target is {target!r}: move it there"
            )
        if target == "cuda" and devices[name][1] != devices[first][1]:
            raise ValueError(
                f"{name} is on GPU {devices[name][1]}, but {first} is on GPU {devices[first][1]}"
            )
    return target


_MEMORY = {"cpu": "CPU memory", "cuda": "GPU memory"}


def _allocate(q, tensor, target, handle):
    if _is_torch(q):
        import torch

        with _enqueue_on(q, handle):
            return torch.empty_like(q, requires_grad=False)
    _check_allocates(q, target)
    dtype = numpy_dtype(tensor.dtype)
    if isinstance(q, np.ndarray):
        return np.empty_like(q, dtype=dtype, subok=False)
    return np.empty(tensor.shape, dtype)


def _check_allocates(like, target):
    if target == "cuda" and not _is_torch(like):
        module = type(like).__module__.split(".")[0]
        raise ValueError(f"out must be given for GPU tensors of {module}")


def _enqueue_on(x, handle):
    """What makes torch enqueue on a CUstream of the GPU that its tensor x is on, an
    integer; nothing for other arrays. Memory for a launch is allocated so, lest
    another stream reuses it while the kernel runs."""
    if not _is_torch(x) or not x.is_cuda or handle == _torch_stream(x.device):
        return contextlib.nullcontext()
    import torch

    if handle == 0:  # which torch takes for a stream that is yet to be made
        return torch.cuda.stream(torch.cuda.default_stream(x.device))
    return torch.cuda.stream(torch.cuda.ExternalStream(handle, device=x.device))
