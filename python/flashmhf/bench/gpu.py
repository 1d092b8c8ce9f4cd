"""Operands, the float64 result and times of callables, with torch."""

from __future__ import annotations

import dataclasses

import torch

from ..validation.driver import Gpu
from ..validation.operands import ACTIVATIONS, DTYPES
from .models import weight_bytes

DEVICE = "cuda"
SAMPLED_TOKENS = 512
FLUSH_BYTES = 256 << 20
_NOTHING = b".version 8.0\n.target sm_90\n.address_size 64\n.visible .entry nothing() { ret; }\n\0"


def synchronize() -> None:
    """Waits for the GPU; raises what a kernel did wrong."""
    torch.cuda.synchronize()


def current_stream() -> int:
    """The CUstream that torch enqueues on, a graph's while one is captured."""
    return torch.cuda.current_stream().cuda_stream


def multiprocessors() -> int:
    """Of GPU 0."""
    return torch.cuda.get_device_properties(0).multi_processor_count


@dataclasses.dataclass
class Operands:
    """One set: q [B,H,L,D], k, u, v [G,E,F,D], r [B,H,L,E], out like q; u and r
    None where the problem has none. K and U are scaled so that S is O(1), R is
    normalised sigmoid gates."""

    q: torch.Tensor
    k: torch.Tensor
    u: torch.Tensor
    v: torch.Tensor
    r: torch.Tensor
    out: torch.Tensor

    def named(self) -> dict:
        fields = ((f.name, getattr(self, f.name)) for f in dataclasses.fields(self))
        return {name: tensor for name, tensor in fields if tensor is not None}


def make_operands(problem, batch, tokens, seed) -> Operands:
    """A set of random normal data."""
    generator = torch.Generator(DEVICE).manual_seed(seed)

    def normal(*shape, scale=1.0):
        return torch.randn(shape, generator=generator, device=DEVICE).mul_(scale)

    p, dtype = problem, DTYPES[problem.dtype]
    rows = (batch, p.heads, tokens, p.head_dim)
    weights = (p.groups, p.subnetworks, p.subnetwork_width, p.head_dim)
    inner, outer = p.head_dim**-0.5, p.subnetwork_width**-0.5
    r = None
    if p.router:
        r = torch.sigmoid(normal(batch, p.heads, tokens, p.subnetworks))
        r /= r.sum(-1, keepdim=True)
    return Operands(
        normal(*rows).to(dtype),
        normal(*weights, scale=inner).to(dtype),
        normal(*weights, scale=inner).to(dtype) if p.up else None,
        normal(*weights, scale=outer).to(dtype),
        r,
        torch.empty(rows, dtype=DTYPES[p.out_dtype], device=DEVICE),
    )


def make_weight_sets(problem, batch, tokens, seed, count) -> list:
    """`count` sets that differ in K, U and V only: a call finds Q and R in L2, where the
    kernel in front of it in a model has just written them."""
    first = make_operands(problem, batch, tokens, seed)
    sets = [first]
    for i in range(1, count):
        other = make_operands(problem, 1, 1, seed + i)
        sets.append(dataclasses.replace(first, k=other.k, u=other.u, v=other.v))
    return sets


def set_bytes(problem, batch, tokens) -> int:
    """Of memory that one call reads and writes."""
    p = problem
    rows = batch * p.heads * tokens
    gates = p.subnetworks if p.router else 0
    return weight_bytes(p) + 4 * rows * (p.head_dim + gates)


def sample_tokens(tokens, seed) -> torch.Tensor:
    """Indices of tokens to check: both ends, and random ones between."""
    if tokens <= SAMPLED_TOKENS:
        return torch.arange(tokens, device=DEVICE)
    generator = torch.Generator(DEVICE).manual_seed(seed)
    between = torch.randperm(tokens, generator=generator, device=DEVICE)[: SAMPLED_TOKENS // 2]
    ends = torch.arange(SAMPLED_TOKENS // 4, device=DEVICE)
    return torch.cat([ends, tokens - 1 - ends, between]).unique()


def reference(problem, operands, rows) -> torch.Tensor:
    """The operator in float64 for the tokens `rows`: [B,H,len(rows),D]."""
    act = ACTIVATIONS[problem.activation]
    group = problem.heads // problem.groups
    q = operands.q[:, :, rows].double()
    out = torch.zeros_like(q)
    for e in range(problem.subnetworks):

        def weight(w, e=e):
            return w[:, e].double().repeat_interleave(group, 0)

        a = act(q @ weight(operands.k).mT)
        if operands.u is not None:
            a *= q @ weight(operands.u).mT
        if operands.r is not None:
            a *= operands.r[:, :, rows, e : e + 1].double()
        out += a @ weight(operands.v)
    return out


def relative_error(got, want) -> float:
    """Relative Frobenius error; NaN where `got` has one."""
    return float((got.double() - want).norm() / want.norm())


def poisoned_check(call, out, want, rows):
    """A check for rounds.Entry: poisons `out`, runs call(0), looks at all of it
    for NaN and at the tokens `rows` for the error against `want`."""

    def check():
        out.fill_(float("nan"))
        call(0)
        synchronize()
        unwritten = int(torch.isnan(out).sum())
        if unwritten:
            raise ArithmeticError(f"{unwritten} of {out.numel()} outputs are NaN or not written")
        return relative_error(out[:, :, rows], want)

    return check


class GraphClock:
    """Times calls as CUDA graphs, so that no entry pays for its launches."""

    def __init__(self):
        self._stream = torch.cuda.Stream()
        self._start, self._end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def estimate(self, call) -> float:
        """Seconds of one call, roughly, after warming it up."""
        torch.cuda.synchronize()
        with torch.cuda.stream(self._stream):
            for i in range(3):
                call(i)
            self._start.record()
            for i in range(5):
                call(i)
            self._end.record()
        self._end.synchronize()
        return self._start.elapsed_time(self._end) / 5e3

    def prepare(self, call, count):
        """A graph of `count` calls, which number themselves from 0."""
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        with torch.cuda.graph(graph, stream=self._stream):
            for i in range(count):
                call(i)
        return graph

    def measure(self, graph) -> float:
        """Seconds of one replay."""
        self._start.record()
        graph.replay()
        self._end.record()
        self._end.synchronize()
        return self._start.elapsed_time(self._end) / 1e3


class ColdClock(GraphClock):
    """Times graphs that find none of their operands in L2: before each replay 256 MB
    are read or, with `dirty`, written, whose write-back is then timed too."""

    def __init__(self, dirty):
        super().__init__()
        self._buffer = torch.zeros(FLUSH_BYTES // 4, device=DEVICE)
        self._sum = torch.zeros((), device=DEVICE)
        self._dirty = dirty

    def measure(self, graph) -> float:
        """Seconds of one replay."""
        with torch.cuda.stream(self._stream):
            if self._dirty:
                self._buffer.fill_(1)
            else:
                torch.sum(self._buffer, 0, out=self._sum)
            return super().measure(graph)


def null_call():
    """call(i) that launches a kernel that does nothing, as wide as others are."""
    driver = Gpu()
    function = driver.load(_NOTHING, "nothing")
    return lambda i: driver.launch(function, 132, 160, current_stream())


def describe_machine() -> dict:
    """What a report says of where it was made."""
    from ..validation.driver import machine

    gpu, driver = machine()
    return dict(
        gpu=gpu,
        driver=driver,
        torch=torch.__version__,
        cuda=torch.version.cuda,
        multiprocessors=multiprocessors(),
    )
