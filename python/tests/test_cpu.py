"""flashmhf.run on the CPU against the float64 reference."""

import numpy as np
import pytest

import flashmhf
from flashmhf.dtypes import numpy_dtype
from flashmhf.oracle import ACTIVATIONS

pytestmark = pytest.mark.usefixtures("library")

#: A and O are rounded once each: 2.35e-3 on large random data, and small data
#: scatters around it.
LIMIT = {"bf16": 3.0e-3, "f16": 4.0e-4, "f32": 2e-6, "f64": 1e-13}


def check(x, activation="silu", u=True, r=True, dtype="f64", **options):
    """Runs operands and returns what run returned."""
    u, r = (x.u if u else None), (x.r if r else None)
    got = flashmhf.run(x.q, x.k, u, x.v, r, activation=activation, **options)
    want = flashmhf.reference(x.q, x.k, u, x.v, r, activation)
    assert np.isfinite(np.asarray(got, np.float64)).all()
    error = flashmhf.relative_error(got, want)
    assert error <= LIMIT[dtype], f"error {error:.2e}"
    return got


@pytest.mark.parametrize("dtype", LIMIT)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_and_dtypes(operands, activation, dtype):
    x = operands(B=1, H=2, L=33, D=64, E=2, F=48, dtype=dtype)
    got = check(x, activation, dtype=dtype)
    assert got.dtype == numpy_dtype(dtype) and got.shape == x.q.shape


@pytest.mark.parametrize("dtype", LIMIT)
@pytest.mark.parametrize("u, r", [(False, True), (True, False), (False, False)])
def test_operands_left_out(operands, dtype, u, r):
    x = operands(B=2, H=4, G=2, L=19, D=32, E=3, F=40, dtype=dtype)
    check(x, u=u, r=r, dtype=dtype)


@pytest.mark.parametrize("dtype", ["bf16", "f32"])
@pytest.mark.parametrize(
    "sizes",
    [
        dict(B=1, H=1, G=1, L=1, D=1, E=1, F=1),
        dict(B=1, H=1, G=1, L=1, D=128, E=1, F=300),
        dict(B=3, H=6, G=2, L=17, D=96, E=2, F=256),
        dict(B=2, H=4, G=1, L=130, D=64, E=5, F=7),
        dict(B=1, H=2, G=2, L=257, D=31, E=2, F=33),
        dict(B=2, H=2, G=2, L=64, D=256, E=3, F=128),
    ],
    ids=lambda s: "x".join(map(str, s.values())),
)
def test_sizes(operands, sizes, dtype):
    check(operands(**sizes, dtype=dtype), dtype=dtype)


@pytest.mark.parametrize("tokens", [1, 2, 31, 32, 33, 127, 128, 129, 300])
def test_token_tails(operands, tokens):
    """One compiled function for every number of tokens."""
    check(operands(H=2, L=tokens, D=32, E=2, F=64, dtype="f32"), dtype="f32")


def test_many_subnetworks_round_once(operands):
    """Rounding O once for each sub-network would give three times this error."""
    x = operands(H=1, L=64, D=128, E=22, F=128, dtype="bf16")
    x.r[...] = 1.0
    check(x, dtype="bf16")


def test_wide_output(operands):
    """A bf16 operator with an f32 output does not round O."""
    x = operands(L=40, D=64, E=2, F=128, dtype="bf16")
    out = np.full(x.q.shape, np.nan, np.float32)
    assert check(x, dtype="bf16", out=out) is out
    narrow = check(x, dtype="bf16")
    want = flashmhf.reference(*x.all)
    assert flashmhf.relative_error(out, want) < 0.9 * flashmhf.relative_error(narrow, want)


def moved(x, order):
    """The same array with its axes in memory in another order."""
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


