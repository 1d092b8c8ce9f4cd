"""Tensors of any framework as DLPack structures, without copies.

`import_tensor` takes a NumPy array (bfloat16 ones from ml_dtypes too) or any
object with ``__dlpack__`` and gives a `Tensor`: the DLTensor that the C API
reads, and whatever keeps its memory alive. A capsule that an exporter hands out
is read and never consumed, so its own destructor frees it with the Tensor.
"""

from __future__ import annotations

import ctypes
from ctypes import (
    POINTER,
    Structure,
    c_char_p,
    c_int32,
    c_int64,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
)

import numpy as np

from .dtypes import DTYPES, bf16_values, dtype_from_dlpack, dtype_name, is_bfloat16, itemsize

CPU, CUDA, CUDA_HOST, CUDA_MANAGED = 1, 2, 3, 13


class DLDevice(Structure):
    _fields_ = [("device_type", c_int32), ("device_id", c_int32)]


class DLDataType(Structure):
    _fields_ = [("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16)]


class DLTensor(Structure):
    """``DLTensor`` of dlpack.h; shape and strides count elements."""

    _fields_ = [
        ("data", c_void_p),
        ("device", DLDevice),
        ("ndim", c_int32),
        ("dtype", DLDataType),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    ]


class _Version(Structure):
    _fields_ = [("major", c_uint32), ("minor", c_uint32)]


class _Managed(Structure):
    _fields_ = [("dl_tensor", DLTensor), ("ctx", c_void_p), ("deleter", c_void_p)]


class _ManagedVersioned(Structure):
    _fields_ = [
        ("version", _Version),
        ("ctx", c_void_p),
        ("deleter", c_void_p),
        ("flags", c_uint64),
        ("dl_tensor", DLTensor),
    ]


_api = ctypes.PyDLL(None)
_api.PyCapsule_IsValid.argtypes = [ctypes.py_object, c_char_p]
_api.PyCapsule_IsValid.restype = ctypes.c_int
_api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, c_char_p]
_api.PyCapsule_GetPointer.restype = c_void_p


def capsule_pointer(capsule, name: bytes):
    """What is in a capsule of this name, as an integer; None for anything else."""
    if not _api.PyCapsule_IsValid(capsule, name):
        return None
    return _api.PyCapsule_GetPointer(capsule, name)


class Tensor:
    """A strided view of somebody's memory.

    Attributes: ``dl`` (the DLTensor), ``dtype`` (short name), ``shape`` and
    ``strides`` (elements), ``pointer`` (address of the first element),
    ``device_type`` and ``device_id`` (DLPack's numbers).
    """

    __slots__ = ("dl", "dtype", "shape", "strides", "_keep")

    def __init__(self, dl: DLTensor, keep):
        self.dl = dl
        self._keep = keep
        self.dtype = dtype_from_dlpack(dl.dtype.code, dl.dtype.bits, dl.dtype.lanes)
        self.shape = tuple(dl.shape[i] for i in range(dl.ndim))
        if dl.strides:
            self.strides = tuple(dl.strides[i] for i in range(dl.ndim))
        else:
            self.strides = contiguous_strides(self.shape)

    @property
    def pointer(self) -> int:
        return (self.dl.data or 0) + self.dl.byte_offset

    @property
    def device_type(self) -> int:
        return self.dl.device.device_type

    @property
    def device_id(self) -> int:
        return self.dl.device.device_id

    @property
    def target(self) -> str:
        """ "cuda" for memory that a GPU kernel should be given, else "cpu"."""
        return "cuda" if self.device_type in (CUDA, CUDA_MANAGED) else "cpu"

    def array(self) -> np.ndarray:
        """The same memory as a NumPy array; bfloat16 as uint16 bits. CPU only."""
        if self.device_type not in (CPU, CUDA_HOST, CUDA_MANAGED):
            raise ValueError("the tensor is in GPU memory, NumPy cannot read it")
        size = itemsize(self.dtype)
        kind = np.uint16 if self.dtype == "bf16" else f"f{size}"
        if 0 in self.shape:
            return np.empty(self.shape, kind)
        extent = 1 + sum((n - 1) * s for n, s in zip(self.shape, self.strides))
        if min(self.strides, default=0) < 0:
            raise ValueError("negative strides are not supported")
        raw = (ctypes.c_uint8 * (extent * size)).from_address(self.pointer)
        raw._keep = self
        flat = np.frombuffer(raw, kind)
        strides = [s * size for s in self.strides]
        return np.lib.stride_tricks.as_strided(flat, self.shape, strides)


def contiguous_strides(shape) -> tuple:
    """Row-major strides of a shape, in elements."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def make_tensor(pointer, shape, strides, dtype, device=(CPU, 0), keep=None) -> Tensor:
    """A Tensor over memory at an address; `keep` is held while it lives."""
    bits, code = DTYPES[dtype]
    ndim = len(shape)
    dims = (c_int64 * max(ndim, 1))(*shape)
    steps = (c_int64 * max(ndim, 1))(*strides)
    dl = DLTensor(
        pointer,
        DLDevice(*device),
        ndim,
        DLDataType(code, bits, 1),
        ctypes.cast(dims, POINTER(c_int64)),
        ctypes.cast(steps, POINTER(c_int64)),
        0,
    )
    return Tensor(dl, (keep, dims, steps))


def import_tensor(x, name="tensor", stream=None) -> Tensor:
    """`x` as a Tensor that shares its memory.

    `x` is a NumPy array or has ``__dlpack__``. `stream` is handed to the
    exporter, which makes that CUDA stream wait for the data. Raises TypeError
    for anything else and ValueError for a dtype that is not supported.
    """
    if isinstance(x, Tensor):
        return x
    if isinstance(x, np.ndarray):
        return _import_numpy(x, name)
    if not hasattr(x, "__dlpack__"):
        raise TypeError(
            f"{name} is a {type(x).__name__}; it must be a NumPy array or have __dlpack__"
        )
    x = _detached(x, name)
    try:
        capsule = x.__dlpack__(stream=stream) if stream is not None else x.__dlpack__()
    except (BufferError, RuntimeError, TypeError) as error:
        raise ValueError(f"{name} cannot be exported through DLPack: {error}") from None
    try:
        return _read_capsule(capsule)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _import_numpy(x: np.ndarray, name: str) -> Tensor:
    if is_bfloat16(x.dtype):
        dtype = "bf16"
    elif x.dtype.kind != "f" or not x.dtype.isnative:
        raise ValueError(f"{name} has dtype {x.dtype}; supported are {', '.join(DTYPES)}")
    else:
        dtype = dtype_name(x.dtype)
    size = itemsize(dtype)
    if any(s % size for s in x.strides):
        raise ValueError(
            f"{name} has byte strides {x.strides}, which are not multiples of its "
            f"{size}-byte elements"
        )
    strides = tuple(s // size for s in x.strides)
    return make_tensor(x.ctypes.data, x.shape, strides, dtype, keep=x)


def _detached(x, name):
    """A torch parameter may be read where no gradient is being recorded."""
    if not getattr(x, "requires_grad", False):
        return x
    import torch

    if torch.is_grad_enabled():
        raise ValueError(
            f"{name} requires a gradient, which flashmhf does not record: call it "
            "under torch.no_grad() or detach the tensor"
        )
    return x.detach()


def _read_capsule(capsule) -> Tensor:
    for kind, label in ((_Managed, b"dltensor"), (_ManagedVersioned, b"dltensor_versioned")):
        pointer = capsule_pointer(capsule, label)
        if pointer is not None:
            managed = kind.from_address(pointer)
            return Tensor(managed.dl_tensor, (capsule, managed))
    raise ValueError("__dlpack__ gave no unused DLPack capsule")


def as_float64(x) -> np.ndarray:
    """A float64 NumPy copy of a CPU tensor of any supported dtype."""
    if isinstance(x, np.ndarray) and not is_bfloat16(x.dtype):
        return x.astype(np.float64)
    tensor = import_tensor(x)
    array = tensor.array()
    if tensor.dtype == "bf16":
        array = bf16_values(array)
    return array.astype(np.float64)
