"""What validation does on a GPU machine, as far as it can be checked without."""

import ctypes
import dataclasses
import json
import os
import sys

import numpy as np
import pytest

import flashmhf
from flashmhf import Problem, dlpack
from flashmhf.validation import case, ledger, matrix, projections, sanitize
from flashmhf.validation.case import Build
from flashmhf.validation.projections import Projection, ProjectionCase

SMALL = Problem(heads=4, groups=2, head_dim=16, subnetworks=2, subnetwork_width=24)
CASES = [
    matrix.Case("plain", SMALL, 9),
    matrix.Case("layer", SMALL, 9, batch=3, layout="tokens", weights="layer", padded=True),
    matrix.Case("bare", SMALL.replace(up=False, router=False, activation="gelu"), 5),
    matrix.Case("f16", SMALL.replace(dtype="f16", activation="relu2"), 5, scaled=True),
]
NARROW = Projection(heads=5, groups=2, columns=16, depth=48)
PROJECTIONS = [
    ProjectionCase("projection", NARROW, 9, batch=3, padded=True),
    ProjectionCase("groups", NARROW, 20, layout="heads", weights="groups", any_count=True),
    ProjectionCase("wide", dataclasses.replace(NARROW, out_dtype="f32"), 9),
]
ALL = CASES + PROJECTIONS


def test_matrix_covers_what_it_must(library):
    cases = [c for c in matrix.cases() if isinstance(c, matrix.Case)]
    assert {(n.split("/")[0], c.tokens) for n, c in ((c.name, c) for c in cases)} >= {
        (m, t) for m in ("128m", "370m", "1.3b") for t in (1, 17, 128, 1000, 4096)
    }
    problems = [c.problem for c in cases]
    assert {p.head_dim for p in problems} >= {64, 96, 128, 256}
    assert {p.dtype for p in problems} == {"bf16", "f16"}
    assert {p.activation for p in problems} == set(matrix.ACTIVATION_NAMES)
    assert any(p.groups < p.heads for p in problems)
    assert not all(p.up for p in problems) and not all(p.router for p in problems)
    assert {c.layout for c in cases} == {"heads", "tokens"}
    assert {c.weights for c in cases} == {"groups", "layer"}
    assert any(c.batch > 1 for c in cases)
    assert any(p.subnetwork_width % 64 for p in problems)
    split = [c for c in cases if c.schedule and "split" in c.schedule]
    assert {c.tokens for c in split} >= {1, 8, 17, 64, 100, 128, 256, 1000}
    assert {c.problem.head_dim for c in split} >= {96, 128}


def test_matrix_covers_projections(library):
    cases = [c for c in matrix.cases() if isinstance(c, ProjectionCase)]
    shapes = {(c.projection.depth, c.projection.heads * c.projection.columns) for c in cases}
    assert {c.tokens for c in cases if c.programmatic} >= set(projections.TOKENS)
    assert shapes >= {(n, n) for n in (768, 1024, 2048)}
    assert {c.projection.columns for c in cases} >= {16, 48, 64, 96, 128, 256}
    assert {c.projection.dtype for c in cases} == {"bf16", "f16"}
    assert {c.projection.out_dtype for c in cases} == {"bf16", "f16", "f32"}
    assert any(c.projection.depth % 64 for c in cases)
    assert {c.any_count for c in cases} == {c.padded for c in cases} == {False, True}
    assert {c.layout for c in cases} == {"heads", "tokens"}
    assert {c.weights for c in cases} == {"groups", "layer"}
    assert any(c.batch > 1 for c in cases)
    schedules = [c.schedule for c in cases if c.schedule]
    for rows in (8, 16, 32, 64, 128):
        of_rows = [s for s in schedules if f"token_tile = {rows}," in s]
        assert all(("exchange" in s) == (rows < 64) for s in of_rows)
        early = [s for s in of_rows if "programmatic" in s]
        assert early and len(early) < len(of_rows)
        assert any("split" not in s for s in of_rows)
        assert any("cluster" in s for s in of_rows) or rows < 32
        assert any("push" in s for s in of_rows)
        assert any("split" in s and "push" not in s for s in of_rows) or rows == 8
    names = {c.name for c in matrix.sanitizer_cases()}
    assert len([n for n in names if "project" in n]) >= 12


