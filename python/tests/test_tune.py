"""Tuning with made-up times: what is tried, what is kept, what is written."""

import argparse
import dataclasses
import io
import json
import re

import pytest

import flashmhf
from flashmhf.__main__ import main
from flashmhf.bench import schedules
from flashmhf.tune import candidates, choices, cli, database, report, tuner
from flashmhf.tune.bar import PlainBar
from flashmhf.tune.cli import Tuning, difference, list_shapes, row, summary

SETTINGS = tuner.Settings(rounds=2, final_rounds=3, finalists=3)
SMALL = "heads=4,head_dim=64,subnetworks=2,subnetwork_width=64"


def shape(tokens=4096, limit=4, early=False):
    """A small shape with real candidates."""
    # Where kernels can start early, enough of d_ff for pieces.
    problem = flashmhf.Problem(4, 4, 64, *((8, 256) if early else (2, 64)))
    found = candidates.Shape("small", problem, 1, tokens)
    found.candidates = candidates.find(found, "h100-sxm", limit, 2.0, early)
    return found


def made(shapes):
    """What build() would give, without compiling."""
    return make(None, [c.schedule for s in shapes for c in s.candidates])


def make(problem, schedules, image=None, advance=None):
    """build() without compiling."""
    return {s: flashmhf.Artifact("ptx", s.encode(), "", "") for s in schedules}


class FakeMeter:
    """Times by schedule, 10 us where none is given; `wrong` ones do not check."""

    def __init__(self, seconds=None, wrong=()):
        self.seconds, self.wrong, self.asked = seconds or {}, wrong, []

    def check(self, artifact):
        if artifact.data.decode() in self.wrong:
            raise ArithmeticError("relative error 5.0e-01")

    def time(self, artifacts, rounds, budget, lead):
        schedules = [a.data.decode() for a in artifacts]
        self.asked.append((schedules, rounds))
        return [[self.seconds.get(s, 1e-5)] * rounds for s in schedules]

    def close(self):
        self.asked.append("closed")


def test_the_fastest_is_kept():
    one = shape()
    fast = one.candidates[2].schedule
    meter = FakeMeter({fast: 8e-6})
    result = tuner.tune(one, made([one]), meter, SETTINGS)
    assert result.best == result.kept == fast
    assert result.loss == pytest.approx(0.25)
    assert result.measured == 4
    first, final = meter.asked
    assert first == ([c.schedule for c in one.candidates], 2)
    # Only what was near, and the pick, to say what it costs.
    assert final == ([fast, one.candidates[0].schedule], 3)
    assert "+25.0%" in row(result)
    (line,) = report.lines_of([result], "C")
    assert [c["schedule"] for c in line["candidates"]][0] == fast
    assert len(line["candidates"]) == 4 and line["candidates"][0]["microseconds"] == 8.0
    assert line["candidates"][1]["predicted"] > 0
    assert line["best"] == dict(schedule=fast, microseconds=8.0) and line["method"] == "C"
    assert line["choices"]["model"]["loss"] == 0.25
    assert f"best is {difference(fast, one.candidates)}" in row(result)


def test_noise_does_not_replace_the_pick():
    one = shape()
    meter = FakeMeter({one.candidates[1].schedule: 0.995e-5})
    result = tuner.tune(one, made([one]), meter, SETTINGS)
    assert result.best == one.candidates[1].schedule
    assert result.kept == result.pick == one.candidates[0].schedule


def test_wrong_kernels_are_out():
    one = shape()
    pick, *others = (c.schedule for c in one.candidates)
    built = made([one])
    built[others[0]] = "ptxas: 20 bytes spill stores"
    result = tuner.tune(one, built, FakeMeter(wrong=[pick]), SETTINGS)
    assert set(result.times) == set(others[1:])
    assert result.wrong[pick] == "relative error 5.0e-01"
    assert result.wrong[others[0]] == "ptxas: 20 bytes spill stores"
    assert result.loss is None
    assert "pick WRONG: relative error" in row(result)
    assert report.lines_of([result])[0]["choices"]["model"]["loss"] is None
    assert "WRONG" in report.table(report.lines_of([result]))
    everything = [c.schedule for c in one.candidates]
    with pytest.raises(ValueError, match="small, 4096 tokens: no candidate runs"):
        tuner.tune(one, built, FakeMeter(wrong=everything), SETTINGS)


