"""Random operators, layouts and schedules: the CPU path and the emulated kernel
against float64. Failures shrink to the smallest operator that shows them."""

import re
from pathlib import Path

import numpy as np
import pytest

import flashmhf
from flashmhf.oracle import ACTIVATIONS
from flashmhf.validation.projections import Projection

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("library")

#: Relative error, as everywhere else. A and O are rounded once each, by up to 2^-8
#: (bf16) or 2^-11 (f16) of an element, which comes to 2.4e-3 and 3e-4 of the norm
#: of many elements. Where an example has few of them, their norm scatters, or
#: cancels in O: they are compared with float64 that rounds A and O too.
LIMIT = {"bf16": 2.6e-3, "f16": 4e-4, "f32": 4e-6, "f64": 1e-13}
MANY = 1 << 13

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
        B=draw(st.sampled_from([1, 2, 0]), "B"),
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


#: Budgets of a producer's and a consumer's thread that fit the register file.
REGISTERS = {
    1: [[40, 240], [24, 240], [128, 248], [24, 232]],
    2: [[40, 232], [24, 240], [56, 224]],
    3: [[32, 160], [24, 160]],
}


@st.composite
def schedules(draw):
    exchange = draw(st.sampled_from([False, False, True]), "exchange")
    consumers = 1 if exchange else draw(st.sampled_from([1, 2, 3]), "consumers")
    stages = [draw(st.integers(1, 4), name) for name in "KUV"]
    registers = draw(st.sampled_from(REGISTERS[consumers]), "registers")
    split = draw(st.sampled_from([1, 1, 1, 2, 3]), "split")
    # What neither a split nor exchanged roles can be together with.
    cluster = 1 if exchange else draw(st.sampled_from([1, 1, 2, 4, 3]), "cluster")
    persistent = draw(st.booleans(), "persistent") and split == 1 and not exchange
    overlap = draw(st.booleans(), "overlap")
    producers = draw(st.integers(1, 2), "producers")
    rows = 4 if exchange else draw(st.integers(1, 8), "dff_tile / 16")
    keys = dict(
        token_tile=draw(st.sampled_from([8, 16, 32])) if exchange else 64 * consumers,
        dff_tile=16 * rows,
        stages=stages,
        consumers=consumers,
        registers=registers,
        cluster=cluster,
        persistent=persistent,
        overlap=overlap,
        rotate=draw(st.booleans(), "rotate"),
        split=split,
        producers=producers,
        fuse_tiles=draw(st.booleans(), "fuse_tiles") and persistent and overlap,
        halve_q=draw(st.booleans(), "halve_q") and not exchange,
        turns=draw(st.booleans(), "turns"),
        programmatic=draw(st.booleans(), "programmatic"),
        push=draw(st.booleans(), "push") and split > 1 and cluster == 1,
        exchange=exchange,
        scale_sums=draw(st.booleans(), "scale_sums") and not exchange,
        late_columns=draw(st.sampled_from([0, 0, 8 * rows]), "late_columns") * (not exchange),
        paced=draw(st.booleans(), "paced") and split > 1,
        hold_q=draw(st.booleans(), "hold_q") and not exchange,
    )
    shares = persistent and not (keys["rotate"] or keys["scale_sums"])
    keys["stream_k"] = draw(st.booleans(), "stream_k") and shares
    text = ", ".join(f"{key} = {str(value).lower()}" for key, value in keys.items())
    return f"#flashmhf.schedule<{text}>"


