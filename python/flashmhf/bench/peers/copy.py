"""How fast memory is: a copy of 1 GiB, which reads and writes as many bytes."""

from __future__ import annotations

import torch

from .. import gpu, report
from ..rounds import Entry

NAME = "copy of 1 GiB"


def entry() -> Entry:
    """Half of report.COPIED_BYTES from one place to another."""
    source = torch.zeros(report.COPIED_BYTES // 2, dtype=torch.uint8, device=gpu.DEVICE)
    target = torch.empty_like(source)
    source[::4096] = 1

    def call(i):
        target.copy_(source)

    def check():
        call(0)
        return float((target[::4096] != 1).sum())

    return Entry(NAME, 0, call, check, limit=0, kind="copy")