def test_finalists_are_few():
    one = shape(limit=8)
    meter = FakeMeter()
    tuner.tune(one, made([one]), meter, SETTINGS)
    assert len(meter.asked[1][0]) == SETTINGS.finalists


def test_any_number_of_tokens():
    few, some, many = shape(64), shape(4096), shape(16384)
    a, b, c = (x.schedule for x in some.candidates[:3])

    def result(s, times):
        return tuner.Result(s, times, {}, min(times, key=times.get), len(times))

    results = [
        result(few, {c: 1.0}),
        result(some, {a: 10.0, b: 9.0}),
        result(many, {a: 40.0, b: 42.0, c: 30.0}),
    ]
    kept, mean = tuner.general(results, a, SETTINGS)
    assert kept == b and mean == pytest.approx((9 * 42) ** 0.5)
    # Less than the margin away from the model's pick.
    results[1].times[b] = 9.45
    assert tuner.general(results, a, SETTINGS)[0] == a
    assert tuner.general(results[:1], a, SETTINGS) is None


def test_many_tokens_have_a_kernel_in_common():
    """However far the one for many tokens is from the best, it is timed at each."""
    shapes = [shape(n) for n in (1000, 4096, 16384)]
    choices.add_model(shapes, "h100-sxm", general_from=4096)
    slow = flashmhf.explain(shapes[0].problem, gpu="h100-sxm", runners_up=0)["schedule"]
    assert [s.also for s in shapes] == [[], [slow], [slow]]
    results = []
    for i, one in enumerate(shapes[1:]):
        fastest = next(c.schedule for c in one.candidates[i:] if c.schedule != slow)
        meter = FakeMeter({fastest: 1e-6, slow: 3e-6})
        results.append(tuner.tune(one, made([one]), meter, SETTINGS))
    assert all(slow in r.times for r in results)
    assert slow not in (results[0].kept, results[1].kept)
    assert tuner.general(results, slow, SETTINGS)[0] in results[1].times
    # By method nothing is said of many tokens.
    few = shape(4096)
    choices.add_model([few], "h100-sxm")
    assert few.also == []


def test_shortlist():
    every = shape(limit=10**6)
    found = candidates.shortlist(every.candidates, 12, 1.5)
    pick = found[0]
    assert pick == every.candidates[0]
    assert len(found) == 12 and len(set(found)) == 12
    # Another cut of the work is tried however the model thinks of it.
    assert {c.fields["token_tile"] for c in found} == {"64", "128", "192"}
    narrow = candidates.shortlist(every.candidates, 10**6, 1.0)
    assert {c.fields["token_tile"] for c in narrow} == {"64", "128", "192"}
    assert sum(c.predicted > pick.predicted for c in narrow) <= 2
    assert len({c.fields["dff_tile"] for c in found}) > 1
    assert candidates.shortlist(every.candidates, 1, 1.5) == [pick]


def test_build():
    one = shape(limit=2)
    schedules = [c.schedule for c in one.candidates] + ["#flashmhf.schedule<dff_tile = 40>"]
    seen = []
    built = tuner.build(one.problem, schedules, "ptx", lambda: seen.append(1))
    assert len(seen) == 3
    assert all(isinstance(built[s], flashmhf.Artifact) for s in schedules[:2])
    assert "multiple of 16" in built[schedules[2]]


def test_a_run_writes_what_the_compiler_reads(tmp_path, capsys, monkeypatch):
    path = tmp_path / "tuned.json"
    shapes = [shape(1000, 3), shape(4096, 3)]
    kept = shapes[1].candidates[2].schedule
    meter = FakeMeter({kept: 5e-6})

    monkeypatch.setattr(cli, "build", make)

    def run(missing):
        tuning = Tuning(list(shapes), "h100-sxm", SETTINGS, lambda _: meter, "ptx", path)
        if missing:
            tuning.skip_known()
        tuning.run()
        return tuning

    assert len(run(False).results) == 2
    entries = database.read(path)
    assert {e["tokens"]: e["schedule"] == kept for e in entries}[4096]
    assert {e["tokens"] for e in entries} == {1024, 4096, None}
    for entry in entries:
        problem = shapes[0].problem
        if entry["tokens"]:
            problem = problem.replace(batch=1, tokens=entry["tokens"])
        found = flashmhf.explain(problem, database=str(path))
        assert found["source"] == "database"
        assert found["schedule"] == entry["schedule"]
        assert found["measured_microseconds"] == pytest.approx(entry["microseconds"])
        assert flashmhf.explain(problem, tuned=False)["source"] == "model"
    tuning = run(True)
    assert not tuning.results and not tuning.failed
    assert "0 shapes tuned" in summary(tuning)
    capsys.readouterr()


