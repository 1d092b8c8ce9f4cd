"""Random operators, layouts and schedules: the CPU path and the emulated kernel
against float64. Failures shrink to the smallest operator that shows them."""

import re

import numpy as np
import pytest

import flashmhf
from flashmhf.oracle import ACTIVATIONS

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

pytestmark = pytest.mark.usefixtures("library")

#: A and O are rounded once each, by at most 2^-9 or 2^-12 of an element. Few
#: elements scatter, so the bound on the norm leaves room; a tile that is missing,
#: repeated or misplaced is an error of O(1).
LIMIT = {"bf16": 8e-3, "f16": 1e-3, "f32": 4e-6, "f64": 1e-13}

bounded = dict(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@st.composite
def operators(draw, kernel):
    """Arguments of Operands, and of run. `kernel`: what a kernel can have."""
    groups = draw(st.integers(1, 2), "G")
    sizes = dict(
        B=draw(st.integers(1, 2), "B"),
        H=groups * draw(st.integers(1, 2), "H / G"),
        G=groups,
        L=draw(st.one_of(st.integers(0, 5), st.integers(0, 140)), "L"),
        D=16 * draw(st.integers(1, 8), "D / 16") if kernel else draw(st.integers(1, 70), "D"),
        E=draw(st.integers(1, 3), "E"),
        F=draw(st.one_of(st.integers(1, 5), st.integers(1, 200)), "F"),
        dtype=draw(st.sampled_from(["bf16", "f16"] if kernel else list(LIMIT)), "dtype"),
        seed=draw(st.integers(0, 99), "seed"),
    )
    options = dict(
        activation=draw(st.sampled_from(list(ACTIVATIONS)), "activation"),
        up=draw(st.booleans(), "up"),
        router=draw(st.booleans(), "router"),
        wide=draw(st.booleans(), "wide"),
        layout=draw(st.sampled_from(["dense", "layer", "slice"]), "layout"),
    )
    return sizes, options


@st.composite
def schedules(draw):
    consumers = draw(st.integers(1, 2), "consumers")
    stages = [draw(st.integers(1, 4), name) for name in "KUV"]
    registers = {1: [40, 240], 2: [40, 232]}[consumers]
    return (
        f"#flashmhf.schedule<token_tile = {64 * consumers}, "
        f"dff_tile = {16 * draw(st.integers(1, 8), 'dff_tile / 16')}, stages = {stages}, "
        f"consumers = {consumers}, registers = {registers}, "
        f"persistent = {str(draw(st.booleans(), 'persistent')).lower()}, "
        f"overlap = {str(draw(st.booleans(), 'overlap')).lower()}>"
    )


def laid_out(array, layout):
    """The same values, in memory as `layout` says; innermost stride 1."""
    if layout == "layer":
        return np.ascontiguousarray(array.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
    if layout == "slice":
        whole = np.full(tuple(n + 2 for n in array.shape), np.nan, array.dtype)
        whole[1:-1, 1:-1, 1:-1, 1:-1] = array
        return whole[1:-1, 1:-1, 1:-1, 1:-1]
    return array


def tensors_of(operands, sizes, options):
    """q, k, u, v, r and an output full of nan."""
    x = operands(**sizes)
    if not options["up"]:
        x.u = None
    if not options["router"]:
        x.r = None
    tensors = [t if t is None else laid_out(t, options["layout"]) for t in x.all]
    is_wide = options["wide"] and sizes["dtype"] in ("bf16", "f16")
    out = np.full(x.q.shape, np.nan, np.float32 if is_wide else x.q.dtype)
    return tensors, laid_out(out, options["layout"])


def check(tensors, out, sizes, options):
    want = flashmhf.reference(*tensors, options["activation"])
    assert np.isfinite(np.asarray(out, np.float64)).all()
    error = flashmhf.relative_error(out, want)
    assert error <= LIMIT[sizes["dtype"]], f"error {error:.2e}"


@settings(max_examples=60, **bounded)
@given(case=operators(kernel=False))
def test_cpu(operands, case):
    sizes, options = case
    tensors, out = tensors_of(operands, sizes, options)
    flashmhf.run(*tensors, activation=options["activation"], out=out, target="cpu")
    check(tensors, out, sizes, options)


@settings(max_examples=150, **bounded)
@given(
    case=operators(kernel=True),
    schedule=st.one_of(st.none(), schedules()),
    multiprocessors=st.sampled_from([1, 2, 132]),
)
def test_emulated_kernel(operands, case, schedule, multiprocessors):
    sizes, options = case
    tensors, out = tensors_of(operands, sizes, options)
    problem = flashmhf.Problem(
        heads=sizes["H"],
        groups=sizes["G"],
        head_dim=sizes["D"],
        subnetworks=sizes["E"],
        subnetwork_width=sizes["F"],
        dtype=sizes["dtype"],
        out_dtype="f32" if out.dtype == np.float32 else None,
        activation=options["activation"],
        up=options["up"],
        router=options["router"],
    )
    try:
        kernel = flashmhf.emulator(problem, schedule=schedule)
    except flashmhf.FlashmhfError as error:
        # A schedule may ask for too much, and is told so with the sizes.
        assert schedule is not None and re.search(r"needs .*\d", str(error)), error
        hypothesis.reject()
    kernel.run(*(t for t in tensors if t is not None), out, multiprocessors=multiprocessors)
    check(tensors, out, sizes, options)
