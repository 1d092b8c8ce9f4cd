#!/usr/bin/env python3
"""What a launch costs the host: microseconds of a call of flashmhf.run on CUDA tensors
of torch, and of the library's function under it, for the 370M operator on one token.

    bench_launch.py [--limit 12]

The calls of a batch fit the stream's queue, so that none waits for the GPU. Then a
call is captured as a CUDA graph and replayed. Fails where a call with cached tensor
maps takes more than the limit, or the graph computes something else. What the driver
and torch take for the least that they can do is beside it. Needs torch and a Hopper
GPU; test/CAPI/cost.c is the same in C.
"""

import argparse
import statistics
import sys
import time

import torch

import flashmhf
from flashmhf import native, torch_launch
from flashmhf.dlpack import import_tensor

BATCHES, CALLS = 100, 100


def measure(call) -> float:
    """Median microseconds of a call, over batches that the GPU catches up with."""
    times = []
    for batch in range(BATCHES + 1):
        begin = time.perf_counter()
        for _ in range(CALLS):
            call()
        if batch:
            times.append((time.perf_counter() - begin) / CALLS * 1e6)
        torch.cuda.synchronize()
    return statistics.median(times)


def make_operands(problem):
    """q, k, u, v, r for one token."""

    def normal(*shape):
        return (torch.randn(shape, device="cuda") * shape[-1] ** -0.5).bfloat16()

    p = problem
    weights = [normal(p.groups, p.subnetworks, p.subnetwork_width, p.head_dim) for _ in range(3)]
    r = torch.rand(1, p.heads, 1, p.subnetworks, device="cuda")
    return normal(1, p.heads, 1, p.head_dim), *weights, r


def library_call(operands, out):
    """The launch with everything prepared, but for ctypes."""
    kernel = flashmhf.compile("370m", gpu=flashmhf.gpu_name()).load(0)
    tensors = [import_tensor(x) for x in (*operands, out)]
    array = native.tensor_array(tensors)
    function, stream = native.library().flashmhfKernelLaunch, torch_launch.raw_stream(torch, 0)

    def call():
        native.check(function(kernel.handle, array, len(tensors), stream))

    return call


def captured(operands, out) -> bool:
    """Whether a graph of one call computes what the call does."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):  # what a capture must not load or allocate
        want = flashmhf.run(*operands)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        flashmhf.run(*operands, out=out)
    out.fill_(float("nan"))
    graph.replay()
    torch.cuda.synchronize()
    return torch.equal(out, want)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=float, default=12, help="microseconds of flashmhf.run")
    limit = parser.parse_args().limit
    operands = make_operands(flashmhf.presets["370m"])
    out = torch.empty_like(operands[0])
    given = measure(lambda: flashmhf.run(*operands, out=out))
    allocated = measure(lambda: flashmhf.run(*operands))
    library = measure(library_call(operands, out))
    with torch.no_grad():
        unrecorded = measure(lambda: flashmhf.run(*operands, out=out))
    addition = measure(lambda: out.add_(out))
    right = captured(operands, out)
    way = type(torch_launch._calls["silu"]).__name__.strip("_").lower()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, tensors {way}")
    print(f"flashmhf.run, output given:     {given:6.2f} us")
    print(f"flashmhf.run, output allocated: {allocated:6.2f} us")
    print(f"the same under no_grad, given:  {unrecorded:6.2f} us")
    print(f"flashmhfKernelLaunch, ctypes:   {library:6.2f} us")
    print(f"add_ of torch:                  {addition:6.2f} us")
    print(f"captured as a graph:            {'right' if right else 'WRONG'}")
    sys.exit(0 if right and given <= limit else 1)


main()
