"""The opponents of `bench` on the CPU: layouts, padding, and what they refuse."""

import pytest
from bench_fakes import Clock, CPUKernel, CPUProjection, replace_gpu

import flashmhf
from flashmhf.bench import models, schedules
from flashmhf.dlpack import make_tensor

torch = pytest.importorskip("torch")


@pytest.fixture
def bench(monkeypatch, library):
    """A function that makes the Bench of a model."""
    from flashmhf.bench import gpu, suite

    replace_gpu(monkeypatch)

    def make(text="heads=2,head_dim=96,subnetworks=2,subnetwork_width=128", tokens=70, batch=2):
        model = models.parse_model(text)
        sets = [gpu.make_operands(model.problem, batch, tokens, seed) for seed in range(2)]
        rows = gpu.sample_tokens(tokens, 0)
        want = gpu.reference(model.problem, sets[0], rows)
        built = [schedules.Built(schedules.Variant("flashmhf"), CPUKernel(model.problem))]
        return suite.Bench(model, batch, tokens, built, sets, rows, want, Clock(), 0)

    return make


def run_at(problem, pointers, sizes, transposed):
    """The operator on memory of the CPU: q, k, u, v, r, out, all compact."""
    B, H, L, G, E, F, D = sizes
    rows, weights = (B, H, L, D), (G, E, F, D)
    r_strides = (H * E * L, E * L, 1, L) if transposed else (H * L * E, L * E, E, 1)

    def compact(shape):
        return tuple(torch.empty(shape, device="meta").stride())

    shapes = [rows, weights, weights, weights, (B, H, L, E), rows]
    tensors = []
    for i, (pointer, shape) in enumerate(zip(pointers, shapes)):
        strides = r_strides if i == 4 else compact(shape)
        tensors.append(make_tensor(pointer, shape, strides, "f32" if i == 4 else "bf16"))
    q, k, u, v, r, out = (t.array() for t in tensors)
    wide = [flashmhf.dtypes.bf16_values(x).astype("f8") for x in (q, k, u, v)]
    result = flashmhf.reference(*wide, r.astype("f8"), activation=problem.activation)
    out[...] = flashmhf.dtypes.bf16_bits(result)


def check_all(entries, bench):
    for entry in entries:
        assert entry.check() <= entry.limit, entry.name
        entry.call(1)  # the other set of operands is another memory
        assert entry.flops > 0 and entry.name
    return entries


def test_swiglu(bench, monkeypatch):
    from flashmhf.bench.peers import Unavailable, swiglu

    monkeypatch.setattr(torch, "compile", lambda form, dynamic: form)
    made = bench()
    found = check_all(swiglu.entries(made), made)
    assert [e.name for e in found] == [
        "SwiGLU, eager",
        "SwiGLU, compile",
        "matched SwiGLU, eager",
        "matched SwiGLU, compile",
    ]
    assert found[0].flops == 6 * 140 * 192 * 512 and "d_ff 512" in found[0].note
    assert found[2].flops == 6 * 140 * 192 * 384  # 256 + 2/3 of 192
    assert {e.kind for e in found} == {"layer"}
    with pytest.raises(Unavailable):
        swiglu.entries(bench("128m,up=no", 3, 1))


def test_forms_of_swiglu_agree(bench):
    from flashmhf.bench.peers import swiglu

    x, w, d = torch.randn(5, 8).double(), torch.randn(12, 8).double(), torch.randn(8, 6).double()
    torch.testing.assert_close(swiglu.separate(x, w, d), swiglu.fused(x, w, d))


