"""`python -m flashmhf bench` as far as it goes without a GPU."""

import collections
import itertools
import json
import math
import random
import statistics
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import pytest

from flashmhf import jsonfile
from flashmhf.bench import cli, models, plot, report, rounds, schedules, stats

KEYS = "token_tile = 128, stages = [2, 2, 2], cluster = 1, persistent = true"


def test_summary():
    s = stats.summarize([4.0, 1.0, 2.0, 3.0, 5.0])
    assert (s.median, s.low, s.high) == (3, 1, 5)
    assert (s.first_quartile, s.third_quartile) == (2, 4)
    assert s.spread == pytest.approx(1 / 3)
    assert s.interval == (1, 5) and s.uncertainty == 2  # too few to leave one out
    assert stats.summarize(range(1, 13)).interval == (3, 10)
    assert stats.summarize([7.0]).spread == 0
    with pytest.raises(ValueError, match="no samples"):
        stats.summarize([])


def test_speedup_pairs_rounds():
    base = [1.0, 2.0, 4.0]  # a clock that drifts does not hide a steady gain
    gain, uncertainty = stats.speedup([t / 1.1 for t in base], base)
    assert gain == pytest.approx(0.1)
    assert uncertainty == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="2 samples beside 3"):
        stats.speedup(base[:2], base)


def test_uncertainty_covers_the_median():
    generator = random.Random(5)
    inside = 0
    for _ in range(400):
        samples = [generator.gauss(10, 1) for _ in range(12)]
        s = stats.summarize(samples)
        inside += s.interval[0] <= 10 <= s.interval[1]
    assert 0.93 < inside / 400 < 0.99


@pytest.mark.parametrize(
    "seconds, sets, budget, count",
    [(1e-3, 6, 25e-3, 30), (1e-3, 1, 25e-3, 25), (1.0, 6, 25e-3, 6), (0.0, 2, 0.0, 2)],
)
def test_repetitions_are_whole_turns(seconds, sets, budget, count):
    assert rounds.repetitions(seconds, sets, budget) == count


class FakeClock:
    """Calls take what `costs` says, and 5% more right after "greedy"."""

    def __init__(self, costs):
        self.costs, self.log, self.previous = costs, [], None

    def estimate(self, call):
        return self.costs[call()]

    def prepare(self, call, count):
        return call(), count

    def measure(self, timed):
        name, count = timed
        self.log.append(name)
        penalty = 1.05 if self.previous == "greedy" and name != "greedy" else 1
        self.previous = name
        return self.costs[name] * count * penalty


