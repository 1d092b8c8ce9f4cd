"""Our kernels: the compiler's schedule with some keys changed, or saved kernels."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import re
from pathlib import Path
from typing import Optional

from .. import native
from ..compiler import Artifact, compile, explain

_FIELD = re.compile(r"(\w+)\s*=\s*(\[[^\]]*\]|[^,\s]+)\s*(?:,|$)")
_ATTRIBUTE = re.compile(r"#flashmhf\.schedule<([^>]*)>")


@dataclasses.dataclass(frozen=True)
class Variant:
    """A kernel of ours to time: what the compiler makes of the problem when its
    own schedule is changed so (`changes`, text), or the kernel in a file."""

    name: str
    changes: str = ""
    file: str = ""


def parse_variant(text: str) -> Variant:
    """Of --schedule: "cluster = 2", or "NAME: cluster = 2"."""
    name, colon, changes = text.partition(":")
    if not colon:
        name = changes = text
    name, changes = name.strip(), changes.strip()
    if not name or not parse_fields(changes):
        raise ValueError(f"{text!r} is not [NAME:] KEY = VALUE, ...")
    return Variant(name, changes)


def parse_file(text: str) -> Variant:
    """Of --kernel: NAME=FILE, with the contract beside it."""
    name, _, file = text.partition("=")
    if not name or not file:
        raise ValueError(f"{text!r} is not NAME=FILE")
    contract_file(file)
    return Variant(name, file=file)


def parse_fields(text: str) -> dict:
    """key -> text of its value, in order, of "token_tile = 128, stages = [2, 2]".
    Raises ValueError where the text is something else."""
    fields, end = {}, 0
    text = text.strip()
    while end < len(text):
        match = _FIELD.match(text, end)
        if not match:
            raise ValueError(f"{text!r} is not a list of KEY = VALUE")
        fields[match[1]] = match[2]
        end = match.end()
        end += len(text[end:]) - len(text[end:].lstrip())
    return fields


def change(schedule: str, changes: str) -> str:
    """The text of a schedule with the fields of `changes` replaced or added."""
    fields = parse_schedule(schedule)
    fields.update(parse_fields(changes))
    return print_schedule(fields)


def parse_schedule(schedule: str) -> dict:
    """key -> text of its value, of the text of a schedule."""
    return parse_fields(_ATTRIBUTE.fullmatch(schedule)[1])


def print_schedule(fields: dict) -> str:
    """The text of the schedule that `parse_schedule` takes apart."""
    body = ", ".join(f"{key} = {value}" for key, value in fields.items())
    return f"#flashmhf.schedule<{body}>"


def chosen_schedule(problem, early=False, gpu=None) -> str:
    """The text of the schedule that the compiler chooses. `early`: where kernels may
    start before the one in front of them ends. `gpu`: what they are to run on, None for
    the compiler's default."""
    options = dict(programmatic=early, max_variants=1, runners_up=0)
    return explain(problem, gpu=gpu, **options)["schedule"]


def schedule_at(found: dict, batch: int, tokens: int) -> str:
    """The schedule that a program for any number of tokens has for so many, of what
    `explain` says of it: of its variants the one that its rule takes."""
    if "variants" not in found:
        return found["schedule"]
    rule = found["rule"]
    for case in rule["cases"]:
        tiles = batch * -(-tokens // case["tile"])
        if batch * tokens <= case["tokens"] and tiles <= case["tiles"]:
            return found["variants"][case["variant"]]["schedule"]
    return found["variants"][rule["otherwise"]]["schedule"]


@dataclasses.dataclass
class Built:
    """A variant as a loadable artifact; schedule is "" for a kernel in a file and where
    the compiler chooses, `early` as for chosen_schedule.
    Where it could not be built, artifact is None and error says why. `warnings`
    are the compiler's, ptxas's complaints among them."""

    variant: Variant
    artifact: Optional[Artifact] = None
    schedule: str = ""
    early: bool = False
    error: str = ""
    warnings: list = dataclasses.field(default_factory=list)


def build_all(problem, variants, image=None, gpu=None) -> list:
    """A Built for each variant, on all cores. `image`: "ptx" or "cubin"; by
    default a cubin where there is a ptxas, since the driver's takes its time. `gpu`: see
    chosen_schedule."""
    planned = plan(problem, variants, gpu=gpu)
    build(problem, planned, image, gpu)
    return planned


def plan(problem, variants, early=False, gpu=None) -> list:
    """A Built for each variant with its schedule, and no artifact yet. `early`, `gpu`:
    see chosen_schedule."""
    own = chosen_schedule(problem, early, gpu) if any(not v.file for v in variants) else ""
    return [
        Built(v, schedule="" if v.file else change(own, v.changes) if v.changes else own)
        for v in variants
    ]


def build(problem, planned, image=None, gpu=None) -> None:
    """Fills in the artifacts, on all cores; those with one schedule share one. `gpu`: see
    chosen_schedule."""
    alike = {}
    for built in planned:
        alike.setdefault((built.variant.file, built.schedule, built.early), []).append(built)

    def fill(group):
        first = group[0]
        try:
            if first.variant.file:
                first.artifact = load(first.variant.file)
            else:
                first.artifact = _compile(problem, first, image, gpu)
        except native.FlashmhfError as error:
            first.error = str(error)
        for other in group[1:]:
            other.artifact, other.error = first.artifact, first.error
            other.warnings = first.warnings

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(fill, alike.values()))


def _compile(problem, built, image, gpu):
    def note(severity, message):
        if severity == "warning":
            built.warnings.append(message)

    options = dict(on_diagnostic=note, gpu=gpu)
    if built.schedule:
        options["schedule"] = built.schedule
    else:
        options["programmatic"] = built.early
    if image is not None:
        return compile(problem, emit=image, **options)
    try:
        return compile(problem, emit="cubin", **options)
    except native.FlashmhfError as error:
        if error.status != "unavailable":
            raise
    return compile(problem, emit="ptx", **options)


def contract_file(file: str) -> Path:
    """Where the contract of a saved kernel is: FILE.json as Artifact.save writes
    it, or FILE with .json in place of its ending as flashmhf-compile does."""
    candidates = [Path(f"{file}.json"), Path(file).with_suffix(".json")]
    if not Path(file).is_file():
        raise ValueError(f"there is no kernel {file}")
    for path in candidates:
        if path.is_file():
            return path
    raise ValueError(f"{file} has no contract: neither {candidates[0]} nor {candidates[1]}")


def load(file: str) -> Artifact:
    """A kernel that Artifact.save or flashmhf-compile wrote."""
    data = Path(file).read_bytes()
    kind = "cubin" if data.startswith(b"\x7fELF") else "ptx"
    return Artifact(kind, data, contract_file(file).read_text(), "")