@pytest.mark.parametrize("batch", [1, 2])
def test_layer(bench, batch, monkeypatch):
    from flashmhf.bench.peers import Unavailable, layer

    made = bench(batch=batch)
    made.gpu = "NVIDIA H200"

    def build(problem, built, gpu):
        assert gpu == made.gpu
        built[0].artifact = core

    def build_projection(source, gpu):
        assert gpu == made.gpu
        return CPUProjection(source, gpu)

    monkeypatch.setattr(schedules, "build", build)
    monkeypatch.setattr(layer, "build_projection", build_projection)
    core = made.built[0].artifact
    found = check_all(layer.entries(made), made)
    assert [entry.name for entry in found] == [layer.OWN_NAME, layer.NAME]
    tokens = 70 * batch
    for entry in found:
        assert entry.flops == 6 * tokens * 2 * 256 * 96 + 4 * tokens * 192 * 192
    monkeypatch.setattr(layer.projection, "MOST_TOKENS", tokens - 1)
    assert [entry.name for entry in layer.entries(made)] == [layer.NAME]
    made.built = [schedules.Built(schedules.Variant("flashmhf"), error="no")]
    with pytest.raises(Unavailable, match="no kernel"):
        layer.entries(made)


TRITON = """
class Kernel:
    def __init__(self):
        self.launches = []
    def run(self):
        pass
    def warmup(self, *arguments, grid, **options):
        self.launches.append((grid, arguments, options))
    def __getitem__(self, grid):
        def launch(*operands, **options):
            if options["num_warps"] == 4:
                raise RuntimeError("out of resources")
            self.launches.append((grid, operands, options))
            COMPUTE(operands)
        return launch

class Tuner:
    configs = []
    def __init__(self, fn):
        self.fn = fn
    def run(self):
        pass

def COMPUTE(operands):
    pass

flash_mlp_moe_forward_kernel = Tuner(Kernel())
"""


def test_triton(bench, tmp_path):
    from flashmhf.bench.peers import Unavailable, triton_kernel

    file = tmp_path / "kernel.py"
    file.write_text(TRITON)
    kernel = triton_kernel.load(file)
    made = bench()

    def compute(operands):
        q, k, u, v, r, out = operands[:6]
        assert all(x.shape[-1] == 128 and not x[..., 96:].any() for x in (q, k, u, v))
        sizes = (*q.shape[:3], k.shape[0], *k.shape[1:3], 128)
        assert list(operands[6:12]) == [2, 2, 70, 128, 2, 128]
        assert list(operands[12:16]) == list(q.stride()) and len(operands) == 12 + 24
        run_at(made.problem, [x.data_ptr() for x in operands[:6]], sizes, False)

    kernel.run.__globals__["COMPUTE"] = compute
    entries = triton_kernel.maker(file)
    # maker imports the file anew: hand it the kernel that computes.
    (made_kernel,) = [c.cell_contents for c in entries.__closure__]
    made_kernel.run.__globals__["COMPUTE"] = compute
    (entry,) = check_all(entries(made), made)
    assert entry.flops == made.problem.flops(2, 70) and "D padded to 128" in entry.note
    assert made_kernel.launches[0][0] == (1, 2, 2)  # token tiles, groups, batch
    options = made_kernel.launches[0][2]
    assert 1 << options["LOG2_BLOCK_SEQ"] == options["BLOCK_SEQ"] == 128

    triton_kernel.compile_only(kernel, made.problem, 70)
    _, arguments, compiled = kernel.launches[-1]
    assert compiled == options and arguments[4] == torch.float32
    assert arguments[6:] == (1, *made_kernel.launches[0][1][7:12], *arguments[12:])
    assert arguments[12:16] == (2 * 70 * 128, 70 * 128, 128, 1)
    assert arguments[-8:-4] == (2 * 70 * 2, 70 * 2, 2, 1)

    with pytest.raises(Unavailable, match="SiLU"):
        entries(bench("128m,activation=gelu", 3, 1))
    file.write_text("x = 1")
    with pytest.raises(Unavailable, match="gives no flash_mlp"):
        triton_kernel.maker(file)
    with pytest.raises(Unavailable):
        triton_kernel.maker(tmp_path / "none.py")