def test_given_schedules_compile(library):
    """Those that no model has would fail on the GPU's time only."""
    builds = {c.build for c in matrix.cases() + matrix.sanitizer_cases() if c.schedule}
    built = ledger.compile_all(builds, lambda b: ledger.compile_build(b, "ptx"))
    for build, artifact in built.items():
        assert not isinstance(artifact, Exception), (build, artifact)


@pytest.mark.parametrize("padding", [0, 8])
def test_strides(padding):
    shape, order = (2, 3, 5, 8), (0, 2, 1, 3)
    strides, extent = case.strides_of(shape, order, padding)
    rows = np.zeros((2, 5, 3, 8 + padding))
    view = rows.transpose(order)[..., :8]
    assert strides == tuple(s // 8 for s in view.strides)
    assert extent == rows.size - padding


def test_canonical_ptx():
    a = "// by LLVM\n.version 8.4\n\n\tadd.s32 %r1, %r2, 3;  // note\n"
    b = ".version 8.4\n// other\n\tadd.s32 %r1, %r2, 3;\n"
    assert ledger.ptx_hash(a) == ledger.ptx_hash(b)
    assert ledger.ptx_hash(a) != ledger.ptx_hash(a.replace("3;", "4;"))


@pytest.fixture
def torch_on_cpu(monkeypatch):
    pytest.importorskip("torch")
    from flashmhf.validation import operands

    monkeypatch.setattr(operands, "DEVICE", "cpu")
    return operands


@pytest.mark.parametrize("case", ALL, ids=lambda c: c.name)
def test_torch_reference_is_the_numpy_one(torch_on_cpu, case):
    buffers = torch_on_cpu.make_operands(case, 7)
    t = {n: b.tensor for n, b in buffers.items() if n != "out"}
    want = sanitize.reference(case, t)
    got = torch_on_cpu.reference(case, buffers).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("case", ALL, ids=lambda c: c.name)
def test_poison_finds_what_is_not_written_and_what_is_beside(torch_on_cpu, case):
    out = torch_on_cpu.make_operands(case, 7)["out"]
    with pytest.raises(AssertionError, match=f"{out.bits.numel()} of"):
        out.check_written()
    out.tensor.fill_(1.0)
    out.check_written()
    out.bits[-1, -1, -1, -1] = out.poison
    with pytest.raises(AssertionError, match="1 of .* not written"):
        out.check_written()
    out.tensor.fill_(1.0)
    inside = {out.bits.storage_offset() + i for i in _offsets(out)}
    outside = [i for i in range(out.whole.numel()) if i not in inside]
    for place in (outside[0], outside[len(outside) // 2], outside[-1]):
        out.whole[place] = 0
        with pytest.raises(AssertionError, match="1 elements beside"):
            out.check_written()
        out.whole[place] = out.poison


def _offsets(buffer):
    grid = np.indices(buffer.bits.shape).reshape(4, -1)
    return (np.array(buffer.strides) @ grid).tolist()


def test_inputs_lie_between_nans(torch_on_cpu):
    k = torch_on_cpu.make_operands(CASES[1], 7)["k"]
    assert torch_on_cpu.torch.isfinite(k.tensor).all()
    copy = k.whole.clone()
    torch_on_cpu.torch.as_strided(copy, k.bits.shape, k.strides, torch_on_cpu.GUARD).fill_(k.poison)
    assert (copy == k.poison).all()


def _rows(cases):
    return {
        c.name: dict(config=c.name, **ledger.describe(c), ptx_sha256="0", error=1e-3, date="d")
        for c in cases
    }


def test_layers_are_compared_with_float64(library, torch_on_cpu):
    from flashmhf.validation import layers

    kinds = {(c.uses_library, c.programmatic) for c in layers.cases()}
    assert kinds == {(a, b) for a in (False, True) for b in (False, True)}
    small = [c for c in layers.cases() if c.problem.heads == 4]
    assert {c.problem.dtype for c in small} == {"bf16", "f16"}
    for one in small:
        layer = layers.Layer(one, 3)
        y = layer(target="cpu")
        assert layer.check(y) <= one.limit
        assert torch_on_cpu.torch.isnan(layer.empty_output()).all()
        y[-1, -1, -1] += 10
        with pytest.raises(AssertionError, match="error .* > "):
            layer.check(y)


def test_files_that_are_no_ledgers(tmp_path):
    path = tmp_path / "ledger.json"
    path.write_text("[1,")
    with pytest.raises(ValueError, match="ledger.json is not JSON: Expecting value"):
        ledger.read(path)
    for text in ("{}", '{"config": 1}', "[1]", "[{}]"):
        path.write_text(text)
        with pytest.raises(ValueError, match="ledger.json is not a ledger"):
            ledger.read(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="is not JSON"):
        ledger.read(path)


def test_ledger_round_trip(tmp_path):
    path = tmp_path / "ledger.json"
    assert ledger.read(path) == {}
    rows = _rows(reversed(ALL))
    ledger.write(path, {**rows, "gone": {"config": "gone"}}, ALL)
    assert ledger.read(path) == rows
    assert [r["config"] for r in json.loads(path.read_text())] == [c.name for c in ALL]
    assert len(path.read_text().splitlines()) == len(ALL) + 2


def test_stale_rows_are_found(monkeypatch):
    class Artifact:
        def __init__(self, ptx):
            self.ptx = ptx

    def compile(problem, emit, max_variants):
        if problem.dtype == "f16":
            raise flashmhf.FlashmhfError("too wide", "compile error")
        return Artifact(f"{problem}")

    monkeypatch.setattr(ledger, "compile", compile)
    rows = _rows(CASES)
    for case in CASES:
        rows[case.name]["ptx_sha256"] = ledger.ptx_hash(f"{case.problem}")
    assert ledger.stale(rows, CASES) == {"f16": "does not compile: too wide"}
    rows["plain"]["ptx_sha256"] = "0"
    rows["bare"]["error"] = 0.5
    rows["layer"]["batch"] = 1
    rows["other"] = dict(rows["plain"], config="other")
    more = CASES + [dataclasses.replace(CASES[0], name="new")]
    found = ledger.stale(rows, more)
    assert found["new"] == "never validated"
    assert "PTX changed since d" in found["plain"]
    assert found["bare"] == "error 0.5 is above 0.0026"
    assert found["layer"] == "the configuration of that name was another one"
    assert found["other"] == "no such configuration"


def test_what_is_compiled_of_a_projection(monkeypatch):
    """The ledger vouches for it as for an operator."""
    made = []

    class Artifact:
        ptx = ".version 8.4"

    def compile(problem=None, source=None, **options):
        made.append((source, options))
        return Artifact

    monkeypatch.setattr(ledger, "compile", compile)
    early = dataclasses.replace(PROJECTIONS[0], programmatic=True)
    assert early.build == Build(early.problem, "", 1, True)
    rows = _rows([early])
    rows["projection"]["ptx_sha256"] = ledger.ptx_hash(Artifact.ptx)
    assert ledger.stale(rows, [early]) == {}
    assert "programmatic" in rows["projection"] and rows["projection"]["problem"]["tokens"] == 9
    source, options = made[0]
    assert "tensor<3x2x9x48xbf16>" in source and "tensor<5x2x16x48xbf16>" in source
    assert options == dict(emit="ptx", max_variants=1, programmatic=True)
    assert "tensor<?x5x?x16xbf16>" in PROJECTIONS[1].problem.source()
    given = dataclasses.replace(PROJECTIONS[2], schedule="split = 2")
    assert given.build.schedule == "#flashmhf.schedule<split = 2>"
    rows["projection"]["error"] = 2.1e-3
    assert "is above 0.002" in ledger.stale(rows, [early])["projection"]


class HostGpu:
    """Gpu's interface over host memory."""

    def __init__(self):
        self.memory = {}

    def allocate(self, size):
        buffer = np.zeros(size, np.uint8)
        self.memory[buffer.ctypes.data] = buffer
        return buffer.ctypes.data

    def free(self, pointer):
        del self.memory[pointer]

    def upload(self, pointer, array):
        ctypes.memmove(pointer, array.ctypes.data, array.nbytes)

    def download(self, array, pointer):
        ctypes.memmove(array.ctypes.data, pointer, array.nbytes)

    def synchronize(self):
        pass


class HostKernel:
    """The reference in the place of a kernel; `fault` spoils its output."""

    def __init__(self, case, fault=lambda out: None):
        self.case, self.fault = case, fault

    def load(self, device):
        return self

    def launch(self, tensors):
        host = dict(zip(self.case.problem.argument_names, tensors))
        host = {
            n: dlpack.make_tensor(t.pointer, t.shape, t.strides, t.dtype) for n, t in host.items()
        }
        out = host.pop("out")
        values = sanitize.reference(self.case, host)
        bits = out.array().view(sanitize._STORAGE[out.dtype])
        bits[...] = sanitize._bits(values, out.dtype)
        self.fault(bits)


@pytest.mark.parametrize("case", ALL, ids=lambda c: c.name)
def test_sanitizer_run(case):
    gpu, rng = HostGpu(), np.random.default_rng(0)
    assert sanitize._run(case, HostKernel(case), gpu, rng) < case.limit
    assert not gpu.memory

    def hole(out):
        out[0, 0, 0, 0] = sanitize._POISON[case.problem.out_dtype]

    with pytest.raises(AssertionError, match="1 of .* not written"):
        sanitize._run(case, HostKernel(case, hole), gpu, rng)

    def wrong(out):
        out[:, :, -1] = 0

    assert sanitize._run(case, HostKernel(case, wrong), gpu, rng) > case.limit
    if case.padded:

        def beside(out):
            base = out.ctypes.data + out.shape[3] * 2
            ctypes.memset(base, 0, 2)

        with pytest.raises(AssertionError, match="1 elements beside"):
            sanitize._run(case, HostKernel(case, beside), gpu, rng)


def test_where_it_is_wrong(torch_on_cpu):
    torch = torch_on_cpu.torch
    want = torch.randn(2, 3, 40, 16, dtype=torch.float64)
    got = want.clone()
    got[1, :, 8:16, 3] += 5
    got[1, :, 30, 3] = float("nan")
    text = torch_on_cpu.where(got, want, 1e-2)
    assert text == "3 not finite, b 1, all h, l 8-15,30, d 3"
    assert torch_on_cpu.where(want, want, 1e-2) == "0 not finite, b none, h none, l none, d none"


def test_validation_goes_on_after_a_restart(monkeypatch, capsys):
    from flashmhf.validation import progress

    started = []
    monkeypatch.setattr(progress.os, "execv", lambda program, args: started.append(args))
    monkeypatch.setattr(progress.sys, "argv", ["flashmhf", "validate", "--quick"])
    first = progress.Progress(seed=5)
    first.rows.append({"config": "a"})
    first.restart("b", "it hangs")
    assert started[0][1:-1] == ["-m", "flashmhf", "validate", "--quick", "--resume"]
    monkeypatch.setattr(progress.sys, "argv", ["flashmhf", *started[0][3:]])
    second = progress.Progress(seed=6, path=started[0][-1])
    assert (second.seed, second.done(), second.failed) == (5, {"a", "b"}, {"b": "it hangs"})
    second.restart("c", "so does this")
    assert started[1] == started[0]
    second.close()
    assert not os.path.exists(started[0][-1])
    assert "FAIL b: it hangs" in capsys.readouterr().out


FAKE_SANITIZER = """#!{python}
import json, sys, time
a = sys.argv[1:]
tool = a[a.index("--tool") + 1]
if tool == {sick!r}:
    print("========= Invalid __global__ write of size 2 bytes")
    sys.exit(int(a[a.index("--error-exitcode") + 1]))
if tool == {slow!r}:
    time.sleep(60)
errors = dict.fromkeys({names!r}, 1e-4)
json.dump(dict(seed=1, errors=errors), open(a[a.index("--report") + 1], "w"))
"""


@pytest.mark.parametrize("sick, slow", [("", ""), ("racecheck", ""), ("", "initcheck")])
def test_sanitizer_tools(monkeypatch, tmp_path, capsys, sick, slow):
    class Artifact:
        ptx = ".version 8.4"

    program = tmp_path / "compute-sanitizer"
    names = [c.name for c in CASES]
    program.write_text(
        FAKE_SANITIZER.format(python=sys.executable, sick=sick, slow=slow, names=names)
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sanitize, "sanitizer_cases", lambda: CASES)
    monkeypatch.setattr(sanitize, "matrix_cases", list)
    monkeypatch.setattr(ledger, "compile", lambda p, emit, max_variants: Artifact)
    path = tmp_path / "ledger.json"
    good = not sick and not slow
    status = sanitize.run_tools(path, seconds=10 if good else 2)
    assert status == (0 if good else 1)
    rows = ledger.read(path)
    assert list(rows) == (names if good else [])
    if good:
        assert rows["plain"]["ptx_sha256"] == ledger.ptx_hash(Artifact.ptx)
        assert rows["plain"]["tools"] == ["memcheck", "racecheck", "synccheck", "initcheck"]
    out = capsys.readouterr().out
    assert (f"{sick or slow}: FAILED" in out) != good
    assert ("Invalid __global__ write" in out) == bool(sick)
