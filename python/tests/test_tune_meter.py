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
    samples = meter.time(kernels, 3, 1e-4, 1e-4)
    assert [len(seconds) for seconds in samples] == [3, 3]
    assert all(seconds > 0 for row in samples for seconds in row)


@pytest.fixture
def new_method_meter(monkeypatch, library):
    from flashmhf.bench import few
    from flashmhf.tune import measure

    replace_gpu(monkeypatch)
    monkeypatch.setattr(measure, "release_memory", lambda: None)
    monkeypatch.setattr(few, "count_weight_sets", lambda problem: 2)
    monkeypatch.setattr(few, "CHAIN_BUDGET", 1e-9)

    def new(method):
        shape = Shape("small", PROBLEM, 1, 70)
        return measure.MethodMeter(shape, 3, method, few.make_clock(method))

    return new


@pytest.mark.parametrize("method", ["R", "C", "P"])
def test_methods(new_method_meter, method):
    meter = new_method_meter(method)
    good = CPUKernel(PROBLEM)
    calls = []
    spoilt = CPUKernel(PROBLEM, lambda tensor: calls.append(tensor))
    for kernel in (good, spoilt):
        meter.check(kernel)
    samples = meter.time([good, spoilt], 3, 1.0, 0.0)
    assert [len(seconds) for seconds in samples] == [3, 3]
    # A turn over the weights or one call in each of three rounds, and one before them.
    before = len(calls)
    meter.time([spoilt], 3, 1.0, 0.0)
    once = len(calls) - before
    assert once == 4 * (1 if method == "R" else 2)
    # At least one more in front of each.
    meter.time([spoilt], 3, 1.0, 1e-12)
    assert len(calls) - before >= 3 * once

    with pytest.raises(ArithmeticError, match="relative error"):
        meter.check(CPUKernel(PROBLEM, lambda tensor: tensor.array().fill(0)))
    meter.close()


def test_wrong(meter):
    def zero_first(tensor):
        tensor.array()[0, 0, 0] = 0

    def nan_last(tensor):
        tensor.array()[-1, -1, -1, -1] = 0x7FC0

    with pytest.raises(ArithmeticError, match="relative error"):
        meter.check(CPUKernel(PROBLEM, zero_first))
    with pytest.raises(ArithmeticError, match="NaN or not written"):
        meter.check(CPUKernel(PROBLEM, nan_last))
