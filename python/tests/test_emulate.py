"""The GPU's kernels, emulated on the CPU, against the float64 reference."""

import json
import re

import numpy as np
import pytest

import flashmhf
from flashmhf.oracle import ACTIVATIONS

pytestmark = pytest.mark.usefixtures("library")

#: As on the CPU and on the GPU: A and O are rounded once each.
LIMIT = {"bf16": 2.6e-3, "f16": 4.0e-4}


def check(x, activation="silu", u=True, r=True, dtype="bf16", **options):
    u, r = (x.u if u else None), (x.r if r else None)
    got = flashmhf.run(x.q, x.k, u, x.v, r, activation=activation, target="emulate", **options)
    want = flashmhf.reference(x.q, x.k, u, x.v, r, activation)
    assert np.isfinite(np.asarray(got, np.float64)).all()
    error = flashmhf.relative_error(got, want)
    assert error <= LIMIT[dtype], f"error {error:.2e}"
    return got


def emulate(x, schedule=None, multiprocessors=132):
    """Runs operands with a schedule of one's own; returns the relative error."""
    problem = flashmhf.Problem(
        heads=x.q.shape[1],
        groups=x.k.shape[0],
        head_dim=x.q.shape[3],
        subnetworks=x.k.shape[1],
        subnetwork_width=x.k.shape[2],
    )
    out = np.full_like(x.q, np.nan)
    kernel = flashmhf.emulator(problem, schedule=schedule)
    kernel.run(*x.all, out, multiprocessors=multiprocessors)
    return flashmhf.relative_error(out, flashmhf.reference(*x.all))


@pytest.mark.parametrize("dtype", LIMIT)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_and_dtypes(operands, activation, dtype):
    x = operands(B=1, H=2, L=33, D=64, E=2, F=96, dtype=dtype)
    check(x, activation, dtype=dtype)


@pytest.mark.parametrize("u, r", [(False, True), (True, False), (False, False)])
def test_operands_left_out(operands, u, r):
    check(operands(B=2, H=4, G=2, L=70, D=32, E=3, F=64, dtype="bf16"), u=u, r=r)


@pytest.mark.parametrize("name", ["128m", "370m"])
def test_paper_models(operands, name):
    """The very kernel of the paper's models, every head and sub-network."""
    p = flashmhf.presets[name]
    x = operands(H=p.heads, G=p.groups, L=130, D=p.head_dim, E=p.subnetworks,
                 F=p.subnetwork_width, dtype="bf16")  # fmt: skip
    check(x)


@pytest.mark.parametrize("tokens", [1, 63, 64, 65, 128, 129, 300])
def test_token_tails(operands, tokens):
    """Rows past the end are neither read nor written."""
    x = operands(H=1, L=tokens + 3, D=32, E=2, F=64, dtype="bf16")
    x.q, x.r = x.q[:, :, 1:-2], x.r[:, :, 1:-2]
    whole = np.full((1, 1, tokens + 3, 32), np.nan, np.float32)
    check(x, out=whole[:, :, 1:-2])
    assert np.isnan(whole[:, :, [0, -2, -1]]).all()


