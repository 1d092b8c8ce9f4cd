"""`bench --method` with torch on the CPU, where a GPU's parts are replaced."""

import ctypes
import json

import pytest
from bench_fakes import Clock, CPUKernel, replace_gpu
from test_bench_peers import run_at

from flashmhf import native
from flashmhf.bench import cli, methods, models, report, schedules

torch = pytest.importorskip("torch")

MODEL = "heads=2,head_dim=96,subnetworks=2,subnetwork_width=128"


class WholeClock(Clock):
    """Makes all calls of a chain."""

    def prepare(self, call, count):
        return call, count


@pytest.fixture
def few(monkeypatch, library):
    from flashmhf.bench import few, gpu

    replace_gpu(monkeypatch)
    monkeypatch.setattr(gpu, "GraphClock", WholeClock)
    monkeypatch.setattr(few, "CHAIN_BUDGET", 1e-9)  # one turn over the weights
    monkeypatch.setattr(few, "release_memory", lambda: None)
    # Three sets, not as many as fill a GPU's memory.
    monkeypatch.setattr(few, "count_weight_sets", lambda problem: 3)
    return few


class Library:
    """A floor, a variant that is right and slow, one that is wrong, one that fits
    fewer tokens."""

    names = [b"stream_s4", b"t8_s4_push", b"t8_s2_spin", b"t4_s4_push"]

    def __init__(self, problem, spoilt=()):
        self.problem, self.spoilt, self.launched = problem, spoilt, []

    def few_tokens_count(self):
        return len(self.names)

    def few_tokens_name(self, i):
        return self.names[i]

    def few_tokens_is_floor(self, i):
        return i == 0

    def few_tokens_fits(self, i, pieces, B, H, L, E, F, D):
        assert (B, H, E, F, D) == (1, 2, 2, 128, 96)
        return pieces <= (5 if i else 16) and (i < 3 or L <= 4)

    def few_tokens_partials(self):
        return 64

    def few_tokens_counters(self):
        return 16

    def few_tokens_launch(self, i, pieces, programmatic, *rest):
        operands, (partials, counters), (B, H, L, E, F, D, stream) = rest[:6], rest[6:8], rest[8:]
        counter = ctypes.c_uint32.from_address(counters)
        if (i, pieces) not in {known[:2] for known in self.launched}:
            assert counter.value == 0
        counter.value += 1
        assert partials and stream == 7
        self.launched.append((i, pieces, bool(programmatic)))
        if i:
            run_at(self.problem, operands, (B, H, L, H, E, F, D), False)
        if i in self.spoilt:
            ctypes.memset(operands[5], 0, 2 * 96)
        return 0


def build(problem, planned, image=None, gpu=None):
    assert gpu == "NVIDIA H200"
    for built in planned:
        if built.variant.name == "refused":
            built.error = "no such key"
        elif built.variant.name == "early only" and "programmatic = false" in built.schedule:
            built.error = "needs programmatic"
        else:
            built.artifact = CPUKernel(problem)


def run(few, monkeypatch, library, names=("flashmhf",), asked="WRCP", tokens=(5,)):
    from flashmhf.bench import suite
    from flashmhf.bench.peers import few_tokens

    monkeypatch.setattr(schedules, "build", build)
    monkeypatch.setattr(few_tokens, "load", lambda path: library)
    settings = suite.Settings(
        rounds=3,
        single_rounds=4,
        budget=1e-4,
        variants=[
            schedules.Variant(n, "" if n == "flashmhf" else "stages = [2, 2, 2]") for n in names
        ],
        methods=asked,
        method_peers={few_tokens.NAME: few_tokens.maker("few.so")},
        gpu="NVIDIA H200",
    )
    return list(few.run([models.parse_model(MODEL)], list(tokens), settings, lambda line: None))