def test_a_run_by_method(tmp_path, capsys, monkeypatch):
    path = tmp_path / "tuned.json"
    shapes = [shape(n, 3, early=True) for n in (1, 7, 4096)]
    monkeypatch.setattr(cli, "build", make)
    few = shapes[1].candidates
    assert "programmatic = true" in few[0].schedule
    meter = FakeMeter({few[0].schedule: 1.2e-5, few[1].schedule: 9e-6})
    tuning = Tuning(shapes, "h100-sxm", SETTINGS, lambda _: meter, "ptx", path, "P")
    tuning.run()
    # One entry of a class, by the most tokens; none for any number of tokens.
    eight, many = database.read(path)
    assert (eight["tokens"], many["tokens"]) == (8, 4096)
    assert eight["method"] == "P" and eight["programmatic"] is True
    assert eight["schedule"] == few[1].schedule
    found = flashmhf.explain(shapes[0].sized, database=str(path), programmatic=True)
    assert found["schedule"] == eight["schedule"] and found["source"] == "database"
    lines = report.lines_of(tuning.results, "P")
    assert [line["tokens"] for line in lines] == [1, 7, 4096]
    text = summary(tuning)
    assert "model: within 5% of the best found in 1 of 3, at worst +33.3% (small, " in text
    # With what was found it is the best, but of another count of the class perhaps.
    assert lines[1]["choices"]["database"]["schedule"] == few[1].schedule
    assert lines[0]["choices"]["database"]["schedule"] == few[1].schedule
    assert "database: within 5% of the best found in 3 of 3" in text
    written = json.loads(report.to_json(dict(gpu="H100"), "2026-11-22", lines))
    assert written["shapes"] == lines and written["machine"] == dict(gpu="H100")
    capsys.readouterr()


def test_databases_are_asked_for_the_gpu():
    shapes = [shape(1000, 3)]
    other = shapes[0].candidates[2].schedule
    entries = [database.entry("h200", shapes[0].problem, 1000, other, 1.0)]
    (found,) = choices.by_database(shapes, "h200", entries)
    assert found["database"] == other
    (found,) = choices.by_database(shapes, "h100-sxm", entries)
    assert found["database"] != other
    # What is shipped for an H100 is not taken for another GPU.
    tuned = candidates.Shape("370m", flashmhf.presets["370m"], 1, 64)
    for gpu, source in (("h100-sxm", "database"), ("h100-pcie", "model")):
        said = flashmhf.explain(tuned.sized, gpu=gpu, runners_up=0)
        (found,) = choices.by_database([tuned], gpu, [])
        assert said["source"] == source and found["database"] == said["schedule"]


def test_what_else_is_taken():
    one = shape(limit=3)
    others = shape(limit=9).candidates[4:]
    pick = one.candidates[0].schedule
    slow, wrong, missing = (c.schedule for c in others[:3])
    one.candidates.append(others[0])
    one.choices["any"] = slow
    meter = FakeMeter({slow: 2e-5, missing: 1.5e-5, pick: 1.2e-5}, wrong=[wrong])
    result = tuner.tune(one, made([one]), meter, SETTINGS)
    assert slow in result.times  # though no finalist by its time
    names = dict(a=slow, b=missing, c=wrong)
    meter.seconds = {k: 1.1 * v for k, v in meter.seconds.items()}  # the card is warmer
    meter.seconds[result.best] = 1.1e-5
    built = make(None, [*names.values(), result.best])
    choices.measure(result, names, built, meter, SETTINGS)
    assert meter.asked[-1] == ([result.best, missing], 3)
    losses = {n: c["loss"] for n, c in report.lines_of([result])[0]["choices"].items()}
    assert losses == dict(model=0.2, any=1.0, a=1.0, b=0.5, c=None)
    asked = len(meter.asked)
    choices.measure(result, dict(d=missing), {}, None, SETTINGS)
    assert result.choices["d"] == missing and len(meter.asked) == asked
    refused = make(None, [pick])
    refused[wrong] = "ptxas: 20 bytes spill stores"
    del result.wrong[wrong]
    choices.measure(result, dict(c=wrong), refused, meter, SETTINGS)
    assert result.wrong[wrong] == refused[wrong] and len(meter.asked) == asked


