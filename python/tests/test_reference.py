"""flashmhf.reference against the formula written out with einsum."""

import ml_dtypes
import numpy as np
import pytest

import flashmhf
from flashmhf.dtypes import bf16_bits, bf16_values
from flashmhf.oracle import ACTIVATIONS


def naive(q, k, u, v, r, act):
    heads, groups = q.shape[1], k.shape[0]
    k, u, v = (None if x is None else np.repeat(x, heads // groups, 0) for x in (k, u, v))
    a = act(np.einsum("bhld,hefd->bhlef", q, k))
    if u is not None:
        a = a * np.einsum("bhld,hefd->bhlef", q, u)
    if r is not None:
        a = a * r[..., None]
    return np.einsum("bhlef,hefd->bhld", a, v)


FORMULAS = {
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x / (1 + np.exp(-2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "relu": lambda x: np.where(x > 0, x, 0),
    "relu2": lambda x: np.where(x > 0, x * x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "identity": lambda x: x,
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("router", [True, False])
def test_formula(operands, activation, groups, up, router):
    x = operands(B=2, H=4, G=groups, L=7, D=5, E=3, F=4)
    u, r = (x.u if up else None), (x.r if router else None)
    got = flashmhf.reference(x.q, x.k, u, x.v, r, activation)
    want = naive(x.q, x.k, u, x.v, r, FORMULAS[activation])
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


def test_many_tokens_are_done_in_blocks(operands):
    x = operands(H=1, L=5000, D=4, E=2, F=3)
    got = flashmhf.reference(*x.all)
    np.testing.assert_allclose(got, naive(*x.all, FORMULAS["silu"]), rtol=1e-12, atol=1e-14)


def test_rows(operands):
    x = operands(B=2, L=9)
    rows = [8, 0, 3]
    got = flashmhf.reference(*x.all, rows=rows)
    want = flashmhf.reference(*x.all)[:, :, rows]
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)


def test_strides_and_out(operands):
    x = operands(B=2, H=3, L=4)
    q = np.ascontiguousarray(x.q.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
    out = np.full(x.q.shape, np.nan)
    assert flashmhf.reference(q, x.k, x.u, x.v, x.r, out=out) is out
    np.testing.assert_array_equal(out, flashmhf.reference(*x.all))


@pytest.mark.parametrize("dtype", ["bf16", "f16", "f32"])
def test_narrow_inputs_are_widened_exactly(operands, dtype):
    x = operands(dtype=dtype)
    wide = [a.astype(np.float64) for a in x.all]
    np.testing.assert_array_equal(flashmhf.reference(*x.all), flashmhf.reference(*wide))


def test_no_tokens(operands):
    assert flashmhf.reference(*operands(L=0).all).shape == (1, 2, 0, 8)


def test_large_values_do_not_overflow(operands):
    x = operands()
    assert np.isfinite(flashmhf.reference(1e4 * x.q, x.k, x.u, x.v, x.r)).all()


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(q=(1, 2, 5)), r"q has rank 3, expected 4: \[B, H, L, D\]"),
        (
            dict(u=(2, 2, 6, 4)),
            r"u has shape \[2, 2, 6, 4\], expected \[G, E, F, D\] = \[2, 2, 6, 8\]",
        ),
        (dict(k=(2, 2, 6, 4)), r"k has head width 4, but q has 8"),
        (dict(q=(1, 3, 5, 8), r=None), r"H = 3 heads, not a multiple of the G = 2"),
        (dict(r=(1, 2, 5, 3)), r"r has shape \[1, 2, 5, 3\], expected \[B, H, L, E\]"),
    ],
)
def test_shapes_that_do_not_fit(operands, change, message):
    x = operands()
    arguments = dict(q=x.q, k=x.k, u=x.u, v=x.v, r=x.r)
    for name, shape in change.items():
        arguments[name] = None if shape is None else np.zeros(shape)
    with pytest.raises(ValueError, match=message):
        flashmhf.reference(**arguments)


def test_unknown_activation(operands):
    with pytest.raises(ValueError, match="activation 'swish' is unknown; known are silu"):
        flashmhf.reference(*operands().all, activation="swish")


def test_bf16_bits_round_as_ml_dtypes():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2**32, 100_000, dtype=np.uint32).view(np.float32)
    x = np.concatenate([x, np.float32([0, -0.0, np.inf, -np.inf, 1 + 2**-8, 1 + 3 * 2**-8])])
    with np.errstate(invalid="ignore"):
        want = x.astype(ml_dtypes.bfloat16)
    finite = ~np.isnan(x)
    np.testing.assert_array_equal(bf16_bits(x)[finite], want.view(np.uint16)[finite])
    assert np.isnan(bf16_values(bf16_bits(x)[~finite])).all()
    np.testing.assert_array_equal(
        bf16_values(want.view(np.uint16))[finite], want.astype(np.float32)[finite]
    )
