"""Bad input is refused with a message that names the rule and the sizes."""

import numpy as np
import pytest

import flashmhf
from flashmhf.dlpack import CUDA, make_tensor

pytestmark = pytest.mark.usefixtures("library")


def arguments(operands, **changes):
    x = operands(dtype="f32")
    given = dict(q=x.q, k=x.k, u=x.u, v=x.v, r=x.r)
    for name, change in changes.items():
        given[name] = change(given.get(name)) if callable(change) else change
    return given


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(q=lambda q: q[0]), r"q has rank 3, expected 4: \[B, H, L, D\]"),
        (dict(k=lambda k: k[..., :4]), r"k has head width 4, but q has 8"),
        (dict(u=lambda u: u[:, :1]), r"u has shape \[2, 1, 6, 8\], expected .* \[2, 2, 6, 8\]"),
        (dict(v=lambda v: v[:, :, 1:]), r"v has shape \[2, 2, 5, 8\]"),
        (dict(r=lambda r: r[:, :, 1:]), r"r has shape \[1, 2, 4, 2\], expected \[B, H, L, E\]"),
        (dict(q=lambda q: np.repeat(q, 2, 1)[:, 1:], r=None), r"H = 3 .* multiple of the G = 2"),
        (dict(k=lambda k: k.astype(np.float64)), r"k has dtype f64, expected f32 since q has f32"),
        (dict(r=lambda r: r.astype(np.float16)), r"r has dtype f16, expected f32"),
        (dict(q=lambda q: q.astype(np.int64)), r"q has dtype int64; supported are bf16"),
        (dict(k=None), r"k is None, it must be a tensor"),
        (dict(activation="swish"), r"activation 'swish' is unknown; known are silu"),
        (dict(target="tpu"), r"target 'tpu' is unknown"),
        (dict(target="cuda"), r"is in CPU memory, but the target is 'cuda'"),
        (dict(out=np.zeros((1, 2, 5, 9), np.float32)), r"out has shape \[1, 2, 5, 9\]"),
        (dict(out=np.zeros((1, 2, 5, 8), np.float16)), r"out has dtype f16, expected f32"),
        (dict(k=lambda k: k[:0], u=lambda u: u[:0], v=lambda v: v[:0]), r"G = 0"),
    ],
)
def test_run(operands, changes, message):
    with pytest.raises(ValueError, match=message):
        flashmhf.run(**arguments(operands, **changes))


def test_inner_stride(operands):
    wide = lambda q: np.repeat(q, 2, -1)[..., ::2]  # noqa: E731
    with pytest.raises(ValueError, match="stride"):
        flashmhf.run(**arguments(operands, q=wide))


def test_overlapping_output(operands):
    given = arguments(operands)
    with pytest.raises(ValueError, match="overlap"):
        flashmhf.run(**given, out=given["q"])


def test_misaligned(operands):
    raw = np.zeros(4 * 80 + 2, np.uint8)
    q = raw[2:].view(np.float32)[:80].reshape(1, 2, 5, 8)
    try:
        out = flashmhf.run(**arguments(operands, q=q))
    except ValueError as error:
        assert "align" in str(error)
    else:
        assert not out.any()


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(heads=3, groups=2), "3.*2"),
        (dict(heads=0), "0"),
        (dict(head_dim=-5), "-5"),
        (dict(dtype="f64", out_dtype="f32"), "f32|outType|out"),
    ],
)
def test_problems(changes, message):
    problem = flashmhf.presets["370m"].replace(**changes)
    with pytest.raises(flashmhf.FlashmhfError, match=message):
        flashmhf.compile(problem, emit="mlir")


def test_unknown_names():
    with pytest.raises(ValueError, match="7b"):
        flashmhf.compile("7b")
    with pytest.raises(KeyError, match="7b"):
        flashmhf.presets["7b"]
    with pytest.raises(ValueError, match="emit 'elf' is unknown; known are mlir"):
        flashmhf.compile("370m", emit="elf")
    with pytest.raises(ValueError, match="ptxas_policy 'x' is unknown"):
        flashmhf.compile("370m", ptxas_policy="x")
    with pytest.raises(TypeError, match="unknown compile option 'tile'"):
        flashmhf.compile("370m", tile=3)
    with pytest.raises(flashmhf.FlashmhfError, match="sm_80"):
        flashmhf.compile("370m", chip="sm_80")
    with pytest.raises(ValueError, match="either a problem or source"):
        flashmhf.compile()
    with pytest.raises(ValueError, match="dtype int8 is not supported"):
        flashmhf.presets["370m"].replace(dtype="int8")


def test_source_that_does_not_parse():
    seen = []
    with pytest.raises(flashmhf.FlashmhfError) as error:
        flashmhf.compile(
            source="func.func @f(", emit="mlir", on_diagnostic=lambda *d: seen.append(d)
        )
    assert error.value.status == "parse error"
    assert seen and seen[0][0] == "error"


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_dtypes_that_the_gpu_has_not(dtype):
    with pytest.raises(flashmhf.FlashmhfError, match=dtype):
        flashmhf.compile(flashmhf.presets["370m"].replace(dtype=dtype), emit="ptx")


def test_schedules():
    with pytest.raises(flashmhf.FlashmhfError):
        flashmhf.compile("370m", schedule="#flashmhf.schedule<nonsense>")
    with pytest.raises(flashmhf.FlashmhfError, match="bytes|shared"):
        flashmhf.compile("370m", schedule="#flashmhf.schedule<stages = [9, 9, 9]>")


def test_no_gpu_is_an_error_not_a_crash(operands):
    if flashmhf.cuda_available():
        pytest.skip("there is a GPU")
    with pytest.raises(flashmhf.FlashmhfError) as error:
        flashmhf.compile("370m").load()
    assert error.value.status in ("unavailable", "CUDA error")


def test_names_of_gpus_that_are_not_there():
    for device in (-1,) if flashmhf.cuda_available() else (-1, 0):
        with pytest.raises(flashmhf.FlashmhfError) as error:
            flashmhf.gpu_name(device)
        assert error.value.status == "unavailable"


def fake(shape, strides, dtype="bf16", address=1 << 20, device=0):
    return make_tensor(address, shape, strides, dtype, (CUDA, device))


def test_gpu_numbers_must_agree():
    rows, weights = (1, 8, 5, 128), (8, 11, 256, 128)
    q = fake(rows, (5120, 640, 128, 1))
    w = fake(weights, (360448, 32768, 128, 1))
    with pytest.raises(ValueError, match="v is on GPU 1, but q is on GPU 0"):
        flashmhf.run(q, w, w, fake(weights, (360448, 32768, 128, 1), device=1))
    with pytest.raises(ValueError, match="q is in GPU memory, but the target is 'cpu'"):
        flashmhf.run(q, w, w, w, target="cpu")
    with pytest.raises(ValueError, match="out must be given for GPU tensors"):
        flashmhf.run(q, w, w, w)
