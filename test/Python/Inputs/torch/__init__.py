"""As much of torch as a launch touches, for tensors that are but an address. With
TORCH_EXCHANGE in the environment it has a table of functions, of that version."""

import ctypes
import os
import types

from flashmhf import dlpack

bfloat16, float32 = "torch.bfloat16", "torch.float32"
_NAMES = {bfloat16: "bf16", float32: "f32"}
_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]

stream, grad, exports, allocations = 0, True, [], []


class Tensor:
    def __init__(self, address, shape, dtype=bfloat16, strides=None, requires_grad=False):
        self.address, self.shape, self.dtype = address, tuple(shape), dtype
        self.strides = strides or dlpack.contiguous_strides(shape)
        self.requires_grad, self.is_cuda, self.device, self.negative = requires_grad, True, 0, False

    def stride(self):
        return self.strides

    def get_device(self):
        return self.device

    def data_ptr(self):
        return self.address

    def is_neg(self):
        return self.negative

    def detach(self):
        return self

    def __dlpack_device__(self):
        return dlpack.CUDA, self.device

    def __dlpack__(self, stream=None):
        exports.append(hex(self.address))
        if self.negative:
            raise BufferError("cannot export a negated tensor")
        tensor = dlpack.make_tensor(
            self.address, self.shape, self.strides, _NAMES[self.dtype], (dlpack.CUDA, self.device)
        )
        self.managed = dlpack._Managed(tensor.dl, None, None), tensor
        return _new_capsule(ctypes.addressof(self.managed[0]), b"dltensor", None)


class Parameter(Tensor):
    pass


def empty_like(x, requires_grad=False):
    allocations.append(0xA0000000 + len(allocations) * 0x100000)
    return Tensor(allocations[-1], x.shape, x.dtype, x.strides)


def is_grad_enabled():
    return grad


class _Table(ctypes.Structure):
    """DLPackExchangeAPI; functions that are not called stay null."""

    _describe = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.POINTER(dlpack.DLTensor))
    _current_stream = ctypes.PYFUNCTYPE(
        ctypes.c_int, ctypes.c_int32, ctypes.c_int32, ctypes.POINTER(ctypes.c_void_p)
    )
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("previous", ctypes.c_void_p),
        ("uncalled", ctypes.c_void_p * 3),
        ("describe", _describe),
        ("current_stream", _current_stream),
    ]


@_Table._describe
def _describe(x, out):
    x.described = dlpack.make_tensor(
        x.address, x.shape, x.strides, _NAMES[x.dtype], (dlpack.CUDA, x.device)
    )
    out[0] = x.described.dl
    return 0


@_Table._current_stream
def _current_stream(kind, device, out):
    assert (kind, device) == (dlpack.CUDA, 0)
    out[0] = stream
    return 0


if "TORCH_EXCHANGE" in os.environ:
    _table = _Table(int(os.environ["TORCH_EXCHANGE"]), 3, None, (None,) * 3)
    _table.describe, _table.current_stream = _describe, _current_stream
    _table_name = b"dlpack_exchange_api"  # which the capsule does not keep
    Tensor.__dlpack_c_exchange_api__ = _new_capsule(ctypes.addressof(_table), _table_name, None)

nn = types.SimpleNamespace(Parameter=Parameter)
_C = types.SimpleNamespace(_cuda_getCurrentRawStream=lambda device: stream)
cuda = types.SimpleNamespace(
    current_stream=lambda device: types.SimpleNamespace(cuda_stream=stream),
)
