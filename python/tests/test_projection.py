"""Projections and the layer, on the CPU and emulated, against float64."""

import contextlib
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import flashmhf
from flashmhf.dtypes import numpy_dtype

pytestmark = pytest.mark.usefixtures("library")

#: One rounding of the output: 2^-9 and 2^-12 of an element at most, less of the norm.
LIMIT = {"bf16": 2.0e-3, "f16": 2.5e-4, "f32": 2e-6, "f64": 1e-14}


def make(shape, dtype, scale=1.0, seed=0):
    x = np.random.default_rng(seed).standard_normal(shape) * scale
    return x.astype(numpy_dtype(dtype))


def wide(x):
    return np.asarray(x, np.float64)


def check(B, G, L, K, H, N, dtype="bf16", target="emulate", **options):
    x = make((B, L, G, K), dtype).swapaxes(1, 2)
    w = make((H, N, G, K), dtype, (G * K) ** -0.5, 1).swapaxes(1, 2)
    out = flashmhf.project(x, w, target=target, **options)
    assert out.shape == (B, H, L, N)
    want = np.einsum("bglk,hgnk->bhln", wide(x), wide(w))
    assert flashmhf.relative_error(out, want) <= LIMIT[dtype]


@pytest.mark.parametrize("programmatic", [False, True])
@pytest.mark.parametrize("tokens", [1, 20, 64, 130])
@pytest.mark.parametrize("width", [768, 1024])
def test_models(width, tokens, programmatic):
    check(1, 1, tokens, width, width // 64, 64, programmatic=programmatic)


@pytest.mark.parametrize("dtype", ["bf16", "f16"])
@pytest.mark.parametrize(
    "sizes", [(2, 3, 5, 48, 4, 16), (1, 8, 70, 128, 3, 64), (3, 1, 9, 80, 2, 96), (1, 2, 7, 16, 1, 256)]
)
def test_shapes(sizes, dtype):
    check(*sizes, dtype=dtype)


@pytest.mark.parametrize("dtype", LIMIT)
def test_on_the_cpu(dtype):
    check(2, 3, 5, 7, 2, 9, dtype=dtype, target="cpu")


@pytest.mark.parametrize("target", ["cpu", "emulate"])
def test_output_of_f32(target):
    x, w = make((1, 1, 5, 64), "bf16"), make((2, 1, 32, 64), "bf16", 0.1, 1)
    out = np.full((1, 2, 5, 32), np.nan, np.float32)
    assert flashmhf.project(x, w, out=out, target=target) is out
    want = np.einsum("bglk,hgnk->bhln", wide(x), wide(w))
    assert flashmhf.relative_error(out, want) <= LIMIT["f32"]


@pytest.mark.parametrize("target", ["cpu", "emulate"])
def test_no_tokens(target):
    x, w = make((1, 1, 0, 64), "bf16"), make((2, 1, 32, 64), "bf16")
    assert flashmhf.project(x, w, target=target).shape == (1, 2, 0, 32)


@pytest.mark.parametrize("programmatic", [False, True])
@pytest.mark.parametrize("target, tokens", [("cpu", 9), ("emulate", 1), ("emulate", 66)])
def test_layer(operands, target, tokens, programmatic):
    p = operands(B=2, H=4, L=tokens, D=32, E=3, F=64, dtype="bf16")
    x = make((2, tokens, 96), "bf16")
    w_in, w_out = make((128, 96), "bf16", 96**-0.5, 1), make((80, 128), "bf16", 128**-0.5, 2)
    y = flashmhf.layer(
        x, w_in, p.k, p.u, p.v, w_out, p.r, target=target, programmatic=programmatic
    )
    q = (wide(x) @ wide(w_in).T).reshape(2, tokens, 4, 32).swapaxes(1, 2)
    o = flashmhf.reference(q, p.k, p.u, p.v, p.r).swapaxes(1, 2).reshape(2, tokens, 128)
    # Q, A, O and Y are rounded once each.
    assert flashmhf.relative_error(y, o @ wide(w_out).T) <= 2e-2


@pytest.mark.parametrize(
    "shapes, message",
    [
        (((1, 1, 4), (2, 1, 16, 16)), r"x has rank 3, expected 4: \[B, G, L, K\]"),
        (((1, 1, 4, 16), (2, 1, 16, 32)), r"w has shape \[2, 1, 16, 32\], expected \[H, G, N, K\]"),
        (((1, 2, 4, 16), (2, 1, 16, 16)), r"= \[2, 2, 16, 16\] after x \[1, 2, 4, 16\]"),
    ],
)
def test_shapes_that_do_not_fit(shapes, message):
    x, w = (make(shape, "bf16") for shape in shapes)
    with pytest.raises(ValueError, match=message):
        flashmhf.project(x, w)


def test_types_that_do_not_fit():
    x, w = make((1, 1, 4, 16), "bf16"), make((2, 1, 16, 16), "f16")
    with pytest.raises(ValueError, match="w has dtype f16, expected bf16 since x has bf16"):
        flashmhf.project(x, w)
    out = make((1, 2, 4, 16), "f16")
    with pytest.raises(ValueError, match="out has dtype f16, expected bf16 or f32"):
        flashmhf.project(x, make((2, 1, 16, 16), "bf16"), out=out)


def test_sizes_that_no_kernel_takes():
    x, w = make((1, 1, 4, 24), "bf16"), make((2, 1, 16, 24), "bf16")
    with pytest.raises(flashmhf.FlashmhfError, match="needs K that is a multiple of 16"):
        flashmhf.project(x, w, target="emulate")


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(x=(2, 3)), "x has rank 2, expected 3"),
        (dict(w_in=(128, 80)), "w_in has 80 inputs, but x has width 96"),
        (dict(w_in=(120, 96)), "w_in has 120 outputs, not a multiple of k's head width 32"),
        (dict(w_out=(96, 64)), "w_out has 64 inputs, but w_in has 128 outputs"),
        (dict(out=(1, 5, 80)), r"out has shape \[1, 5, 80\], expected \[1, 5, 96\]"),
    ],
)
def test_layers_that_do_not_fit(operands, change, message):
    p = operands(B=1, H=4, L=5, D=32, E=1, F=16, dtype="bf16")
    shapes = dict(x=(1, 5, 96), w_in=(128, 96), w_out=(96, 128), **{}) | change
    t = {name: make(shape, "bf16") for name, shape in shapes.items()}
    with pytest.raises(ValueError, match=message):
        flashmhf.layer(t["x"], t["w_in"], p.k, p.u, p.v, t["w_out"], out=t.get("out"), target="cpu")


