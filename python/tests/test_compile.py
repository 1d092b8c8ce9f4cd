"""flashmhf.compile, launch contracts and launch plans, without a GPU."""

import pytest

import flashmhf
from flashmhf.__main__ import main
from flashmhf.dlpack import CUDA, contiguous_strides, make_tensor

pytestmark = pytest.mark.usefixtures("library")

ROWS = (2, 8, 300, 128)
WEIGHTS = (8, 11, 256, 128)


def fake(shape, dtype="bf16", strides=None, address=1 << 20):
    strides = contiguous_strides(shape) if strides is None else strides
    return make_tensor(address, shape, strides, dtype, (CUDA, 0))


def tensors(**changes):
    t = dict(
        q=fake(ROWS),
        k=fake(WEIGHTS),
        u=fake(WEIGHTS),
        v=fake(WEIGHTS),
        r=fake((2, 8, 300, 11), "f32"),
        out=fake(ROWS, address=1 << 30),
    )
    t.update(changes)
    return list(t.values())


@pytest.fixture(scope="module")
def artifact(library):
    return flashmhf.compile("370m")


def test_presets():
    assert list(flashmhf.presets) == ["128m", "370m", "1.3b"]
    p = flashmhf.presets["370m"]
    assert (p.heads, p.groups, p.head_dim, p.subnetworks, p.subnetwork_width) == (
        8, 8, 128, 11, 256)  # fmt: skip
    assert (p.dtype, p.out_dtype, p.activation, p.batch, p.tokens) == (
        "bf16", "bf16", "silu", None, None)  # fmt: skip
    assert flashmhf.presets["128m"].head_dim == 96
    assert flashmhf.presets["1.3b"].d_ff == 5632
    assert p.flops(1, 4096) == 6 * 8 * 4096 * 2816 * 128


def test_source_of_a_problem():
    p = flashmhf.presets["370m"]
    assert "flashmhf.mhffn silu" in p.source() and "up(" in p.source()
    bare = p.replace(up=False, router=False, activation="relu2", dtype="f16")
    text = bare.source()
    assert "relu2" in text and "up(" not in text and "router(" not in text
    assert bare.argument_names == ("q", "k", "v", "out")
    assert bare.out_dtype == "f16"


def test_text_is_compiled_like_a_problem(artifact):
    source = flashmhf.presets["370m"].source()
    assert flashmhf.compile(source=source).ptx == artifact.ptx


def test_ptx(artifact):
    assert ".target sm_90a" in artifact.ptx and artifact.text == artifact.ptx
    assert flashmhf.compile("370m").ptx == artifact.ptx
    names = [a["name"] for a in artifact.contract["arguments"]]
    assert names == ["q", "k", "u", "v", "r", "out"]
    for variant in artifact.contract["variants"]:
        assert variant["shared_memory"] <= 227 * 1024


def test_levels():
    assert "flashmhf.mhffn" in flashmhf.compile("370m", emit="mlir").text
    assert "#flashmhf.schedule<" in flashmhf.compile("370m", emit="schedule").text
    assert flashmhf.compile("370m", emit="mlir").contract is None
    with pytest.raises(ValueError, match="compile with emit='ptx'"):
        flashmhf.compile("370m", emit="mlir").ptx
    with pytest.raises(ValueError, match="cannot be launched"):
        flashmhf.compile("370m", emit="mlir").load()


def test_cpu_levels():
    problem = flashmhf.presets["370m"].replace(subnetworks=1, dtype="f32")
    assert "define" in flashmhf.compile(problem, emit="cpu-llvm").text
    assert flashmhf.compile(problem, emit="cpu-object").data[:4] == b"\x7fELF"


def test_plan(artifact):
    plan = artifact.plan(*tensors())
    variants = artifact.contract["variants"]
    taken = next(v for v in variants if v["kernel"] == plan["kernel"])
    if not taken["grid"]["persistent"]:
        cluster = 1 if taken["grid"].get("push") else taken["cluster"][0]
        tiles = -(-300 // (taken["grid"]["tiles"][2] * cluster))
        assert plan["grid"][0] == 2 * 8 * tiles * cluster * taken["grid"].get("pieces", 1)
    assert plan["block"] == taken["block"]


@pytest.mark.parametrize(
    "multiprocessors, cluster, blocks",
    [(132, 1, 132), (300, 1, 256), (4, 1, 4), (131, 2, 130), (300, 3, 255)],
)
def test_plan_of_shared_tiles(multiprocessors, cluster, blocks):
    """A tile of f32 for each block, and a flag for each thread of two consumers."""
    schedule = f"#flashmhf.schedule<dff_tile = 48, cluster = {cluster}, persistent = true, stream_k = true>"
    shape = (1, 8, 8192, 128)
    rows = dict(q=fake(shape), out=fake(shape, address=1 << 30))
    plan = flashmhf.compile("370m", schedule=schedule).plan(
        *tensors(r=fake((1, 8, 8192, 11), "f32"), **rows), multiprocessors=multiprocessors
    )
    assert plan["grid"] == [blocks, 1, 1]
    assert plan["workspace"] == {
        "partials": blocks * 128 * 128 * 4,
        "counters": blocks * 2 * 128 * 4,
        "resident": True,
    }


def test_plan_of_strided_tensors(artifact):
    tokens = (300 * 1024, 128, 1024, 1)
    layer = (128, 256 * 1024, 1024, 1)
    w = fake(WEIGHTS, strides=layer)
    artifact.plan(*tensors(q=fake(ROWS, strides=tokens), k=w, u=w, v=w))


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(q=fake(ROWS, address=(1 << 20) + 8)), "16"),
        (dict(k=fake(WEIGHTS, strides=(11 * 256 * 130, 256 * 130, 130, 1))), "16"),
        (dict(q=fake(ROWS, strides=(8 * 300 * 256, 300 * 256, 256, 2))), "stride"),
        (dict(q=fake((2, 8, 300, 96))), "96.*128|128.*96"),
        (dict(v=fake(WEIGHTS, "f16")), "'v' has element type float16, expected bf16"),
        (dict(r=fake((2, 8, 299, 11), "f32")), "299"),
    ],
)
def test_plans_that_cannot_be(artifact, changes, message):
    with pytest.raises(ValueError, match=message):
        artifact.plan(*tensors(**changes))


def test_number_of_tensors(artifact):
    with pytest.raises(ValueError, match="5 tensors given, but the function takes 6: q, k, u"):
        artifact.plan(*tensors()[:5])


def test_save(artifact, tmp_path):
    artifact.save(tmp_path / "k.ptx")
    assert (tmp_path / "k.ptx").read_text() == artifact.ptx
    assert (tmp_path / "k.ptx.json").read_text() == artifact.contract_text


def test_command_line(tmp_path, capsys):
    out = tmp_path / "k.mlir"
    assert main(["compile", "128m", "--emit", "mlir", "--dtype", "f16", "-o", str(out)]) == 0
    assert "f16" in out.read_text()
    assert main(["compile", "7b", "-o", str(tmp_path / "x")]) == 1
    assert "7b" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
    assert main(["--version"]) == 0
    assert main([]) == 2


def test_validation_without_a_gpu(capsys):
    if flashmhf.cuda_available():
        pytest.skip("there is a GPU")
    assert main(["validate"]) == 1
    assert capsys.readouterr().err.startswith("error: ")
