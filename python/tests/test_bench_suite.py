"""A whole case of `bench` with torch on the CPU, where a GPU's parts are replaced."""

import pytest
from bench_fakes import CPUKernel, replace_gpu

import flashmhf
from flashmhf.bench import models, rounds, schedules

torch = pytest.importorskip("torch")


@pytest.fixture
def suite(monkeypatch, library):
    from flashmhf.bench import suite

    replace_gpu(monkeypatch)
    return suite


MODEL = "heads=4,groups=2,head_dim=16,subnetworks=2,subnetwork_width=32"


def zero_first(tensor):
    tensor.array()[0, 0, 0] = 0


def nan_last(tensor):
    tensor.array()[-1, -1, -1, -1] = 0x7FC0


def build(problem, variants, image, gpu):
    assert image == "ptx" and gpu == "NVIDIA H200"
    built = [
        schedules.Built(variants[0], CPUKernel(problem), "#flashmhf.schedule<>"),
        schedules.Built(variants[1], error="no such thing"),
        schedules.Built(variants[2], CPUKernel(problem, zero_first), warnings=["ptxas: spills"]),
        schedules.Built(variants[3], CPUKernel(problem, nan_last)),
    ]
    return built[: len(variants)]


@pytest.mark.parametrize("changes", ["", ",router=no,up=no,activation=gelu"])
def test_case(suite, monkeypatch, changes):
    from flashmhf.bench.peers import Unavailable

    monkeypatch.setattr(schedules, "build_all", build)

    def peer(bench):
        assert bench.problem.heads == 4 and bench.tokens == 70 and bench.gpu == "NVIDIA H200"
        return [rounds.Entry("peer", 1e6, lambda i: None, lambda: 0.5, 1.0)]

    def missing(bench):
        raise Unavailable("it takes no groups")

    names = ["good", "unbuilt", "wrong", "unwritten"]
    settings = suite.Settings(
        batch=2,
        rounds=3,
        budget=1e-4,
        lead=1e-4,
        image="ptx",
        variants=[schedules.Variant(n) for n in names],
        peers=dict(peer=peer, missing=missing),
        gpu="NVIDIA H200",
    )
    said = []
    (case,) = suite.run([models.parse_model(MODEL + changes)], [70], settings, said.append)
    assert "4 kernels built" in said[0] and "preparing" in said[1]
    assert [row.name for row in case.rows] == ["good", "wrong", "cuBLAS 8192^3", "peer"]
    good, wrong, product, _ = case.rows
    assert good.error < 2.6e-3 and not good.wrong and good.note == "#flashmhf.schedule<>"
    assert wrong.wrong and wrong.note == "ptxas: spills"
    assert product.error < 1e-2 and len(product.seconds) == 3
    notes = "\n".join(case.notes)
    assert "unbuilt: no such thing" in notes
    assert "missing: it takes no groups" in notes
    assert case.failed == ["unbuilt", "unwritten"]
    assert "unwritten: ArithmeticError: 1 of" in notes
    assert (case.batch, case.tokens) == (2, 70) and case.sets >= 6


def test_reference_is_the_numpy_one(suite):
    from flashmhf.bench import gpu

    model = models.parse_model(MODEL)
    x = gpu.make_operands(model.problem, 2, 9, 1)
    rows = torch.tensor([0, 4, 8])
    want = flashmhf.reference(x.q, x.k, x.u, x.v, x.r)[:, :, rows.numpy()]
    got = gpu.reference(model.problem, x, rows).numpy()
    assert abs(got - want).max() < 1e-12 * abs(want).max()
    assert gpu.set_bytes(model.problem, 2, 9) == sum(
        t.numel() * t.element_size() for t in x.named().values()
    )


def test_sampled_tokens_have_both_ends(suite):
    from flashmhf.bench import gpu

    assert gpu.sample_tokens(5, 0).tolist() == [0, 1, 2, 3, 4]
    rows = gpu.sample_tokens(5000, 0).tolist()
    assert {0, 127, 4999, 4872} <= set(rows) and rows == sorted(set(rows))
    assert 400 < len(rows) <= 512


def test_command(suite, monkeypatch, tmp_path, capsys):
    import test_bench

    from flashmhf import __main__ as main
    from flashmhf import native
    from flashmhf.bench import gpu, report

    machine = dict(gpu="H100", driver="580")
    cases = test_bench.make_full_report().cases
    asked = []

    def run(models, tokens, settings, say):
        asked.append((models, tokens, settings))
        yield from cases

    monkeypatch.setattr(suite, "run", run)
    monkeypatch.setattr(gpu, "describe_machine", lambda: machine)
    monkeypatch.setattr(native.library(), "flashmhfCudaAvailable", lambda: native.OK)
    output, plot = str(tmp_path / "r.json"), str(tmp_path / "r.svg")
    command = ["bench", "--model", "370m", "--tokens", "4096", "-o", output, "--plot", plot]
    assert main.main([*command, "--triton", "none.py"]) == 0
    (models, tokens, settings), printed = asked[0], capsys.readouterr().out
    assert [m.name for m in models] == ["370m"] and tokens == [4096] and settings.gpu == "H100"
    assert set(settings.peers) == {"layer", "SwiGLU"} and "Triton takes no part" in printed
    assert "H100, driver 580" in printed and "370m, 16384 tokens" in printed
    first = report.from_json((tmp_path / "r.json").read_text())
    assert first.cases == cases and "</svg>" in (tmp_path / "r.svg").read_text()

    # Another run adds its cases and replaces those that it repeats.
    new = test_bench.make_full_report().cases[0]
    new.rows[0].seconds = [2e-4] * 4
    other = test_bench.make_full_report().cases[1]
    other.tokens = 1
    cases[:] = [new, other]
    assert main.main([*command, "--append", "--no-layers"]) == 0
    second = report.from_json((tmp_path / "r.json").read_text())
    assert [c.tokens for c in second.cases] == [16384, 4096, 1]
    assert second.cases[1] == new and len(second.settings["commands"]) == 2
    assert not asked[1][2].peers
    machine["driver"] = "581"
    assert main.main([*command, "--append"]) == 1
    assert "was made with driver 580, this is 581" in capsys.readouterr().err
    assert main.main([*command[:-4], "--append"]) == 1

    cases[1].failed = ["two"]
    assert main.main(command) == 1
    assert "FAILED: two, 370m, 1 tokens" in capsys.readouterr().out
    cases[:] = test_bench.make_report().cases  # a wrong row
    assert main.main(command) == 1
    assert "WRONG: cluster = 2, 370m, 4096 tokens: error 2.70e-03" in capsys.readouterr().out