def test_every_method_is_a_case(few, monkeypatch):
    library = Library(models.parse_model(MODEL).problem)
    (cases,) = run(few, monkeypatch, library)
    assert [case.method for case in cases] == ["W", "R", "C", "P"]
    for case in cases:
        rounds = 4 if case.method in "WR" else 3
        names = [row.name for row in case.rows]
        assert names[:2] == ["flashmhf", "flashmhf, any count"] and "stream_s4 P16" in names
        assert sum(name.startswith("prototype t8") for name in names) == 2
        assert ("null kernel" in names) == (case.method != "P")
        yardsticks = ("product", "copy")
        assert all(len(row.seconds) == rounds for row in case.rows if row.kind not in yardsticks)
        assert case.product and not case.failed and not any(row.wrong for row in case.rows)
        ours = case.find("flashmhf")
        assert 0 < ours.error < 2.6e-3
        flag = "true" if case.method == "P" else "false"
        assert flag == "false" or "programmatic = true" in ours.note
        floor = case.find("stream_s4 P16").summary.median
        least = ours.flops / (case.product.flops / case.product.summary.median)
        assert case.floor(ours) == max(floor, least)
        assert case.stream_source == "read by stream_s4"
    assert {early for i, pieces, early in library.launched} == {False, True}
    assert {pieces for i, pieces, early in library.launched if i} == {5, 4}
    assert all(i < 3 for i, pieces, early in library.launched)

    lines = methods.table(cases).splitlines()
    assert "5 tokens, B = 1, bf16, 3 sets of weights" in lines[0]
    assert [word for word in lines[1].split() if len(word) == 1 and word != "%"] == list("WRCP")
    assert lines[2].startswith("flashmhf") and len(lines[2].split()) == 1 + 2 * 4 + 1
    versus = [line for line in lines if "is faster than prototype" in line]
    assert [line.split(":")[0].strip() for line in versus] == list("WRCP")

    whole = report.Report("2026-11-22", dict(gpu="H100"), dict(rounds=3))
    for case in cases + cases:
        whole.add(case)
    assert len(whole.cases) == 4 and report.from_json(report.to_json(whole)) == whole
    written = json.loads(report.to_json(whole))["cases"][1]["rows"][0]
    assert written["of_floor"] == pytest.approx(
        cases[1].floor(cases[1].rows[0]) / cases[1].rows[0].summary.median, abs=1e-4
    )


def test_what_chains_write_is_checked(few, monkeypatch):
    from flashmhf.bench import gpu

    # Makes two calls of three: what stands in the output is not the last weights'.
    monkeypatch.setattr(gpu, "GraphClock", Clock)
    library = Library(models.parse_model(MODEL).problem)
    ((single, chain),) = run(few, monkeypatch, library, asked="RC")
    assert not any(row.wrong for row in single.rows)
    assert chain.find("flashmhf").wrong and chain.find("flashmhf").error > 0.1


def test_wrong_and_missing_kernels(few, monkeypatch):
    library = Library(models.parse_model(MODEL).problem, spoilt=(1, 2))
    (cases,) = run(few, monkeypatch, library, ("flashmhf", "refused", "early only"), "RP")
    single, chain = cases
    assert {row.name.split()[0] for row in single.rows if row.wrong} == {"prototype"}
    assert single.failed == ["refused", "early only"]
    every = few.ANY_COUNT
    assert [r.name for r in single.rows if r.kind == "ours"] == ["flashmhf", every]
    assert [r.name for r in chain.rows if r.kind == "ours"] == ["flashmhf", "early only", every]
    assert "R: early only: needs programmatic" in single.notes
    text = methods.table(cases)
    assert "WRONG" in text and "note: R: refused: no such key" in text
    assert "is faster" not in text  # than what is wrong


def test_peers_that_cannot(few, monkeypatch):
    from flashmhf.bench.peers import Unavailable, few_tokens

    class Failing(Library):
        def few_tokens_launch(self, *arguments):
            return 1

    library = Failing(models.parse_model(MODEL).problem)
    (cases,) = run(few, monkeypatch, library, asked="R")
    assert "t8_s4_push does not launch" in cases[0].notes[0]
    case = cases[0]
    assert [row.kind for row in case.rows] == ["ours", "ours", "null", "product", "copy"]
    # Without a library the floor is that of a copy.
    copied, ours = case.rows[-1].summary.median, case.rows[0]
    weights = models.weight_bytes(models.parse_model(MODEL).problem) / (1 << 16) * copied
    operations = ours.flops / (case.product.flops / case.product.summary.median)
    assert case.floor(ours) == pytest.approx(max(weights, operations))
    assert case.stream_source == "at the rate of a copy"
    case.rows.pop()
    assert case.floor(ours) is None and case.stream_source == ""
    assert methods.table(cases).splitlines()[2].split()[0] == "flashmhf"
    monkeypatch.undo()
    with pytest.raises(Unavailable, match="does not load"):
        few_tokens.maker("/nowhere.so")


def test_layers(few, monkeypatch):
    from flashmhf.bench import suite
    from flashmhf.bench.peers import copy, layer, swiglu

    compiled = []
    monkeypatch.setattr(torch, "compile", lambda form, dynamic: compiled.append(form) or form)
    monkeypatch.setattr(schedules, "build", build)
    peers = dict(copy=lambda bench: [copy.entry()], layer=layer.entries, SwiGLU=swiglu.entries)
    settings = suite.Settings(
        rounds=3,
        single_rounds=3,
        budget=1e-4,
        variants=[schedules.Variant("flashmhf")],
        methods="RCP",
        official=cli.official_peers(peers),
        gpu="NVIDIA H200",
    )
    (cases,) = few.run([models.parse_model(MODEL)], [5], settings, lambda line: None)
    ours = layer.OWN_NAME
    others = [layer.NAME, *(f"matched SwiGLU, compile, {form}" for form in swiglu.FORMS)]
    for case in cases:
        layers = [row for row in case.rows if row.kind == "layer"]
        assert {row.name for row in layers} == {ours, *others} and not case.failed
        assert not any(row.wrong for row in layers) and not case.notes
    assert len(compiled) == len(swiglu.FORMS)  # once for all methods
    assert "s to compile" in cases[0].find(others[1]).note
    lines = methods.table(cases).splitlines()
    assert sum(f"{ours} is faster than" in line for line in lines) == 3