def laid_out(array, layout, margin=1):
    """The same values, in memory as `layout` says; innermost stride 1. A slice has
    `margin` elements beside each row."""
    if layout == "layer":
        return np.ascontiguousarray(array.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
    if layout == "slice":
        margins = (1, 1, 1, margin)
        sizes = tuple(n + 2 * m for n, m in zip(array.shape, margins))
        whole = np.full(sizes, np.nan, array.dtype)
        inner = whole[tuple(slice(m, n + m) for n, m in zip(array.shape, margins))]
        inner[...] = array
        return inner
    return array


def tensors_of(operands, sizes, options, margin=1):
    """q, k, u, v, r and an output full of nan."""
    x = operands(**sizes)
    if not options["up"]:
        x.u = None
    if not options["router"]:
        x.r = None
    tensors = [t if t is None else laid_out(t, options["layout"], margin) for t in x.all]
    is_wide = options["wide"] and sizes["dtype"] in ("bf16", "f16")
    out = np.full(x.q.shape, np.nan, np.float32 if is_wide else x.q.dtype)
    return tensors, laid_out(out, options["layout"], margin)


def rounded_reference(q, k, u, v, r, activation, out_dtype, scale_sums=False):
    """float64, but for A and O, which are rounded as a kernel rounds them: A times R,
    or with `scale_sums` without."""
    q, k, u, v, r = (x if x is None else np.asarray(x, np.float64) for x in (q, k, u, v, r))
    total = np.zeros(q.shape)
    for h in range(q.shape[1]):
        g = h // (q.shape[1] // k.shape[0])
        for e in range(k.shape[1]):
            a = ACTIVATIONS[activation](q[:, h] @ k[g, e].T)
            if u is not None:
                a *= q[:, h] @ u[g, e].T
            scale = 1.0 if r is None else r[:, h, :, e : e + 1]
            if not scale_sums:
                a, scale = a * scale, 1.0
            total[:, h] += scale * (a.astype(out_dtype[0]).astype(np.float64) @ v[g, e])
    return total.astype(out_dtype[1]).astype(np.float64)


def check(tensors, out, sizes, options, scale_sums=(False,)):
    """`scale_sums`: what the kernel's schedule may say of it."""
    limit = LIMIT[sizes["dtype"]]
    assert np.isfinite(np.asarray(out, np.float64)).all()
    kinds = (tensors[0].dtype, out.dtype)
    error = min(
        flashmhf.relative_error(
            out, rounded_reference(*tensors, options["activation"], kinds, scaled)
        )
        for scaled in scale_sums
    )
    assert error <= limit, f"error {error:.2e}, but for the roundings"
    hidden = sizes["B"] * sizes["H"] * sizes["L"] * sizes["E"] * sizes["F"]
    if min(out.size, hidden) >= MANY:
        error = flashmhf.relative_error(out, flashmhf.reference(*tensors, options["activation"]))
        assert error <= limit, f"error {error:.2e}"


def test_every_key_of_a_schedule_is_drawn():
    """A new tuning decision is to be emulated with the others."""
    definition = ROOT / "include/flashmhf/Dialect/FlashMHF/IR/FlashMHFAttrs.td"
    table = definition.read_text().split("def FlashMHF_ScheduleAttr")[1]
    keys = re.findall(r"^    \| `(\w+)` ", table, re.M)
    drawn = hypothesis.find(schedules(), lambda _: True)
    assert set(re.findall(r"(\w+) = ", drawn)) == set(keys)


@settings(max_examples=60, **bounded)
@given(case=operators(kernel=False))
def test_cpu(operands, case):
    sizes, options = case
    tensors, out = tensors_of(operands, sizes, options)
    flashmhf.run(*tensors, activation=options["activation"], out=out, target="cpu")
    check(tensors, out, sizes, options)


@settings(max_examples=300, **bounded)
@given(
    case=operators(kernel=True),
    schedule=st.one_of(st.none(), schedules()),
    max_variants=st.sampled_from([1, 2, 8]),
    multiprocessors=st.sampled_from([1, 2, 5, 132]),
)
def test_emulated_kernel(operands, case, schedule, max_variants, multiprocessors):
    sizes, options = case
    # TMA and wide stores want 16 bytes.
    tensors, out = tensors_of(operands, sizes, options, margin=8)
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
        kernel = flashmhf.emulator(problem, schedule=schedule, max_variants=max_variants)
    except flashmhf.FlashmhfError as error:
        # A schedule may ask for too much, and is told so with the sizes.
        assert schedule is not None and re.search(r"(needs|cannot be) .*\d", str(error))
        hypothesis.reject()
    kernel.run(*(t for t in tensors if t is not None), out, multiprocessors=multiprocessors)
    chosen = (False, True) if schedule is None else ("scale_sums = true" in schedule,)
    check(tensors, out, sizes, options, chosen)


@st.composite
def projections(draw):
    """Sizes of a projection, whether its output is f32, and how its tensors lie."""
    sizes = dict(
        B=draw(st.sampled_from([1, 2, 0]), "B"),
        G=draw(st.integers(1, 3), "G"),
        L=draw(st.one_of(st.integers(0, 5), st.integers(0, 140)), "L"),
        K=16 * draw(st.integers(1, 12), "K / 16"),
        H=draw(st.integers(1, 3), "H"),
        N=16 * draw(st.one_of(st.integers(1, 4), st.integers(1, 16)), "N / 16"),
    )
    dtype = draw(st.sampled_from(["bf16", "f16"]), "dtype")
    layout = draw(st.sampled_from(["dense", "layer", "slice"]), "layout")
    return sizes, dtype, draw(st.booleans(), "wide"), layout, draw(st.integers(0, 99), "seed")


@st.composite
def projection_schedules(draw):
    exchange = draw(st.booleans(), "exchange")
    consumers = 1 if exchange else draw(st.sampled_from([1, 2, 3]), "consumers")
    stages = [draw(st.integers(1, 4), name) for name in "WX"]
    split = draw(st.sampled_from([1, 1, 2, 3, 5]), "split")
    keys = dict(
        token_tile=draw(st.sampled_from([8, 16, 24, 32])) if exchange else 64 * consumers,
        dff_tile=16 * draw(st.integers(1, 8), "dff_tile / 16"),
        stages=[*stages, stages[1]],
        consumers=consumers,
        registers=draw(st.sampled_from([[128, 128], *REGISTERS[consumers]]), "registers"),
        cluster=draw(st.sampled_from([1, 1, 2, 4, 3]), "cluster") if split == 1 else 1,
        split=split,
        push=draw(st.booleans(), "push") and split > 1,
        programmatic=draw(st.booleans(), "programmatic"),
        exchange=exchange,
    )
    text = ", ".join(f"{key} = {str(value).lower()}" for key, value in keys.items())
    return f"#flashmhf.schedule<{text}>"


@settings(max_examples=300, **bounded)
@given(
    case=projections(),
    schedule=st.one_of(st.none(), projection_schedules()),
    any_count=st.booleans(),
    multiprocessors=st.sampled_from([1, 2, 5, 132]),
)
def test_emulated_projection(case, schedule, any_count, multiprocessors):
    sizes, dtype, wide, layout, seed = case
    B, G, L, K, H, N = sizes.values()
    rng = np.random.default_rng(seed)
    kind = flashmhf.dtypes.numpy_dtype(dtype)
    x = rng.standard_normal((B, G, L, K)).astype(kind)
    w = (rng.standard_normal((H, G, N, K)) * (G * K) ** -0.5).astype(kind)
    out = np.full((B, H, L, N), np.nan, np.float32 if wide else kind)
    x, w, out = (laid_out(t, layout, margin=8) for t in (x, w, out))
    problem = Projection(
        heads=H,
        groups=G,
        columns=N,
        depth=K,
        dtype=dtype,
        out_dtype="f32" if wide else dtype,
        batch=None if any_count else B,
        tokens=None if any_count else L,
    )
    options = {} if schedule is None else dict(schedule=schedule)
    try:
        kernel = flashmhf.emulator(source=problem.source(), **options)
    except flashmhf.FlashmhfError as error:
        assert schedule is not None and re.search(r"(needs|cannot be) .*\d", str(error))
        hypothesis.reject()
    kernel.run(x, w, out, multiprocessors=multiprocessors)
    want = np.einsum("bglk,hgnk->bhln", x.astype(np.float64), w.astype(np.float64))
    found = np.asarray(out, np.float64)
    assert np.isfinite(found).all()
    # The sum is rounded once: what is left are its order and, now and then, a tie.
    rounded = want.astype(out.dtype).astype(np.float64)
    unit = {"bf16": 2.0**-7, "f16": 2.0**-10}[dtype] if not wide else 0.0
    assert (np.abs(found - rounded) <= unit * np.abs(want) + 1e-5).all()
    assert flashmhf.relative_error(found, rounded) <= (4e-4 if unit else 2e-6)
