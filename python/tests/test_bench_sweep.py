"""`bench --sweep`: which counts are timed how, and the picture of it."""

import dataclasses
import math
import xml.etree.ElementTree

import pytest

from flashmhf.bench import cli, models, report, sweep_plot

SPACE = "{http://www.w3.org/2000/svg}"


def make_case(model, tokens, method, prototype=None, library=True):
    problem = models.parse_model(model).problem
    row, us = report.Row, 1e-6
    rows = [
        row("flashmhf", "ours", problem.flops(1, tokens), [(10 + tokens / 8) * us] * 3, 2e-3, 3e-3),
        row("cuBLAS 8192^3", "product", 2 * 8192**3, [1600 * us] * 3, 1e-3),
        row("copy of 1 GiB", "copy", 0, [700 * us] * 3, 0, 0),
    ]
    if library:
        rows.append(row("stream_s4 P8", "floor", 0, [8 * us] * 3, None))
    for name, time in (prototype or {}).items():
        rows.append(row(name, "core", 1, [time * us] * 3, 2e-3, 3e-3))
    problem = dataclasses.asdict(problem)
    return report.Case(model, problem, 1, tokens, 6, rows, method=method)


def draw(cases):
    text = sweep_plot.to_svg(report.Report("2026-11-22", dict(gpu="H<100>"), {}, cases))
    root = xml.etree.ElementTree.fromstring(text)
    circles = {c.find(f"{SPACE}title").text: c for c in root.iter(f"{SPACE}circle")}
    for circle in circles.values():
        assert 0 <= float(circle.get("cx")) <= float(root.get("width"))
        assert 0 <= float(circle.get("cy")) <= float(root.get("height"))
    return text, root, circles


def test_curves():
    cases = [
        make_case("370m", 1, "C", {"prototype a P8": 9, "prototype b P16": 8.5, "Triton": 49}),
        make_case("370m", 64, "C", {"prototype a P8": 12}),
        make_case("370m", 4096, ""),
        make_case("1.3b", 1, "C"),
        make_case("1.3b", 1, "R"),
    ]
    cases[1].rows[0].error = math.nan  # what is wrong is not drawn
    text, root, circles = draw(cases)
    assert "H&lt;100&gt;" in text and "the weights (read by stream_s4)" in text
    for title in (
        "370m, method C, flashmhf, 1 tokens: 10.12 us",
        "370m, method C, flashmhf, 4096 tokens: 522.00 us",
        "370m, method C, prototype, 1 tokens: 8.50 us",
        "370m, method C, prototype, 64 tokens: 12.00 us",
        "370m, method C, Triton, 1 tokens: 49.00 us",
        "370m, method C, floor, 1 tokens: 8.00 us",
        "1.3b, method R, flashmhf, 1 tokens: 10.12 us",
    ):
        assert title in circles, title
    assert not any("method C, flashmhf, 64 tokens" in title for title in circles)
    # What was timed in rounds continues both methods; its floor is the operations.
    floor = 4096 * 6 * 8 * 2816 * 128 / (2 * 8192**3) * 1600
    assert f"370m, method C, floor, 4096 tokens: {floor:.2f} us" in circles
    assert "370m, method R, flashmhf, 4096 tokens: 522.00 us" in circles

    def place(title):
        circle = circles[f"370m, method C, {title}"]
        return float(circle.get("cx")), float(circle.get("cy"))

    # Logarithmic both ways.
    x1, y1 = place("prototype, 1 tokens: 8.50 us")
    x2, y2 = place("prototype, 64 tokens: 12.00 us")
    x3, y3 = place("flashmhf, 4096 tokens: 522.00 us")
    assert (x3 - x1) / (x2 - x1) == pytest.approx(2, rel=1e-2)
    ratio = math.log(522 / 8.5) / math.log(12 / 8.5)
    assert (y1 - y3) / (y1 - y2) == pytest.approx(ratio, rel=1e-2)


def test_other_reports():
    text, _, circles = draw([make_case("128m", 4096, "", library=False)])
    assert "at the rate of a copy" in text and "128m, flashmhf, 4096 tokens: 522.00 us" in circles
    draw([])
    alone = make_case("128m", 8, "C", library=False)
    del alone.rows[1:]
    text, _, circles = draw([alone])
    assert "nothing measured" in text and len(circles) == 1
    (written,) = report.from_json(
        report.to_json(report.Report("x", {}, {}, [make_case("128m", 8, "C")]))
    ).cases
    assert written.stream_source == "read by stream_s4"


def test_counts_go_where_they_are_timed(monkeypatch, library):
    pytest.importorskip("torch")
    from flashmhf.bench import few, suite

    asked = []

    def by_method(found, tokens, settings, say):
        asked.append(("method", found[0].name, tokens))
        yield ["cases"]

    def in_rounds(found, tokens, settings, say):
        asked.append(("rounds", found[0].name, tokens))
        yield "case"

    monkeypatch.setattr(few, "run", by_method)
    monkeypatch.setattr(suite, "run", in_rounds)
    two = [models.parse_model("370m"), models.parse_model("128m")]

    def run(tokens, **settings):
        asked.clear()
        return list(cli._run_cases(two, tokens, suite.Settings(**settings)))

    assert run([1, 2048, 4096], methods="C", most_by_method=2048) == [["cases"], ["case"]] * 2
    assert asked[:2] == [("method", "370m", [1, 2048]), ("rounds", "370m", [4096])]
    assert run([1, 4096], methods="C") == [["cases"]] * 2
    assert run([1, 4096]) == [["case"]] * 2 and asked[0] == ("rounds", "370m", [1, 4096])


def test_peers_of_a_sweep(library):
    pytest.importorskip("torch")
    from test_bench import arguments_of

    def found(*words):
        return set(cli.find_peers(arguments_of(*words))[0])

    assert found("--sweep") == {"copy"}
    assert found("--sweep", "--layers") == {"copy", "layer", "SwiGLU"}
    assert found() == {"layer", "SwiGLU"} and not found("--no-layers")