def test_a_program_for_any_count():
    found = dict(
        schedule="c",
        variants=[dict(schedule=s) for s in "cab"],
        rule=dict(
            cases=[
                dict(tokens=16, tile=8, tiles=2, variant=1),
                dict(tokens=256, tile=64, tiles=3, variant=2),
            ],
            otherwise=0,
        ),
    )
    sizes = [(1, 16), (2, 8), (4, 4), (1, 17), (1, 192), (1, 193), (1, 10**6)]
    taken = [schedules.schedule_at(found, *size) for size in sizes]
    assert taken == ["a", "a", "c", "b", "b", "c", "c"]
    assert schedules.schedule_at(dict(schedule="x"), 1, 1) == "x"


def test_saved_kernels_go_where_they_belong(few, monkeypatch):
    from flashmhf.bench.few import _with_start, is_programmatic

    saved = schedules.Variant("old", file="old.cubin")
    assert _with_start(saved, True) is saved
    assert _with_start(schedules.Variant("flashmhf"), True).changes == ""
    changed = _with_start(schedules.Variant("x", "split = 4"), True)
    assert changed.changes == "split = 4, programmatic = true"

    class Artifact:
        contract = {"programmatic": True}

    assert is_programmatic(schedules.Built(saved, Artifact()))
    Artifact.contract = {"variants": [{}, {"programmatic": True}]}
    assert is_programmatic(schedules.Built(saved, Artifact()))
    Artifact.contract = {"variants": [{}]}
    assert not is_programmatic(schedules.Built(saved, Artifact()))


def test_weights_differ_and_the_rest_is_shared(few):
    from flashmhf.bench import gpu

    problem = models.parse_model(MODEL).problem
    first, second = gpu.make_weight_sets(problem, 2, 3, 0, 2)
    assert first.q is second.q and first.r is second.r and first.out is second.out
    assert first.k.shape == second.k.shape and not torch.equal(first.k, second.k)
    assert models.weight_bytes(problem) == sum(2 * x.numel() for x in (first.k, first.u, first.v))
    assert models.count_weight_sets(models.parse_model("1.3b").problem) == 5
    assert models.count_weight_sets(models.parse_model("128m").problem) == 35


def test_options(library, monkeypatch):
    from test_bench import arguments_of

    _, tokens, keywords = cli.settings_of(arguments_of("--method", "R, C,R"))
    assert keywords["methods"] == "RC" and tokens[:3] == [1, 8, 16]
    assert cli.settings_of(arguments_of())[2]["methods"] == ""
    _, tokens, keywords = cli.settings_of(arguments_of("--sweep"))
    assert tokens == [1 << i for i in range(17)] and keywords["methods"] == "C"
    assert keywords["most_by_method"] == 2048
    for words, message in (
        (["--method", "R,X"], "--method has 'X'"),
        (["--method", "R", "--static"], "leave --static out"),
        (["--few-token-prototype", "x.so"], "needs --method"),
    ):
        with pytest.raises(ValueError, match=message):
            cli.settings_of(arguments_of(*words))


def test_command(few, monkeypatch, tmp_path, capsys):
    import test_bench

    from flashmhf import __main__ as main
    from flashmhf.bench import gpu

    case = test_bench.make_case()
    case.method = "R"

    def fake(models, tokens, settings, say):
        assert settings.methods == "R" and tokens == [1] and settings.gpu == "H100"
        yield [case]

    monkeypatch.setattr(few, "run", fake)
    monkeypatch.setattr(gpu, "describe_machine", lambda: dict(gpu="H100", driver="580"))
    monkeypatch.setattr(native.library(), "flashmhfCudaAvailable", lambda: native.OK)
    output, plot = str(tmp_path / "r.json"), str(tmp_path / "r.svg")
    command = ["bench", "--method", "R", "--tokens", "1", "--no-layers", "-o", output]
    command += ["--model", "370m", "--plot", plot]
    assert main.main([*command, "--few-token-prototype", "/nowhere.so"]) == 1  # a wrong row
    printed = capsys.readouterr().out
    assert "few-token prototype takes no part" in printed and "sets of weights" in printed
    written = report.from_json((tmp_path / "r.json").read_text())
    assert written.cases[0].method == "R" and written.settings["single_rounds"] == 61
    assert "370m, method R, flashmhf, 4096 tokens" in (tmp_path / "r.svg").read_text()
