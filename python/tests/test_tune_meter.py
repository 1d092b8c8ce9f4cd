"""The meter of `tune` with torch on the CPU, where a GPU's parts are replaced."""

import pytest
from bench_fakes import CPUKernel, replace_gpu

from flashmhf import Problem
from flashmhf.tune.candidates import Shape

pytest.importorskip("torch")

PROBLEM = Problem(4, 2, 16, 2, 32)


@pytest.fixture
def meter(monkeypatch, library):
    from flashmhf.tune import measure

    replace_gpu(monkeypatch)
    monkeypatch.setattr(measure, "release_memory", lambda: None)
    meter = measure.Meter(Shape("small", PROBLEM, 2, 70), seed=3)
    yield meter
    meter.close()


def test_right_and_timed(meter):
    kernels = [CPUKernel(PROBLEM), CPUKernel(PROBLEM)]
    for kernel in kernels:
        meter.check(kernel)
    samples = meter.time(kernels, 3, 1e-4)
    assert [len(seconds) for seconds in samples] == [3, 3]
    assert all(seconds > 0 for row in samples for seconds in row)


def test_wrong(meter):
    def zero_first(tensor):
        tensor.array()[0, 0, 0] = 0

    def nan_last(tensor):
        tensor.array()[-1, -1, -1, -1] = 0x7FC0

    with pytest.raises(ArithmeticError, match="relative error"):
        meter.check(CPUKernel(PROBLEM, zero_first))
    with pytest.raises(ArithmeticError, match="NaN or not written"):
        meter.check(CPUKernel(PROBLEM, nan_last))
