"""flashmhf: the Flash Multi-Head FFN, compiled for Hopper GPUs and for the CPU.

>>> import flashmhf
>>> o = flashmhf.run(q, k, u, v, r)                   # NumPy, torch, anything DLPack
>>> art = flashmhf.compile("370m", emit="ptx")        # art.ptx, art.contract
>>> want = flashmhf.reference(q, k, u, v, r)          # float64

Q [B,H,L,D]; K, U, V [G,E,F,D]; R [B,H,L,E]; O [B,H,L,D]; H a multiple of G.
"""

from .compiler import (
    Artifact,
    EmulatedFunction,
    FlashmhfWarning,
    Function,
    compile,
    cuda_available,
    emulator,
    explain,
    gpu_name,
    jit,
)
from .native import FlashmhfError, FlashmhfValueError, version
from .oracle import reference, relative_error
from .problem import Problem, presets
from .projection import layer, project
from .runtime import clear_cache, run

__all__ = [
    "Artifact",
    "EmulatedFunction",
    "FlashmhfError",
    "FlashmhfValueError",
    "FlashmhfWarning",
    "Function",
    "Problem",
    "clear_cache",
    "compile",
    "cuda_available",
    "emulator",
    "explain",
    "gpu_name",
    "jit",
    "layer",
    "presets",
    "project",
    "reference",
    "relative_error",
    "run",
    "version",
]
