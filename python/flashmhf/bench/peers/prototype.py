"""The hand-written CUDA kernels that the schedule was found with.

Built from a directory of sources (main.cu, v*.cu, common.h) into a shared library with
a few functions of C, or such a library itself, which

    python -m flashmhf.bench.peers.prototype DIRECTORY OUTPUT.so

makes. Each case takes the fastest of the variants named here.
"""

from __future__ import annotations

import concurrent.futures
import ctypes
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .. import gpu
from ..rounds import fastest
from . import Unavailable
from .kernels import check_problem, entry

NAME = "prototype"
ERROR_LIMIT = 2.6e-3
VARIANTS = (
    "n128w2_m18qvr_pp1_c2",
    "n128w2_m28qvr_pp1_c2",
    "d96n128w2_m18qvr_pp1_c2",
    "d96n128w2_m28qvr_pp1_c2",
)
_FLAGS = ["-O3", "-std=c++17", "-gencode=arch=compute_90a,code=sm_90a", "-Xcompiler=-fPIC"]
_SHIM = """
#include <cstdio>
#include <cstdlib>
#include <cudaTypedefs.h>
#include "common.h"
extern "C" int prototype_count() { return int(registry().size()); }
extern "C" const char *prototype_name(int i) { return registry()[i].name; }
extern "C" int prototype_width(int i) { return registry()[i].dh; }
extern "C" int prototype_launch(int i, const void *q, const void *k, const void *u,
                                const void *v, const void *r, void *o, int B, int H,
                                int L, int E, int F, int D, int multiprocessors,
                                void *stream) {
  Problem p{B, H, L, E, F, D, q, k, u, v, (const float *)r, (__nv_bfloat16 *)o,
            multiprocessors};
  return registry()[i].launch(p, (cudaStream_t)stream) ? 0 : 1;
}
"""


def build(directory, output) -> None:
    """Compiles the sources, each on a core of its own. Raises Unavailable."""
    nvcc = shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    directory = Path(directory).resolve()
    sources = [directory / "main.cu", *sorted(directory.glob("v?.cu"))]
    with tempfile.TemporaryDirectory() as scratch:
        shim = Path(scratch, "shim.cu")
        shim.write_text(_SHIM)
        objects = [Path(scratch, source.stem + ".o") for source in (shim, *sources)]
        commands = [
            [nvcc, *_FLAGS, f"-I{directory}", "-c", source, "-o", object_file]
            for source, object_file in zip((shim, *sources), objects)
        ]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(_run, commands))
        _run([nvcc, "-shared", *_FLAGS, *objects, "-o", output])


def _run(command):
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    except OSError as error:
        raise Unavailable(f"nvcc does not run: {error}") from None
    if done.returncode:
        raise Unavailable(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")


def load(path):
    """The library of a directory of sources or of a file. Raises Unavailable."""
    if Path(path).is_dir():
        scratch = tempfile.mkdtemp()
        built = Path(scratch, "libprototype.so")
        try:
            build(path, built)
            return _open(built)
        finally:
            shutil.rmtree(scratch)
    return _open(path)


def _open(path):
    try:
        library = ctypes.CDLL(str(path))
        library.prototype_name.restype = ctypes.c_char_p
        library.prototype_launch.argtypes = (
            [ctypes.c_int] + [ctypes.c_void_p] * 6 + [ctypes.c_int] * 7 + [ctypes.c_void_p]
        )
    except (AttributeError, OSError) as error:
        raise Unavailable(f"{path} does not load: {error}") from None
    return library


def check_sizes(problem, tokens) -> None:
    """Raises Unavailable for what the prototype does not compute."""
    check_problem(problem)
    width = problem.subnetwork_width
    if problem.heads != problem.groups:
        raise Unavailable("it takes H = G only")
    if tokens % 256 or width % 128 or width & (width - 1):
        raise Unavailable("it takes L in multiples of 256, F a power of two from 128 only")


def maker(path):
    """A function that makes the entries of a case."""
    library = load(path)
    names = [library.prototype_name(i).decode() for i in range(library.prototype_count())]

    def entries(bench):
        problem = bench.problem
        check_sizes(problem, bench.tokens)
        fitting = [
            i
            for i, name in enumerate(names)
            if name in VARIANTS and library.prototype_width(i) == problem.head_dim
        ]
        if not fitting:
            raise Unavailable(f"it has no variant for D = {problem.head_dim}")
        sizes = (
            bench.batch,
            problem.heads,
            bench.tokens,
            problem.subnetworks,
            problem.subnetwork_width,
            problem.head_dim,
            gpu.multiprocessors(),
        )
        pointers = [[x.data_ptr() for x in s.named().values()] for s in bench.sets]

        def call_of(variant):
            def call(i):
                operands = pointers[i % len(pointers)]
                if library.prototype_launch(variant, *operands, *sizes, gpu.current_stream()):
                    raise RuntimeError(f"{names[variant]} refuses the sizes")

            return call

        label, call = fastest(bench.clock, {names[i]: call_of(i) for i in fitting})
        return [entry(NAME, bench, call, bench.sets[0].out, ERROR_LIMIT, [label])]

    return entries


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        build(sys.argv[1], sys.argv[2])
    except Unavailable as reason:
        sys.exit(f"error: {reason}")
