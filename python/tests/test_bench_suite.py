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


def build(problem, variants, image):
    assert image == "ptx"
    built = [
        schedules.Built(variants[0], CPUKernel(problem), "#flashmhf.schedule<>"),
        schedules.Built(variants[1], None, "", "no such thing"),
        schedules.Built(variants[2], CPUKernel(problem, zero_first), warnings=["ptxas: spills"]),
        schedules.Built(variants[3], CPUKernel(problem, nan_last)),
    ]
    return built[: len(variants)]


@pytest.mark.parametrize("changes", ["", ",router=no,up=no,activation=gelu"])
def test_case(suite, monkeypatch, changes):
    from flashmhf.bench.peers import Unavailable

    monkeypatch.setattr(schedules, "build_all", build)

    def peer(bench):
        assert bench.problem.heads == 4 and bench.tokens == 70
        return [rounds.Entry("peer", 1e6, lambda i: None, lambda: 0.5, 1.0)]

    def missing(bench):
        raise Unavailable("it takes no groups")

    names = ["good", "unbuilt", "wrong", "unwritten"]
    settings = suite.Settings(
        batch=2,
        rounds=3,
        budget=1e-4,
        image="ptx",
        variants=[schedules.Variant(n) for n in names],
        peers=dict(peer=peer, missing=missing),
    )
    said = []
    (case,) = suite.run([models.parse_model(MODEL + changes)], [70], settings, said.append)
    assert "4 kernels built" in said[0]
    assert [row.name for row in case.rows] == ["good", "wrong", "cuBLAS 8192^3", "peer"]
    good, wrong, product, _ = case.rows
    assert good.error < 2.6e-3 and not good.wrong and good.note == "#flashmhf.schedule<>"
    assert wrong.wrong and wrong.note == "ptxas: spills"
    assert product.error < 1e-2 and len(product.seconds) == 3
    notes = "\n".join(case.notes)
    assert "unbuilt: no such thing" in notes
    assert "missing: it takes no groups" in notes
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