def test_layer_layout(operands):
    x = operands(B=2, H=4, G=2, L=21, D=32, E=3, F=32, dtype="bf16")
    want = check(x)
    x.q = np.ascontiguousarray(x.q.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
    for name in "kuv":
        w = getattr(x, name)
        w = np.ascontiguousarray(w.transpose(1, 2, 0, 3)).transpose(2, 0, 1, 3)
        setattr(x, name, w)
    np.testing.assert_array_equal(check(x), want)


@pytest.mark.parametrize("multiprocessors", [1, 3, 132])
def test_persistent_blocks(operands, multiprocessors):
    """One block computes one tile, some, or all of them."""
    x = operands(B=2, H=2, L=150, D=32, E=2, F=64, dtype="bf16")
    schedule = "#flashmhf.schedule<dff_tile = 32, persistent = true>"
    assert emulate(x, schedule, multiprocessors) <= LIMIT["bf16"]


@pytest.mark.parametrize("fuse", ["false", "true"])
@pytest.mark.parametrize("steps", [1, 5, 8, 9])
@pytest.mark.parametrize("multiprocessors", [1, 3, 5, 7, 11, 132])
def test_shared_tiles(operands, multiprocessors, steps, fuse):
    """16 tiles: blocks have whole ones, and what is left in parts of 1 to 5 blocks."""
    x = operands(B=2, H=2, L=450, D=32, E=1, F=16 * steps, dtype="bf16")
    schedule = (
        "#flashmhf.schedule<dff_tile = 16, persistent = true, overlap = true, "
        f"fuse_tiles = {fuse}, halve_q = {fuse}, stream_k = true>"
    )
    assert emulate(x, schedule, multiprocessors) <= LIMIT["bf16"]


@pytest.mark.parametrize("cluster", [2, 3])
@pytest.mark.parametrize("steps", [1, 8, 9])
@pytest.mark.parametrize("multiprocessors", [2, 6, 11, 14, 132])
def test_clusters_share_tiles(operands, multiprocessors, steps, cluster):
    """16 or 24 tiles, 64 to 128 rows of them past the end, in 1 to 7 clusters."""
    x = operands(B=2, H=2, L=450, D=32, E=1, F=48 * steps, dtype="bf16")
    schedule = (
        f"#flashmhf.schedule<dff_tile = 48, cluster = {cluster}, persistent = true, "
        "overlap = true, fuse_tiles = true, halve_q = true, stream_k = true>"
    )
    assert emulate(x, schedule, multiprocessors) <= LIMIT["bf16"]


@pytest.mark.parametrize("tokens", [1, 129, 300, 513])
@pytest.mark.parametrize("rotate", ["false", "true"])
@pytest.mark.parametrize("cluster", [2, 4, 8])
def test_clusters(operands, cluster, rotate, tokens):
    """Blocks past the last token tile take part in filling the slots."""
    x = operands(B=2, H=2, G=1, L=tokens, D=64, E=3, F=64, dtype="bf16")
    schedule = (
        f"#flashmhf.schedule<dff_tile = 64, cluster = {cluster}, persistent = {rotate}, "
        f"rotate = {rotate}, overlap = true>"
    )
    for multiprocessors in (1, 2 * cluster + 1, 132):
        assert emulate(x, schedule, multiprocessors) <= LIMIT["bf16"]


@pytest.mark.parametrize("stages", [1, 2, 3, 4])
@pytest.mark.parametrize("overlap", ["false", "true"])
def test_trip_counts_around_the_stages(operands, stages, overlap):
    schedule = (
        f"#flashmhf.schedule<token_tile = 64, consumers = 1, dff_tile = 32, "
        f"stages = [{stages}, {stages}, {stages}], overlap = {overlap}>"
    )
    for steps in {1, stages - 1, stages, stages + 1} - {0}:
        x = operands(H=2, L=61, D=64, E=1, F=32 * steps, dtype="bf16", seed=steps)
        assert emulate(x, schedule) <= LIMIT["bf16"]


def test_agrees_with_the_cpu(operands):
    """Same roundings, another order of summation."""
    x = operands(H=2, L=64, D=64, E=4, F=128, dtype="bf16")
    got = flashmhf.run(*x.all, target="emulate").astype(np.float64)
    want = flashmhf.run(*x.all, target="cpu").astype(np.float64)
    assert flashmhf.relative_error(got, want) <= 1e-3


def test_same_bits_every_time(operands):
    x = operands(B=1, H=2, L=200, D=32, E=2, F=64, dtype="bf16")
    first = flashmhf.run(*x.all, target="emulate")
    for _ in range(3):
        np.testing.assert_array_equal(flashmhf.run(*x.all, target="emulate"), first)


def test_tensors_that_do_not_fit(operands):
    x = operands(H=2, L=5, D=32, E=2, F=32, dtype="bf16")
    kernel = flashmhf.emulator(
        flashmhf.Problem(heads=2, groups=2, head_dim=32, subnetworks=2, subnetwork_width=32)
    )
    with pytest.raises(flashmhf.FlashmhfValueError, match=r"'k' has shape"):
        kernel.run(x.q, x.k[:, :1], x.u, x.v, x.r, x.q.copy())
    with pytest.raises(flashmhf.FlashmhfValueError, match="multiprocessors"):
        kernel.run(*x.all, x.q.copy(), multiprocessors=0)


def misplaced(x, skip, padding):
    """The same values, `skip` elements into memory, rows with `padding` behind."""
    flat = np.zeros(skip + x.size // x.shape[3] * (x.shape[3] + padding), x.dtype)
    rows = flat[skip:].reshape(*x.shape[:3], x.shape[3] + padding)[..., : x.shape[3]]
    rows[...] = x
    return rows


@pytest.mark.parametrize("name", ["q", "k", "u", "v", "out"])
@pytest.mark.parametrize("skip, padding", [(1, 0), (0, 4)])
def test_tensors_that_the_launcher_refuses(operands, name, skip, padding):
    """TMA's rules, in the launcher's own words."""
    x = operands(H=2, L=5, D=32, E=2, F=32, dtype="bf16")
    problem = flashmhf.Problem(heads=2, groups=2, head_dim=32, subnetworks=2, subnetwork_width=32)
    tensors = dict(zip(problem.argument_names, (*x.all, x.q.copy())))
    tensors[name] = misplaced(tensors[name], skip, padding)
    with pytest.raises(flashmhf.FlashmhfValueError, match=f"'{name}' .*16") as emulated:
        flashmhf.emulator(problem).run(*tensors.values())
    with pytest.raises(flashmhf.FlashmhfValueError) as launched:
        flashmhf.compile(problem).plan(*tensors.values())
    assert str(emulated.value) == str(launched.value)


def test_types_that_no_kernel_has(operands):
    x = operands(dtype="f32")
    with pytest.raises(flashmhf.FlashmhfError, match="f32"):
        flashmhf.run(*x.all, target="emulate")


def overlap(a, b):
    return a["ts"] < b["ts"] + b["dur"] and b["ts"] < a["ts"] + a["dur"]


def test_trace(operands, tmp_path):
    """Slices of every track, in order on each; products under activations."""
    x = operands(H=1, L=128, D=64, E=2, F=256, dtype="bf16")
    problem = flashmhf.Problem(heads=1, groups=1, head_dim=64, subnetworks=2, subnetwork_width=256)
    out = np.full_like(x.q, np.nan)
    # That for many tokens, of two consumers.
    kernel = flashmhf.emulator(problem, max_variants=1)
    kernel.run(*x.all, out, trace=tmp_path / "trace.json")
    assert flashmhf.relative_error(out, flashmhf.reference(*x.all)) <= LIMIT["bf16"]

    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M"}
    producers = {name for name in names.values() if name.startswith("producer")}
    assert producers and set(names.values()) - producers == {
        "consumer 0", "consumer 1", "TMA", "tensor cores"
    }  # fmt: skip
    tracks = {name: [] for name in names.values()}
    for e in events:
        if e["ph"] == "X":
            assert e["dur"] > 0
            tracks[names[e["tid"]]].append(e)
    for track in tracks.values():
        for before, after in zip(track, track[1:]):
            assert before["ts"] + before["dur"] <= after["ts"] + 1e-6
    for name in ("consumer 0", "consumer 1"):
        kinds = {e["name"] for e in tracks[name]}
        assert {"activation", "wgmma", "wait for product", "load", "store"} <= kinds
        activations = [e for e in tracks[name] if e["name"] == "activation"]
        others = [e for e in tracks["tensor cores"] if e["name"] != name]
        assert any(overlap(a, p) for a in activations for p in others)
    assert {e["name"] for e in tracks["TMA"]} == set("QKUV")


def test_trace_of_run(operands, tmp_path):
    x = operands(H=1, L=128, D=64, E=2, F=256, dtype="bf16")
    path = tmp_path / "trace.json"
    out = flashmhf.run(*x.all, target="emulate", trace=path)
    assert flashmhf.relative_error(out, flashmhf.reference(*x.all)) <= LIMIT["bf16"]
    slices = [e for e in json.loads(path.read_text())["traceEvents"] if e["ph"] == "X"]
    assert {"activation", "wgmma"} <= {e["name"] for e in slices}
    flashmhf.run(x.q[:, :, :0], *x.all[1:4], x.r[:, :, :0], target="emulate", trace=path)
    assert json.loads(path.read_text())["traceEvents"] == []
    with pytest.raises(ValueError, match="trace .*'cpu'"):
        flashmhf.run(*x.all, target="cpu", trace=path)


def test_timeline():
    """What is predicted grows with the work."""
    texts = []
    for tokens in (128, 4096):
        p = flashmhf.Problem(heads=8, groups=8, head_dim=64, subnetworks=2,
                             subnetwork_width=128, batch=1, tokens=tokens)  # fmt: skip
        texts.append(flashmhf.compile(p, emit="timeline").text)
    cycles = [int(re.search(r"block 0: (\d+) cycles", text)[1]) for text in texts]
    assert "busy: tensor cores" in texts[0] and cycles[0] < cycles[1]


SPLIT = (
    "#flashmhf.schedule<token_tile = {tile}, consumers = {consumers}, dff_tile = 64, "
    "split = {split}, overlap = {overlap}>"
)


@pytest.mark.parametrize("multiprocessors", [132, 8])
@pytest.mark.parametrize("overlap", ["false", "true"])
@pytest.mark.parametrize("tokens, tile, split", [(1, 64, 8), (17, 64, 5), (100, 128, 3)])
def test_pieces(operands, tokens, tile, split, overlap, multiprocessors):
    """Blocks that wait for one another, and blocks that must not; 9 steps in pieces of
    one or two, and of three."""
    x = operands(B=2, H=2, L=tokens, D=64, E=3, F=160, dtype="bf16")
    schedule = SPLIT.format(tile=tile, consumers=tile // 64, split=split, overlap=overlap)
    assert emulate(x, schedule, multiprocessors) <= LIMIT["bf16"]


@pytest.mark.parametrize("overlap", ["false", "true"])
def test_pieces_of_many_sub_networks(operands, overlap):
    """More values of R than a consumer keeps: each step loads those of the next."""
    x = operands(B=1, H=2, L=70, D=64, E=13, F=72, dtype="bf16")
    schedule = (
        "#flashmhf.schedule<token_tile = 64, consumers = 1, registers = [40, 104], "
        f"dff_tile = 32, split = 2, overlap = {overlap}>"
    )
    assert emulate(x, schedule) <= LIMIT["bf16"]