def test_many_tokens_go_to_the_library():
    prefers = flashmhf.projection.prefers_library
    assert not prefers(1, 1024, 1024, 1024) and not prefers(1024, 1024, 1024, 1024)
    assert prefers(1025, 64, 64, 64)  # tokens
    assert not prefers(512, 2048, 2048, 2048) and prefers(1024, 2048, 2048, 2048)  # operations
    assert prefers(512, 2048, 2048, 8192)  # of the second projection


def test_the_library_multiplies_as_a_projection():
    torch = pytest.importorskip("torch")
    x, w = torch.randn(2, 5, 48), torch.randn(32, 48)
    out = torch.full((2, 5, 32), float("nan"))
    flashmhf.projection._multiply(x, w, out, None)
    torch.testing.assert_close(out, x @ w.T)


def test_torch_runs_on_the_stream(monkeypatch):
    enqueue_on = flashmhf.runtime._enqueue_on
    monkeypatch.setattr(flashmhf.runtime, "_torch_stream", lambda device: 7)
    monkeypatch.setattr(flashmhf.runtime, "_is_torch", lambda x: isinstance(x, SimpleNamespace))
    cuda = SimpleNamespace(
        stream=lambda stream: stream,
        default_stream=lambda device: ("default", device),
        ExternalStream=lambda handle, device: (handle, device),
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    x = SimpleNamespace(is_cuda=True, device="gpu")
    assert isinstance(enqueue_on(x, 7), contextlib.nullcontext)  # torch's own
    assert enqueue_on(x, 0) == ("default", "gpu")
    assert enqueue_on(x, 5) == (5, "gpu")
    for other in (SimpleNamespace(is_cuda=False), np.zeros(1)):
        assert isinstance(enqueue_on(other, 5), contextlib.nullcontext)
