"""Shared helpers: random operands, and skipping where a part is missing."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

# The package beside these tests, unless told to test the installed one.
if not os.environ.get("FLASHMHF_TEST_INSTALLED"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from flashmhf.dtypes import accumulator, numpy_dtype  # noqa: E402


class Operands:
    """Random q, k, u, v, r of given sizes, K and U scaled so that S is O(1)."""

    def __init__(self, B=1, H=2, G=None, L=5, D=8, E=2, F=6, dtype="f64", seed=0):
        rng = np.random.default_rng(seed)
        G = H if G is None else G
        kind = numpy_dtype(dtype)

        def normal(*shape, scale=1.0):
            return (scale * rng.standard_normal(shape)).astype(kind)

        self.q = normal(B, H, L, D)
        self.k = normal(G, E, F, D, scale=D**-0.5)
        self.u = normal(G, E, F, D, scale=D**-0.5)
        self.v = normal(G, E, F, D, scale=F**-0.5)
        gate = 1.0 / (1.0 + np.exp(-rng.standard_normal((B, H, L, E))))
        gate /= gate.sum(-1, keepdims=True)
        self.r = gate.astype(numpy_dtype(accumulator(dtype)))

    @property
    def all(self):
        return self.q, self.k, self.u, self.v, self.r


@pytest.fixture
def operands():
    return Operands


@pytest.fixture(scope="session")
def library():
    """The loaded library; the tests that need it fail where it was not built,
    unless FLASHMHF_ALLOW_NO_LIBRARY is set."""
    from flashmhf import FlashmhfError, native

    try:
        return native.library()
    except FlashmhfError as error:
        if os.environ.get("FLASHMHF_ALLOW_NO_LIBRARY"):
            pytest.skip(str(error))
        raise