def test_rounds_of_a_method():
    assert cli.settings_of("") == tuner.Settings()
    assert cli.settings_of("", 0.2).final_lead == 0.2
    assert cli.settings_of("P", 0.2).final_lead == 0.2
    assert cli.settings_of("P", 0.2).rounds == cli.settings_of("P").rounds
    assert cli.settings_of("R").final_rounds > cli.settings_of("P").final_rounds


@pytest.mark.parametrize(
    "options, seconds",
    [([], 0.2), (["--lead=0"], 0), (["--method=P"], 0), (["--method=C", "--lead=50"], 0.05)],
)
def test_lead(options, seconds):
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    assert cli.lead_of(parser.parse_args(options)) == seconds


def test_early_candidates():
    early = shape(512, 10**6, early=True)
    plain = dataclasses.replace(early)
    plain.candidates = candidates.find(plain, "h100-sxm", 10**6, 2.0)
    assert all("programmatic" not in c.fields for c in plain.candidates)
    times = {c.schedule: c.predicted for c in plain.candidates}
    # All start early, pieces and whole sums; the rest is as it was.
    assert {"split" in c.fields for c in early.candidates} == {True, False}
    for c in early.candidates:
        fields = c.fields
        assert fields.pop("programmatic") == "true"
        fields.pop("paced", None)
        assert schedules.print_schedule(fields) in times


def test_kinds_of_entries(tmp_path):
    problem = flashmhf.presets["370m"]
    sized = problem.replace(batch=1, tokens=64)
    one, other = (f"#flashmhf.schedule<dff_tile = {n}, split = 4>" for n in (32, 64))
    plain = database.entry("h100-sxm", problem, 64, one, 5.0)
    early = database.entry("h100-sxm", problem, 64, other, 4.0, programmatic=True)
    assert database.key(plain) != database.key(early)
    path = str(tmp_path / "x.json")

    def take(entries, programmatic):
        database.write(path, entries)
        return flashmhf.explain(sized, database=path, programmatic=programmatic)

    both = database.merge([early], [plain])
    assert len(both) == 2
    found = take(both, False)
    assert "dff_tile = 32," in found["schedule"] and found["measured_microseconds"] == 5
    assert "programmatic" not in found["schedule"]
    found = take(both, True)
    assert "dff_tile = 64," in found["schedule"] and found["measured_microseconds"] == 4
    assert "programmatic = true" in found["schedule"]
    # Where there is none of the kind that is asked for in any database, the other is
    # better than none.
    rare = problem.replace(heads=4, groups=4)
    sized = rare.replace(batch=1, tokens=64)
    plain = database.entry("h100-sxm", rare, 64, one, 5.0)
    early = database.entry("h100-sxm", rare, 64, f"{other[:-1]}, programmatic = true>", 4.0, True)
    found = take([plain], True)
    assert "dff_tile = 32," in found["schedule"] and "programmatic = true" in found["schedule"]
    found = take([early], False)
    assert "dff_tile = 64," in found["schedule"] and "programmatic" not in found["schedule"]


def test_a_deadline(tmp_path):
    tuning = Tuning([shape()], "h100-sxm", SETTINGS, None, "ptx", tmp_path / "x.json")
    tuning.run(deadline=0)
    assert tuning.failed[0][1] == "no time was left"
    assert not (tmp_path / "x.json").exists()


def test_merging(tmp_path):
    problem = flashmhf.presets["370m"]
    old = database.entry("h100-sxm", problem, 4096, "#flashmhf.schedule<>", 1.0)
    other = database.entry("h200", problem, 4096, "#flashmhf.schedule<>", 2.0)
    new = database.entry("h100-sxm", problem, 4000, "#flashmhf.schedule<dff_tile = 64>", 0.5)
    path = tmp_path / "x.json"
    database.write(path, database.merge([old, other], [new]))
    assert database.read(path) == [new, other]
    database.write(path, [])
    assert database.read(path) == []
    assert database.read(tmp_path / "none.json") == []


