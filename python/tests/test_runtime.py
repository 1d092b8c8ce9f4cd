"""Which GPU `run` and its like compile for, where a driver and a compiler only note what
they are asked."""

from types import SimpleNamespace

import pytest

import flashmhf
from flashmhf import runtime
from flashmhf.dlpack import CUDA, contiguous_strides, make_tensor

pytestmark = pytest.mark.usefixtures("library")

NAMES = ("NVIDIA H200", "NVIDIA H100 PCIe", "NVIDIA H200")


def forget():
    flashmhf.clear_cache()
    runtime._gpu_name.cache_clear()


@pytest.fixture
def noted(monkeypatch):
    """asked: GPUs whose name the driver was asked for; compiled: options; launched:
    (index of what was compiled, GPU)."""
    found = SimpleNamespace(asked=[], compiled=[], launched=[])

    def gpu_name(device):
        found.asked.append(device)
        return NAMES[device]

    def compile(problem=None, *, source=None, **options):
        number = len(found.compiled)
        found.compiled.append(options)

        def launch(*tensors, stream):
            found.launched.append((number, tensors[-1].device_id))

        return SimpleNamespace(launch=launch, run=lambda *tensors, trace: None)

    monkeypatch.setattr(runtime.compiler, "gpu_name", gpu_name)
    for name in ("compile", "emulator"):
        monkeypatch.setattr(runtime.compiler, name, compile)
    forget()
    yield found
    forget()


def fake(*shape, device):
    return make_tensor(1 << 20, shape, contiguous_strides(shape), "bf16", (CUDA, device))


def run(device):
    q = fake(1, 2, 5, 64, device=device)
    k = fake(2, 1, 32, 64, device=device)
    flashmhf.run(q, k, None, k, out=q)


def project(device, **options):
    x, w, out = (fake(1, 1, n, 64, device=device) for n in (5, 64, 5))
    flashmhf.project(x, w, out=out, **options)


@pytest.mark.parametrize("call", [run, project])
def test_each_kind_of_gpu_has_its_kernels(noted, call):
    for _ in range(2):
        for device in range(3):
            call(device)
    assert noted.asked == [0, 1, 2]
    assert noted.compiled == [dict(gpu=NAMES[0]), dict(gpu=NAMES[1])]
    assert noted.launched == [(0, 0), (1, 1), (0, 2)] * 2


def test_early_kernels_are_for_the_gpu_too(noted):
    project(1)
    project(1, programmatic=True)
    assert noted.compiled == [dict(gpu=NAMES[1]), dict(gpu=NAMES[1], programmatic=True)]
    assert noted.asked == [1]


def test_names_outlive_the_kernels(noted):
    run(0)
    flashmhf.clear_cache()
    run(0)
    assert noted.asked == [0] and noted.launched == [(0, 0), (1, 0)]


def test_without_a_gpu_nobody_is_asked(noted, operands):
    x = operands(dtype="bf16", D=64, F=32)
    flashmhf.run(*x.all, target="emulate")
    flashmhf.run(*x.all)
    assert not noted.asked and noted.compiled == [{}]