@pytest.mark.parametrize("any_length, tokens", [(False, 192), (True, 70)])
def test_thunderkittens(bench, monkeypatch, any_length, tokens):
    from flashmhf.bench.peers import Unavailable, thunderkittens

    made = bench()
    calls = []

    def function(q, k, u, v, r, out, B, H, L, G, E, F, D, stream):
        calls.append((B, H, L, G, E, F, D, stream))
        run_at(made.problem, (q, k, u, v, r, out), (B, H, L, G, E, F, D), True)
        return 0

    monkeypatch.setattr(thunderkittens, "load", lambda file: function)
    entries = thunderkittens.maker("tk.so", any_length)
    (entry,) = check_all(entries(made), made)
    assert calls[0] == (2, 2, tokens, 2, 2, 128, 128, 7)
    assert ("L padded" in entry.note) != any_length and "D padded to 128" in entry.note
    with pytest.raises(Unavailable, match="H = G"):
        text = "heads=4,groups=2,head_dim=96,subnetworks=2,subnetwork_width=128"
        entries(bench(text, 3))
    monkeypatch.setattr(thunderkittens, "load", lambda file: lambda *_: 3)
    (entry,) = thunderkittens.maker("tk.so", any_length)(made)
    with pytest.raises(RuntimeError, match="tk_fwd returned 3"):
        entry.check()


def test_libraries_that_are_none(tmp_path, library):
    from flashmhf.bench.peers import Unavailable, prototype, thunderkittens

    (tmp_path / "x.so").write_text("not a library")
    with pytest.raises(Unavailable, match="gives no tk_fwd"):
        thunderkittens.maker(tmp_path / "x.so", False)
    with pytest.raises(Unavailable, match="does not load"):
        prototype.maker(tmp_path / "x.so")
    with pytest.raises(Unavailable, match="gives no tk_fwd"):
        thunderkittens.maker(flashmhf.native.find_library(), False)


class Prototype:
    """Two variants for D = 96, one of which refuses."""

    names = [b"d96n128w2_m28qvr_pp1_c2", b"n128w2_m18qvr_pp1_c2", b"another"]

    def __init__(self):
        self.launched = []

    def prototype_count(self):
        return 3

    def prototype_name(self, i):
        return self.names[i]

    def prototype_width(self, i):
        return 128 if i == 1 else 96

    def prototype_launch(self, i, *arguments):
        B, H, L, E, F, D, multiprocessors, stream = arguments[6:]
        assert (multiprocessors, stream) == (132, 7)
        self.launched.append(i)
        run_at(Silu, arguments[:6], (B, H, L, H, E, F, D), False)
        return 0


class Silu:
    activation = "silu"


def test_prototype(bench, monkeypatch):
    from flashmhf.bench.peers import Unavailable, prototype

    fake = Prototype()
    monkeypatch.setattr(prototype, "load", lambda path: fake)
    entries = prototype.maker("somewhere")
    made = bench(tokens=256, batch=1)
    (entry,) = check_all(entries(made), made)
    assert entry.note == "d96n128w2_m28qvr_pp1_c2" and set(fake.launched) == {0}
    with pytest.raises(Unavailable, match="multiples of 256"):
        entries(bench(tokens=70))
    with pytest.raises(Unavailable, match="no variant for D = 64"):
        text = "heads=2,head_dim=64,subnetworks=2,subnetwork_width=128"
        entries(bench(text, 256, 1))


def test_prototype_is_built_by_nvcc(tmp_path, monkeypatch, library):
    from flashmhf.bench.peers import Unavailable, prototype

    for name in ("main.cu", "va.cu", "vb.cu", "micro.cu"):
        (tmp_path / name).write_text("")
    commands = []
    monkeypatch.setattr(prototype, "_run", commands.append)
    prototype.build(tmp_path, tmp_path / "out.so")
    compiled = sorted(str(c[c.index("-c") + 1]).rsplit("/", 1)[1] for c in commands[:-1])
    assert compiled == ["main.cu", "shim.cu", "va.cu", "vb.cu"]
    assert "-shared" in commands[-1] and commands[-1][-1] == tmp_path / "out.so"
    monkeypatch.undo()
    with pytest.raises(Unavailable, match="does not run"):
        prototype._run([tmp_path / "nvcc"])
    with pytest.raises(Unavailable, match="false failed"):
        prototype._run(["false"])
