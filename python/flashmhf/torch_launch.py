"""`run` on CUDA tensors of torch whose like has been seen: a look-up by what they
are but their addresses, and the launch.

The general path exports each tensor through DLPack and checks it again in every
call, which takes several times as long as the launch. Here what was learnt of a call
when it went the general way is used again: through `exchange`, or where torch has no
such table (before 2.10) by what its tensors say of themselves. Whatever is out of
the ordinary (another class of tensor, another stream than torch's, gradients) goes
the general way every time.
"""

from __future__ import annotations

import collections
import ctypes

from . import exchange, native
from .dlpack import CUDA, DLTensor, make_tensor

_CAPACITY = 512
_WORDS = ctypes.sizeof(DLTensor) // 8

#: activation -> _Described or _Asked
_calls = {}


def clear() -> None:
    """Forgets every call, and with them the kernels."""
    for calls in _calls.values():
        calls.clear()


def launch(operands, activation, stream):
    """Enqueues an ordinary call on torch's stream and returns its output, if one like
    it has been remembered; else None. `operands`: q, k, u, v, r, out; None where
    absent, for out where it is to be allocated. `stream`: a CUstream, None for
    torch's."""
    calls = _calls.get(activation) if type(activation) is str else None
    return None if calls is None else calls.launch(operands, stream)


def remember(torch, operands, activation, stream, kernel, tensors) -> None:
    """Keeps what a call was launched with, if it is an ordinary one: a
    compiler.Kernel, and the operands as dlpack.Tensors too, None where absent."""
    if not _is_ordinary(torch, operands, stream):
        return
    calls = _calls.get(activation)
    if calls is None:
        calls = _calls.setdefault(activation, _make_calls(torch))
    calls.remember(operands, kernel, tensors)


def _types(torch):
    return torch.Tensor, torch.nn.Parameter


def _is_ordinary(torch, operands, stream) -> bool:
    types = (*_types(torch), type(None))
    for x in operands:
        if type(x) not in types:
            return False
    q, r = operands[0], operands[4]
    if q is None or not q.is_cuda:
        return False
    if torch.is_grad_enabled():
        for x in operands:
            if x is not None and x.requires_grad:
                return False
    if r is not None and r.is_neg():  # its numbers are not those in memory
        return False
    return stream is None or stream == raw_stream(torch, q.get_device())


def raw_stream(torch, device) -> int:
    """torch's current CUstream on a GPU, without making an object of it."""
    try:
        return torch._C._cuda_getCurrentRawStream(device)
    except AttributeError:  # not part of torch's interface
        return torch.cuda.current_stream(device).cuda_stream


def _make_calls(torch):
    table = exchange.table_of(torch.Tensor)
    if table is not None:
        try:
            return _Described(torch, table)
        except native.FlashmhfError:  # of another version
            pass
    return _Asked(torch)


class _Described(exchange.Calls):
    """Calls whose tensors torch describes."""

    def __init__(self, torch, table):
        super().__init__(torch, table, _types(torch), count=6)
        self._torch, self._tensor = torch, torch.Tensor

    def launch(self, operands, stream):
        q, k, u, v, r, out = operands
        if not isinstance(q, self._tensor):
            return None
        if isinstance(r, self._tensor) and r.is_neg():
            return None
        if stream is not None and not self._is_current(q, stream):
            return None
        if out is None:
            if not q.is_cuda:
                return None
            out = self._torch.empty_like(q)
        try:
            return out if self.launch_objects(q, k, u, v, r, out) else None
        except Exception:  # of torch's: the general way meets it again
            return None

    def _is_current(self, q, stream):
        return q.is_cuda and stream == raw_stream(self._torch, q.get_device())

    def remember(self, operands, kernel, tensors):
        super().remember(operands, kernel)


class _Asked:
    """Calls whose tensors are asked for their sizes, strides, types and devices."""

    def __init__(self, torch):
        self._torch = torch
        self._launches = {}
        self.clear = self._launches.clear

    @staticmethod
    def _describe(operands):
        description = []
        for x in operands:
            if x is None:
                description.append(None)
            else:
                description += (x.shape, x.stride(), x.dtype, x.get_device())
        return tuple(description)

    def launch(self, operands, stream):
        torch = self._torch
        if not _is_ordinary(torch, operands, stream):
            return None
        if operands[5] is None:
            operands = (*operands[:5], torch.empty_like(operands[0]))
        known = self._launches.get(self._describe(operands))
        if known is None:
            return None
        known.launch(operands, raw_stream(torch, operands[0].get_device()))
        return operands[5]

    def remember(self, operands, kernel, tensors):
        if len(self._launches) >= _CAPACITY:
            self._launches.clear()
        self._launches[self._describe(operands)] = _Launch(kernel, tensors)


class _Launch:
    """A launch of which only the addresses are open."""

    def __init__(self, kernel, tensors):
        present = [i for i, x in enumerate(tensors) if x is not None]
        self._kernel = kernel  # kept loaded
        self._function = native.library().flashmhfKernelLaunch
        self._present = tuple((i, n * _WORDS) for n, i in enumerate(present))
        self._layouts = [(t.shape, t.strides, t.dtype, t.device_id) for t in tensors if t]
        # Sets of arguments that no thread is using: appending and popping are atomic.
        self._free = collections.deque()

    def launch(self, operands, stream):
        try:
            arguments = self._free.pop()
        except IndexError:
            arguments = _Arguments(self._layouts)
        words = arguments.words
        for i, word in self._present:
            words[word] = operands[i].data_ptr()
        status = self._function(self._kernel.handle, arguments.array, arguments.count, stream)
        self._free.append(arguments)
        if status:
            native.check(status)


class _Arguments:
    """DLTensors side by side: `words[n * _WORDS]` is the address of tensor n, `array`
    what flashmhfKernelLaunch takes."""

    def __init__(self, layouts):
        tensors = [
            make_tensor(0, shape, strides, dtype, (CUDA, device))
            for shape, strides, dtype, device in layouts
        ]
        self.count = len(tensors)
        self._structs = (DLTensor * self.count)(*(t.dl for t in tensors))
        self._keep = tensors  # sizes and strides, which the structs point at
        self.words = (ctypes.c_uint64 * (self.count * _WORDS)).from_buffer(self._structs)
        size = ctypes.sizeof(DLTensor)
        begin = ctypes.addressof(self._structs)
        pointer = ctypes.POINTER(DLTensor)
        self.array = (pointer * self.count)(
            *(ctypes.cast(begin + i * size, pointer) for i in range(self.count))
        )
