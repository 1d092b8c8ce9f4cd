"""`run` on CUDA tensors of torch whose like has been seen: a look-up by sizes and
strides, six pointers, and the launch.

The general path exports each tensor through DLPack and checks it again in every
call, which takes several times as long as the launch. Here a call is described by
what torch says of its tensors but their addresses; what was learnt of that
description when it went the general way is used again. Whatever is out of the
ordinary (another class of tensor, another stream than torch's, gradients) goes the
general way every time.
"""

from __future__ import annotations

import collections
import ctypes

from . import native
from .dlpack import CUDA, DLTensor, make_tensor

_CAPACITY = 512
_WORDS = ctypes.sizeof(DLTensor) // 8

#: description -> _Call
_calls = {}


def clear() -> None:
    """Forgets every description, and with them the kernels."""
    _calls.clear()


def describe(torch, operands, activation, stream):
    """What a call has in common with others that are launched likewise: a hashable
    value, or None where it must go the general way. `operands`: q, k, u, v, r, out;
    None where absent, for out where it is to be allocated. `stream`: a CUstream, None
    for torch's."""
    q = operands[0]
    if type(q) is not torch.Tensor or not q.is_cuda or type(activation) is not str:
        return None
    device = q.get_device()
    if stream is not None and stream != raw_stream(torch, device):
        return None
    grad = torch.is_grad_enabled()
    plain = (torch.Tensor, torch.nn.Parameter)
    description = [activation, device]
    for x in operands:
        if x is None:
            description.append(None)
            continue
        if type(x) not in plain or (grad and x.requires_grad):
            return None
        description += (x.shape, x.stride(), x.dtype, x.get_device())
    r = operands[4]
    if r is not None and r.is_neg():  # its numbers are not those in memory
        return None
    return tuple(description)


def raw_stream(torch, device) -> int:
    """torch's current CUstream on a GPU, without making an object of it."""
    try:
        return torch._C._cuda_getCurrentRawStream(device)
    except AttributeError:  # not part of torch's interface
        return torch.cuda.current_stream(device).cuda_stream


def launch(torch, description, operands):
    """Enqueues the call on torch's stream and returns its output, if one of this
    description has been remembered; else None."""
    call = _calls.get(description)
    if call is None:
        return None
    if operands[5] is None:
        operands = (*operands[:5], torch.empty_like(operands[0]))
    call.launch(operands, raw_stream(torch, description[1]))
    return operands[5]


def remember(description, kernel, tensors) -> None:
    """Keeps what a call was launched with: a compiler.Kernel, and the operands as
    dlpack.Tensors, None where absent."""
    if len(_calls) >= _CAPACITY:
        _calls.clear()
    _calls[description] = _Call(kernel, tensors)


class _Call:
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
