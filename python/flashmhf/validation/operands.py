"""Operands of cases as tensors of torch, and what is to come of them in float64."""

from __future__ import annotations

import torch

from .case import strides_of

DEVICE = "cuda"
GUARD = 4096  # elements before and behind every tensor
DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}
_BITS = {torch.bfloat16: torch.int16, torch.float16: torch.int16, torch.float32: torch.int32}
_POISON = {torch.bfloat16: 0x7FC1, torch.float16: 0x7E01, torch.float32: 0x7FC00001}
ACTIVATIONS = {
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
        buffers[name] = Buffer(case, name, shape, DTYPES[case.kinds()[name]])
        if name == "out":
            continue
        x = torch.randn(shape, generator=generator, device=DEVICE)
        if name == "r":
            x = torch.sigmoid(x)
            x /= x.sum(-1, keepdim=True)
        buffers[name].tensor.copy_(x * case.scale(name))
    return buffers


def reference(case, buffers):
    """What a case computes, in float64 on the GPU."""
    wide = {n: b.tensor for n, b in buffers.items() if n != "out"}
    if "x" in wide:
        return torch.einsum("bglk,hgnk->bhln", wide["x"].double(), wide["w"].double())
    return operator(wide, case.problem.activation)


def operator(wide, activation):
    """The operator in float64 of tensors by name, a sub-network at a time."""
    act = ACTIVATIONS[activation]
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


def where(got, want, limit) -> str:
    """Which indices of each axis are wrong, for whoever looks for the reason."""
    wrong = (got.double() - want).nan_to_num(1e30, 1e30, -1e30).square()
    text = [f"{int((~torch.isfinite(got)).sum())} not finite"]
    for axis, name in enumerate("bhld"):
        others = [i for i in range(4) if i != axis]
        bad = wrong.sum(others) > (3 * limit) ** 2 * want.square().sum(others)
        indices = bad.nonzero().flatten().tolist()
        if len(indices) == bad.numel():
            text.append(f"all {name}")
        else:
            text.append(f"{name} {_ranges(indices)}")
    return ", ".join(text)


def _ranges(indices) -> str:
    """ "0-3,8" for [0, 1, 2, 3, 8]; the first six ranges."""
    ranges = []
    for i in indices:
        if ranges and ranges[-1][1] == i - 1:
            ranges[-1][1] = i
        else:
            ranges.append([i, i])
    texts = [f"{a}-{b}" if a < b else f"{a}" for a, b in ranges[:6]]
    return ",".join(texts) + ("..." if len(ranges) > 6 else "") if ranges else "none"