@pytest.mark.parametrize("dtype", ["bf16", "f32"])
def test_layer_layout(operands, dtype):
    """Tokens as [B, L, H, D], weights as [E*F, G, D], as the layer keeps them."""
    x = operands(B=2, H=4, G=2, L=21, D=32, E=3, F=24, dtype=dtype)
    want = check(x, dtype=dtype)
    x.q, x.r = moved(x.q, (0, 2, 1, 3)), moved(x.r, (0, 2, 1, 3))
    x.k, x.u, x.v = (moved(w, (1, 2, 0, 3)) for w in (x.k, x.u, x.v))
    got = check(x, dtype=dtype)
    assert got.strides == x.q.strides
    np.testing.assert_array_equal(got, want)


def test_nothing_beside_the_output_is_written(operands):
    x = operands(B=2, H=2, L=37, D=24, E=2, F=20, dtype="f32")
    whole = np.full((2, 39, 2, 32), np.nan, np.float32)
    out = whole[:, 1:38, :, 4:28].transpose(0, 2, 1, 3)
    check(x, dtype="f32", out=out)
    out[...] = np.nan
    assert np.isnan(whole).all()


def test_slices_of_larger_tensors(operands):
    x = operands(B=2, H=3, L=9, D=16, E=2, F=12, dtype="f32")
    for name in "qkuv":
        array = getattr(x, name)
        larger = np.full(tuple(n + 2 for n in array.shape), np.nan, array.dtype)
        larger[1:-1, 1:-1, 1:-1, 1:-1] = array
        setattr(x, name, larger[1:-1, 1:-1, 1:-1, 1:-1])
    check(x, dtype="f32")


def test_no_tokens(operands):
    x = operands(L=0, dtype="f32")
    assert flashmhf.run(*x.all).shape == (1, 2, 0, 8)


def test_output_is_overwritten(operands):
    x = operands(dtype="f32")
    out = np.full(x.q.shape, np.nan, np.float32)
    np.testing.assert_array_equal(check(x, dtype="f32", out=out), check(x, dtype="f32"))


def test_same_bits_every_time(operands):
    x = operands(B=2, H=2, L=200, D=32, E=3, F=100, dtype="f32")
    first = flashmhf.run(*x.all)
    for _ in range(3):
        np.testing.assert_array_equal(flashmhf.run(*x.all), first)


def test_compiled_once(operands, monkeypatch):
    flashmhf.clear_cache()
    made = []
    jit = flashmhf.runtime.compiler.jit
    monkeypatch.setattr(flashmhf.runtime.compiler, "jit", lambda p: made.append(p) or jit(p))
    for tokens, batch in ((3, 1), (50, 2), (3, 1)):
        x = operands(L=tokens, B=batch, dtype="f32")
        flashmhf.run(*x.all)
    assert len(made) == 1
    flashmhf.run(*x.all, activation="relu")
    assert len(made) == 2


def test_torch(operands):
    torch = pytest.importorskip("torch")
    x = operands(B=2, H=4, G=2, L=21, D=32, E=3, F=24, dtype="bf16")
    tensors = [torch.from_numpy(a.astype(np.float32)) for a in x.all]
    tensors[:4] = [t.to(torch.bfloat16) for t in tensors[:4]]
    tensors[0] = tensors[0].transpose(1, 2).contiguous().transpose(1, 2)
    out = flashmhf.run(*tensors)
    assert out.dtype == torch.bfloat16 and out.stride() == tensors[0].stride()
    want = flashmhf.run(*x.all).astype(np.float32)
    np.testing.assert_array_equal(out.float().numpy(), want)
    with torch.no_grad():
        weights = [torch.nn.Parameter(t) for t in tensors[1:4]]
        again = flashmhf.run(tensors[0], *weights, tensors[4])
    assert torch.equal(again, out)


@pytest.mark.parametrize("name", ["128m", "370m"])
def test_paper_models(operands, name):
    p = flashmhf.presets[name]
    x = operands(H=p.heads, G=p.groups, L=40, D=p.head_dim, E=p.subnetworks,
                 F=p.subnetwork_width, dtype="bf16")  # fmt: skip
    check(x, dtype="bf16")