@pytest.mark.parametrize(
    "tokens, expected",
    [(None, None), (1, 8), (9, 16), (64, 64), (65, 128), (1000, 1024), (70000, 65536)],
)
def test_token_classes(tokens, expected, tmp_path):
    assert database.token_class(tokens) == expected
    # The compiler has the same idea of them.
    problem = flashmhf.presets["370m"]
    schedule = "#flashmhf.schedule<dff_tile = 32>"
    path = str(tmp_path / "x.json")
    database.write(path, [database.entry("h100-sxm", problem, tokens, schedule, 1.0)])
    sized = problem.replace(batch=1, tokens=tokens) if tokens else problem
    assert "dff_tile = 32," in flashmhf.explain(sized, database=path)["schedule"]
    other = problem.replace(batch=1, tokens=300)
    assert "dff_tile = 32," not in flashmhf.explain(other, database=path)["schedule"]


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "is not JSON"),
        ("[]", "is not a tuning database"),
        ('{"format": "flashmhf-tuning", "version": 0}', "is of version 0"),
        ('{"format": "flashmhf-tuning", "version": 1}', "has entries without gpu"),
        ('{"format": "flashmhf-tuning", "version": 1, "entries": [{}]}', "entries without"),
    ],
)
def test_bad_databases(tmp_path, text, message):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        database.read(path)


def test_dry_run(capsys):
    assert main(["tune", "--dry-run", f"--model={SMALL}", "--tokens=1,4096", "--limit=3"]) == 0
    out = capsys.readouterr().out
    # And what a program for any number of tokens takes, if that is none of them.
    assert re.search(" 1 tokens on h100-sxm: [34] candidates", out)
    assert 6 <= out.count("#flashmhf.schedule<") <= 8
    assert out.splitlines()[-1].startswith("2 shapes, ")
    assert main(["tune", "--dry-run", "--model=370m", "--tokens=1000", "--gpu=NVIDIA H200"]) == 0
    assert "on h200" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, message",
    [
        (["--tokens=0"], "must be a positive integer"),
        (["--method=R,P"], "compared by one"),
        (["--batch=2", "--tokens=63"], "of less than 64 tokens each"),
        (["--limit=0"], "it must be at least 1"),
        (["--lead=-1"], "it must not be negative"),
        (["--lead=100", "--method=R"], "--method R times calls one by one"),
        (["--model=370m,head_dim=40"], "no schedule is legal: needs a static head width"),
    ],
)
def test_mistakes(options, message, capsys):
    assert main(["tune", "--dry-run", *options]) == 1
    assert message in capsys.readouterr().err


def test_without_a_gpu(capsys):
    if flashmhf.cuda_available():
        pytest.skip("there is a GPU")
    assert main(["tune", f"--model={SMALL}"]) == 1
    assert "error:" in capsys.readouterr().err


def test_plain_bar():
    stream = io.StringIO()
    bar = PlainBar(3, "compiled", stream)
    bar.update()
    bar.update(2)
    bar.close()
    assert stream.getvalue() == "compiled: 3/3\n"


def test_the_shipped_database():
    """Every entry is of a schedule that its shape can have."""
    import flashmhf.validation

    source = flashmhf.validation.__path__[0]
    path = f"{source}/../../../lib/Schedule/tuned.json"
    with open(path) as file:
        assert json.load(file)["version"] == database.VERSION
    for entry in database.read(path):
        sizes = dict(batch=1, tokens=entry["tokens"]) if entry["tokens"] else {}
        problem = flashmhf.Problem(
            entry["heads"], entry["heads"], entry["head_dim"], entry["subnetworks"],
            entry["subnetwork_width"], entry["dtype"], entry["out_dtype"], up=entry["up"], **sizes
        )  # fmt: skip
        early = bool(entry.get("programmatic"))
        found = flashmhf.explain(problem, gpu=entry["gpu"], programmatic=early)
        assert found["source"] == "database"
        fields = schedules.parse_schedule(found["schedule"])
        assert ("programmatic" in fields) == early
        # Some were measured when not every schedule could start early.
        wanted = schedules.parse_schedule(entry["schedule"])
        assert {**fields, "programmatic": 0} == {**wanted, "programmatic": 0}


def test_the_command_line_builds_shapes():
    parser_like = type("Arguments", (), dict(
        limit=3, factor=1.3, lead=0, batch=2, tokens="100,4096", model=[SMALL], method=None
    ))  # fmt: skip
    shapes = list_shapes(parser_like, "h100-sxm")
    assert [s.title for s in shapes] == [f"{SMALL}, {n} tokens, B = 2" for n in (100, 4096)]
    for s in shapes:
        assert 3 <= len(s.candidates) <= 4
        assert s.choices["model, any count"] in {c.schedule for c in s.candidates}
    assert all(s.problem.tokens is None for s in shapes)
