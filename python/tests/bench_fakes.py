"""A GPU's parts of `bench`, replaced by the CPU's."""

import time

import flashmhf


class Clock:
    """Wall-clock time in place of CUDA's graphs and events."""

    def estimate(self, call):
        return self.measure((call, 1))

    def prepare(self, call, count):
        return call, min(count, 2)

    def measure(self, timed):
        begin = time.perf_counter()
        for i in range(timed[1]):
            timed[0](i)
        return time.perf_counter() - begin


class CPUKernel:
    """An artifact that runs on the CPU what a GPU would launch; `spoil` changes
    the output afterwards."""

    def __init__(self, problem, spoil=None):
        self.function = flashmhf.jit(problem)
        self.contract = self.function.contract
        self.spoil = spoil

    def load(self, device):
        assert device == 0
        return self

    def launch(self, tensors, stream):
        assert stream == 7
        self.function.run(*tensors)
        if self.spoil:
            self.spoil(tensors[-1])


class CPUProjection:
    """The artifact of a projection, and its kernel, on the CPU."""

    def __init__(self, source, gpu):
        self._function = flashmhf.jit(source=source)

    def load(self, device):
        return self

    def launch(self, tensors, stream):
        assert stream == 7
        self._function.run(*tensors)


def replace_gpu(monkeypatch):
    """Makes flashmhf.bench run on the CPU, with 7 for a stream."""
    from flashmhf.bench import gpu, report, suite
    from flashmhf.bench.peers import cublas, layer

    monkeypatch.setattr(gpu, "DEVICE", "cpu")
    monkeypatch.setattr(layer, "build_projection", CPUProjection)
    monkeypatch.setattr(gpu, "synchronize", lambda: None)
    monkeypatch.setattr(gpu, "current_stream", lambda: 7)
    monkeypatch.setattr(gpu, "multiprocessors", lambda: 132)
    monkeypatch.setattr(gpu, "GraphClock", Clock)
    monkeypatch.setattr(gpu, "ColdClock", lambda dirty: Clock())
    monkeypatch.setattr(gpu, "null_call", lambda: lambda i: None)
    monkeypatch.setattr(suite, "release_memory", lambda: None)
    monkeypatch.setattr(cublas, "SIZE", 64)
    monkeypatch.setattr(report, "COPIED_BYTES", 1 << 16)
