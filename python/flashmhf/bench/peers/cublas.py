"""The yardstick: a bf16 8192^3 product by cuBLAS."""

from __future__ import annotations

import torch

from .. import gpu
from ..rounds import Entry

SIZE = 8192
NAME = "cuBLAS 8192^3"


def entry(seed) -> Entry:
    """C = A B; its error is that of 64 rows."""
    generator = torch.Generator(gpu.DEVICE).manual_seed(seed)
    a, b = (
        torch.randn(SIZE, SIZE, generator=generator, device=gpu.DEVICE).bfloat16() for _ in range(2)
    )
    c = torch.empty_like(a)

    def check():
        torch.mm(a, b, out=c)
        return gpu.relative_error(c[:64], a[:64].double() @ b.double())

    return Entry(
        NAME, 2.0 * SIZE**3, lambda i: torch.mm(a, b, out=c), check, limit=1e-2, kind="product"
    )
