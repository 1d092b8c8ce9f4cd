"""How far the compiler's own choices are from the best that tuning found."""

from __future__ import annotations

import json

VERSION = 1
#: What a choice may take above the best found: more is pointed out.
LIMIT = 0.05


def lines_of(results, method="") -> list:
    """A dictionary for each tuner.Result: what was best, and for the model's pick and
    each other choice by its name what it takes, in microseconds, and the loss beside
    the best, None where it is wrong; and every candidate with its time."""
    return [_line(result, method) for result in results]


def _line(result, method):
    shape = result.shape
    choices = dict(model=_choice(result, result.pick))
    for name, schedule in result.choices.items():
        choices[name] = _choice(result, schedule)
    choices["model"]["predicted"] = shape.candidates[0].predicted
    return dict(
        model=shape.name,
        batch=shape.batch,
        tokens=shape.tokens,
        method=method,
        measured=result.measured,
        best=dict(schedule=result.best, microseconds=_us(result.times[result.best])),
        choices=choices,
        candidates=_candidates(result),
    )


def _candidates(result):
    """All that ran, the fastest first: of those that were timed again that time."""
    times = {**result.first, **result.times}
    predicted = {c.schedule: c.predicted for c in result.shape.candidates}
    return [
        dict(schedule=s, microseconds=_us(times[s]), predicted=predicted.get(s))
        for s in sorted(times, key=times.get)
    ]


def _choice(result, schedule):
    seconds, best = result.times.get(schedule), result.times[result.best]
    if seconds is None:
        return dict(schedule=schedule, microseconds=None, loss=None)
    loss = round(seconds / best - 1, 4)
    return dict(schedule=schedule, microseconds=_us(seconds), loss=loss)


def _us(seconds):
    return round(seconds * 1e6, 3)


def table(lines) -> str:
    """A line for each shape, and how many choices of each name are within LIMIT."""
    if not lines:
        return ""
    names = list(dict.fromkeys(name for line in lines for name in line["choices"]))
    head = f"{'':24} {'best us':>9}" + "".join(f" {name:>18}" for name in names)
    text = [head]
    for line in lines:
        title = f"{line['model']}, {line['tokens']} tokens"
        cells = "".join(f" {_cell(line['choices'].get(name)):>18}" for name in names)
        text.append(f"{title:24} {line['best']['microseconds']:9.2f}{cells}")
    for name in names:
        found = [(line["choices"][name], line) for line in lines if name in line["choices"]]
        near = sum(c["loss"] is not None and c["loss"] <= LIMIT for c, _ in found)
        summary = f"{name}: within {LIMIT:.0%} of the best found in {near} of {len(found)}"
        worst = [(c["loss"], line) for c, line in found if c["loss"] is not None]
        if worst:
            loss, line = max(worst, key=lambda pair: pair[0])
            summary += f", at worst {loss:+.1%} ({line['model']}, {line['tokens']} tokens)"
        text.append(summary)
    return "\n".join(text)


def _cell(choice):
    if choice is None:
        return ""
    if choice["loss"] is None:
        return "WRONG"
    mark = " !" if choice["loss"] > LIMIT else "  "
    return f"{choice['microseconds']:.2f} {choice['loss']:+.1%}{mark}"


def to_json(machine, date, lines) -> str:
    """`machine`: of bench.gpu.describe_machine; `date`: ISO 8601."""
    head = json.dumps(dict(version=VERSION, date=date, machine=machine))
    body = ",\n".join(map(json.dumps, lines))
    return f'{head[:-1]}, "shapes": [\n{body}]}}\n'