def test_rounds_are_shuffled_and_complete():
    costs = {"a": 1e-3, "b": 2e-3, "greedy": 4e-3, "c": 1e-3}
    entries = [rounds.Entry(name, 1.0, lambda name=name: name) for name in costs]
    clock = FakeClock(costs)
    samples = rounds.run_rounds(entries, clock, rounds=40, budget=0.01, sets=2, seed=3)
    assert [len(s) for s in samples] == [40] * 4
    turns = [clock.log[i : i + 4] for i in range(0, len(clock.log), 4)]
    assert len(turns) == 41 and all(sorted(turn) == sorted(costs) for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 12  # of 24
    # Every place is taken about equally often, so that none is always behind "greedy".
    places = collections.Counter((i, name) for turn in turns for i, name in enumerate(turn))
    assert min(places[i, name] for i in range(4) for name in costs) >= 3
    for name, times in zip(costs, samples):
        assert statistics.median(times) == pytest.approx(costs[name])
    again = FakeClock(costs)
    rounds.run_rounds(entries, again, rounds=40, budget=0.01, sets=2, seed=3)
    assert again.log == clock.log


@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_orders_are_balanced(count):
    square = count * (1 + count % 2)
    drawn = list(itertools.islice(rounds.draw_orders(count, seed=7), 3 * square))
    assert all(sorted(order) == list(range(count)) for order in drawn)
    for start in range(0, 3 * square, square):
        pairs = collections.Counter()
        for order in drawn[start : start + square]:
            pairs.update(zip(order, order[1:]))
        assert len(pairs) == count * (count - 1)
        assert set(pairs.values()) <= {square // count}
    if count > 2:
        assert drawn[:square] != drawn[square : 2 * square]


def test_a_lead_hides_what_ran_before():
    costs = {"a": 1e-3, "greedy": 4e-3, "b": 4e-3}
    entries = [rounds.Entry(name, 1.0, lambda name=name: name) for name in costs]
    options = dict(rounds=20, budget=0.01, sets=1, seed=3)
    with_lead, without = FakeClock(costs), FakeClock(costs)
    samples = rounds.run_rounds(entries, with_lead, lead=0.015, **options)
    assert all(max(s) == pytest.approx(costs[name]) for name, s in zip(costs, samples))
    assert max(rounds.run_rounds(entries, without, **options)[0]) > 1.04e-3
    # Two replays of 10 or 12 ms are in front of the one that counts.
    assert len(with_lead.log) == 3 * len(without.log)


def test_models(library):
    model = models.parse_model("1.3b")
    assert (model.width, model.swiglu_width, model.matched_width) == (2048, 5504, 7040)
    assert models.parse_model("370m").matched_width == 3520
    assert models.parse_model("128m").swiglu_width == 2048
    changed = models.parse_model("370m, dtype=f16, router=no").problem
    assert (changed.dtype, changed.out_dtype, changed.router) == ("f16", "f16", False)
    sized = models.parse_model("heads=4,head_dim=64,subnetworks=2,subnetwork_width=256")
    assert (sized.problem.groups, sized.problem.d_ff, sized.width) == (4, 512, 256)


@pytest.mark.parametrize(
    "text, message",
    [
        ("7b", "known are 128m, 370m, 1.3b"),
        ("370m,colour=red", "changes nothing of a model"),
        ("370m,router", "changes nothing of a model"),
        ("370m,heads=many", "heads is 'many'"),
        ("370m,up=perhaps", "up is 'perhaps'"),
        ("370m,dtype=int8", "int8"),
        ("heads=4,head_dim=64", "says nothing of subnetworks, subnetwork_width"),
    ],
)
def test_models_that_are_refused(library, text, message):
    with pytest.raises(ValueError, match=message):
        models.parse_model(text)


def test_sets_are_colder_than_l2():
    assert models.count_sets(40 << 20, 4096) == 6
    assert models.count_sets(100 << 20, 16384) == 2
    assert models.count_sets(9 << 20, 1) * (9 << 20) >= 128 << 20
    assert models.count_sets(1, 1) == 64


def test_schedules_are_changed_by_key():
    text = f"#flashmhf.schedule<{KEYS}>"
    assert schedules.change(text, "cluster = 2,stages = [3,2,2]") == (
        "#flashmhf.schedule<token_tile = 128, stages = [3,2,2], cluster = 2, persistent = true>"
    )
    assert schedules.change(text, "fresh = 1").endswith("persistent = true, fresh = 1>")
    assert schedules.parse_fields("") == {}
    for bad in ("cluster", "cluster = ", "cluster 2", "= 2", "stages = [2, 2"):
        with pytest.raises(ValueError, match="not a list of KEY = VALUE"):
            schedules.parse_fields(bad)


def test_variants():
    assert schedules.parse_variant("cluster = 2") == schedules.Variant("cluster = 2", "cluster = 2")
    assert schedules.parse_variant("two: cluster = 2").name == "two"
    for bad in ("", "two:", ":cluster = 2"):
        with pytest.raises(ValueError):
            schedules.parse_variant(bad)


def test_kernels_are_built_and_loaded(library, tmp_path):
    problem = models.parse_model("heads=2,head_dim=64,subnetworks=2,subnetwork_width=128").problem
    wanted = [
        schedules.Variant("own"),
        schedules.Variant("more", "stages = [3, 2, 2]"),
        schedules.Variant("bad", "stages = [99, 2, 2]"),
        schedules.Variant("unknown", "colour = 3"),
    ]
    own, more, bad, unknown = schedules.build_all(problem, wanted, "ptx")
    assert own.artifact.ptx != more.artifact.ptx and "stages = [3, 2, 2]" in more.schedule
    assert own.schedule == schedules.chosen_schedule(problem)
    assert bad.artifact is None and "shared memory" in bad.error
    assert unknown.artifact is None and "colour" in unknown.error

    file = tmp_path / "saved.ptx"
    own.artifact.save(file)
    variant = schedules.parse_file(f"old={file}")
    (saved,) = schedules.build_all(problem, [variant])
    assert saved.artifact.ptx == own.artifact.ptx
    assert saved.artifact.contract == own.artifact.contract
    (tmp_path / "saved.ptx.json").rename(tmp_path / "saved.json")
    assert schedules.load(str(file)).contract == own.artifact.contract
    (tmp_path / "saved.json").unlink()
    with pytest.raises(ValueError, match="has no contract"):
        schedules.parse_file(f"old={file}")
    for bad in ("old", f"=x{file}", f"old={file}x"):
        with pytest.raises(ValueError):
            schedules.parse_file(bad)


def test_kernels_are_built_for_a_gpu(monkeypatch):
    problem, own, asked = models.parse_model("370m").problem, schedules.Variant("own"), []

    def note(result):
        def call(problem, gpu, **options):
            asked.append(gpu)
            return result

        return call

    monkeypatch.setattr(schedules, "explain", note(dict(schedule="#flashmhf.schedule<split = 2>")))
    monkeypatch.setattr(schedules, "compile", note(None))
    for gpu in ("NVIDIA H200", None):
        schedules.build_all(problem, [own], gpu=gpu)
        schedules.plan(problem, [own], True, gpu)
        schedules.build(problem, [schedules.Built(own, early=True)], "ptx", gpu)
        assert asked == [gpu] * 4
        asked.clear()


def make_case():
    case = report.Case("370m", dict(dtype="bf16"), 1, 4096, 6, notes=["triton: not there"])
    base = [1.0e-4, 1.1e-4, 1.05e-4, 1.02e-4]
    case.rows = [
        report.Row("flashmhf", "ours", 70e9, base, 2.3e-3, 2.6e-3),
        report.Row("cluster = 2", "ours", 70e9, [t * 0.98 for t in base], 2.7e-3, 2.6e-3),
        report.Row("cuBLAS 8192^3", "product", 1.1e12, [1.6e-3] * 4, 1e-3),
    ]
    return case


def make_report():
    machine = dict(gpu="NVIDIA H100", driver="580")
    return report.Report("2026-11-22T00:00:00+00:00", machine, dict(rounds=4), [make_case()])


def test_table():
    lines = report.table(make_case()).splitlines()
    assert "370m, 4096 tokens, B = 1, bf16, 6 sets" in lines[0]
    assert "103.5" in lines[2] and "676.3" in lines[2] and "0.984" in lines[2]
    assert "+2.0+-0.0%" in lines[3] and lines[3].endswith("WRONG")
    assert "WRONG" not in lines[2] and "+-" not in lines[4]
    assert lines[5] == "  note: triton: not there"


def test_report_reads_back(tmp_path):
    original = make_report()
    text = report.to_json(original)
    assert report.from_json(text) == original
    assert json.loads(text)["cases"][0]["rows"][0]["ratio"] == pytest.approx(0.9837, abs=2e-4)
    jsonfile.write(tmp_path / "r.json", text)
    assert (tmp_path / "r.json").read_text() == text
    assert [row.name for _, row in original.wrong] == ["cluster = 2"]
    nan = report.Row("nan", "ours", 1.0, [1.0], math.nan, 2.6e-3)
    assert nan.wrong
    for bad in ("", "[]", "{}", text.replace('"version": 1', '"version": 9')):
        with pytest.raises(ValueError):
            report.from_json(bad)


def arguments_of(*words):
    import argparse

    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    return parser.parse_args(words)


def test_options(library):
    found, tokens, keywords = cli.settings_of(
        arguments_of("--tokens", "1, 4096", "--schedule", "cluster = 2", "--dtype", "f16")
    )
    assert [m.name for m in found] == ["370m,dtype=f16", "1.3b,dtype=f16", "128m,dtype=f16"]
    assert {m.problem.dtype for m in found} == {"f16"}
    assert tokens == [1, 4096]
    assert [v.name for v in keywords["variants"]] == ["flashmhf", "cluster = 2"]
    assert keywords["budget"] == pytest.approx(0.025) and keywords["rounds"] == 12
    assert keywords["lead"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    "words, message",
    [
        (["--tokens", "0"], "--tokens has '0'"),
        (["--tokens", "1,x"], "--tokens has 'x'"),
        (["--rounds", "0"], "--rounds is 0"),
        (["--milliseconds", "0"], "--milliseconds is 0"),
        (["--lead", "-1"], "--lead is -1"),
        (["--batch", "0"], "--batch"),
        (["--schedule", "flashmhf: cluster = 2"], "two kernels are called 'flashmhf'"),
    ],
)
def test_options_that_are_refused(library, words, message):
    with pytest.raises(ValueError, match=message):
        cli.settings_of(arguments_of(*words))


def make_full_report():
    """Two cases, with opponents and layers."""
    cases = []
    for tokens in (4096, 16384):
        case = make_case()
        case.tokens = tokens
        case.rows[1] = report.Row("Triton & co", "core", 70e9, [1.6e-4] * 4, 2.4e-3)
        for name, time in (("W_in, flashmhf, W_out", 1.4e-4), ("SwiGLU, eager", 1.6e-4)):
            case.rows.append(report.Row(name, "layer", 90e9, [time] * 4, 4e-3))
        cases.append(case)
    cases[1].rows.pop(1)
    return report.Report("2026-11-22T10:00:00+00:00", dict(gpu="H100"), dict(rounds=4), cases)


def test_markdown():
    lines = report.markdown(make_full_report()).splitlines()
    assert lines[0].startswith("H100, 2026-11-22.") and "(688 to 688 TFLOP/s)" in lines[0]
    header = [cell.strip() for cell in lines[2].split("|")[1:-1]]
    names = ["flashmhf", "Triton & co", "W_in, flashmhf, W_out", "SwiGLU, eager"]
    assert header == ["model", "tokens", *names]
    assert lines[4] == "| 370m | 4096 | 103.5 (0.984) | 160.0 (0.636) | 140.0 | 160.0 |"
    assert lines[5] == "| 370m | 16384 | 103.5 (0.984) |  | 140.0 | 160.0 |"


def test_plot_is_a_picture_of_every_row():
    text = plot.to_svg(make_full_report())
    root = xml.etree.ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    titles = [element.text for element in root.iter(f"{space}title")]
    assert titles == [
        "370m 4096, flashmhf: 0.984",
        "370m 4096, Triton & co: 0.636",
        "370m 16384, flashmhf: 0.984",
        "370m 4096, W_in, flashmhf, W_out: 1.000",
        "370m 4096, SwiGLU, eager: 1.143",
        "370m 16384, W_in, flashmhf, W_out: 1.000",
        "370m 16384, SwiGLU, eager: 1.143",
    ]
    width, height = float(root.get("width")), float(root.get("height"))
    for bar in list(root.iter(f"{space}rect"))[1:]:
        x, y, w, h = (float(bar.get(key)) for key in ("x", "y", "width", "height"))
        assert 0 <= x and x + w <= width and 0 <= y and y + h <= height and h > 0
    bars = {b.find(f"{space}title").text: b for b in root.iter(f"{space}rect") if len(b)}
    tall, short = (float(bars[t].get("height")) for t in titles[:2])
    assert tall / short == pytest.approx(0.984 / 0.636, rel=5e-3)
    empty = report.Report("2026-11-22", {}, {}, [])
    assert xml.etree.ElementTree.fromstring(plot.to_svg(empty)) is not None


@pytest.mark.parametrize(
    "highest, last", [(0.98, 1.0), (1.0, 1.0), (1.01, 1.2), (7.3, 8), (40, 40)]
)
def test_ticks_reach_the_top(highest, last):
    ticks = plot._ticks(highest)
    assert ticks[0] == 0 and ticks[-1] == pytest.approx(last) and 3 < len(ticks) < 9


SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "update_readme_bench.py"


@pytest.mark.skipif(not SCRIPT.is_file(), reason="not in a source tree")
def test_readme_script(tmp_path):
    def run(*words):
        command = [sys.executable, str(SCRIPT), *words, str(tmp_path / "README.md")]
        return subprocess.run(command, capture_output=True, text=True)

    (tmp_path / "b.json").write_text(report.to_json(make_full_report()))
    before = f"# x\n<!-- bench: {tmp_path}/b.json -->\nold\n<!-- /bench -->\nafter\n"
    (tmp_path / "README.md").write_text(before)
    stale = run("--check")
    assert stale.returncode and "is stale" in stale.stderr and "-old" in stale.stdout
    assert run().returncode == 0
    after = (tmp_path / "README.md").read_text()
    assert report.markdown(make_full_report()) in after and after.endswith("/bench -->\nafter\n")
    assert run("--check").returncode == 0 and (tmp_path / "README.md").read_text() == after

    (tmp_path / "b.json").write_text(report.to_json(make_report()))  # has a wrong row
    assert "is wrong for 370m" in run().stderr
    (tmp_path / "b.json").unlink()  # nothing measured, nothing shown
    assert "is stale" in run("--check").stderr
    assert run().returncode == 0
    assert "-->\n<!-- /bench -->" in (tmp_path / "README.md").read_text()
    (tmp_path / "README.md").write_text("nothing")
    assert "has no block" in run().stderr
