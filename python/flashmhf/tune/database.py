"""The tuning database: see include/flashmhf/Schedule/Database.h for its format."""

from __future__ import annotations

import json
from typing import Optional

from .. import jsonfile

FORMAT, VERSION = "flashmhf-tuning", 1
FEWEST_TOKENS, MOST_TOKENS = 8, 65536
#: Of a batch: with fewer of them each, batches are of no class.
FEWEST_OF_BATCH = 64
_KEY = (
    "gpu",
    "dtype",
    "out_dtype",
    "heads",
    "head_dim",
    "subnetworks",
    "subnetwork_width",
    "up",
    "tokens",
)


def token_class(tokens: Optional[int]) -> Optional[int]:
    """The class of B * L = `tokens`: the power of two that is not below, from 8 to
    65536; None for any number."""
    if tokens is None:
        return None
    return min(max(1 << (tokens - 1).bit_length(), FEWEST_TOKENS), MOST_TOKENS)


def entry(gpu, problem, tokens, schedule, microseconds, programmatic=False, **notes) -> dict:
    """An entry for `problem` at `tokens` (B * L, or None). `programmatic`: measured with
    programmatic dependent launch. `notes` are for the reader."""
    if programmatic:
        notes = dict(programmatic=True, **notes)
    return dict(
        gpu=gpu,
        dtype=problem.dtype,
        out_dtype=problem.out_dtype,
        heads=problem.heads,
        head_dim=problem.head_dim,
        subnetworks=problem.subnetworks,
        subnetwork_width=problem.subnetwork_width,
        up=problem.up,
        tokens=token_class(tokens),
        schedule=schedule,
        microseconds=round(microseconds, 3),
        **notes,
    )


def key(found: dict) -> tuple:
    """What an entry is looked up by."""
    return (*(found[name] for name in _KEY), bool(found.get("programmatic")))


def read(path) -> list:
    """The entries of a file, none where there is no file. Raises ValueError for
    what is not a database of this version."""
    data = jsonfile.read(path)
    if data is None:
        return []
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"{path} is not a tuning database")
    if data.get("version") != VERSION:
        raise ValueError(
            f"{path} is of version {data.get('version')}, this package writes {VERSION}: "
            "tune into a new file"
        )
    entries = data.get("entries")
    if not isinstance(entries, list) or not all(
        isinstance(e, dict) and set(_KEY) <= e.keys() for e in entries
    ):
        raise ValueError(f"{path} has entries without {', '.join(_KEY)}")
    return entries


def merge(old: list, new: list) -> list:
    """The entries of both, the newer where keys are the same."""
    merged = {key(e): e for e in [*old, *new]}
    return list(merged.values())


def write(path, entries: list) -> None:
    """Writes a file at once, an entry a line."""
    lines = ",\n".join(json.dumps(e) for e in entries)
    head = f'{{"format": "{FORMAT}", "version": {VERSION}, "entries": [\n'
    jsonfile.write(path, f"{head}{lines}\n]}}\n" if entries else f"{head}]}}\n")
