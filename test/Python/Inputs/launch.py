"""`flashmhf.run` on tensors of Inputs/torch, with the driver of fakecuda.c."""

import ctypes
import os

import torch

import flashmhf
from flashmhf import exchange, torch_launch

libc = ctypes.CDLL(None)
libc.setbuf(ctypes.c_void_p.in_dll(libc, "stdout"), None)


def step(name):
    torch.exports.clear()
    print(name, flush=True)


def exports():
    print("exports", *torch.exports, flush=True)


def refused(call, kind):
    try:
        call()
    except kind as error:
        print(type(error).__name__, error, flush=True)
    exports()


q = torch.Tensor(0x10000000, (1, 8, 300, 64))
k, u, v = (torch.Tensor(0x20000000 + i * 0x1000000, (8, 2, 256, 64)) for i in range(3))
k.__class__ = torch.Parameter
r = torch.Tensor(0x30000000, (1, 8, 300, 2), torch.float32)
out = torch.Tensor(0x40000000, (1, 8, 300, 64))

assert flashmhf.gpu_name() == "NVIDIA H200"
step("general way")
flashmhf.run(q, k, u, v, r, out=out)
exports()
step("same")
assert flashmhf.run(q, k, u, v, r, out=out) is out
exports()
step("other addresses")
q.address, torch.stream = 0x11000000, 5
flashmhf.run(q, k, u, v, r, out=out)
exports()

step("allocated")
assert flashmhf.run(q, k, u, v, r).address == torch.allocations[0]
exports()

(calls,) = torch_launch._calls.values()
known_table = os.environ.get("TORCH_EXCHANGE") == "1"
assert isinstance(calls, exchange.Calls if known_table else torch_launch._Asked)

step("other strides")
q.strides = (300 * 512, 64, 512, 1)
flashmhf.run(q, k, u, v, r, out=out)
exports()
step("other activation")
flashmhf.run(q, k, u, v, r, out=out, activation="relu")
exports()
step("first activation")
flashmhf.run(q, k, u, v, r, out=out)
exports()
step("own stream")
flashmhf.run(q, k, u, v, r, out=out, stream=9)
exports()
step("torch's stream by name")
flashmhf.run(q, k, u, v, r, out=out, stream=5)
exports()

step("misaligned")
q.address += 8
refused(lambda: flashmhf.run(q, k, u, v, r, out=out), ValueError)
q.address -= 8
step("gradient")
k.requires_grad = True
refused(lambda: flashmhf.run(q, k, u, v, r, out=out), ValueError)
step("no gradient is recorded")
torch.grad = False
flashmhf.run(q, k, u, v, r, out=out)
exports()
step("negated R")
r.negative = True
refused(lambda: flashmhf.run(q, k, u, v, r, out=out), ValueError)
r.negative = False
step("activation that is none")
refused(lambda: flashmhf.run(q, k, u, v, r, out=out, activation=["silu"]), Exception)

step("forgotten")
flashmhf.clear_cache()
flashmhf.run(q, k, u, v, r, out=out)
exports()
step("end")
flashmhf.clear_cache()
