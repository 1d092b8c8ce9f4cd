#!/usr/bin/env python3
"""Times the compiled operator on the CPU against NumPy in float32.

    FLASHMHF_LIBRARY=build/lib/libflashmhf.so PYTHONPATH=python \\
        scripts/bench_cpu.py [--preset 370m] [--tokens 512] [--dtype f32]

NumPy does the same per head with matmul (its BLAS on as many threads as there
are cores) and activations in place. Both run in turn, so that a busy machine
slows both, with a pause before each: threads of a BLAS spin for a while after a
call. The best of all runs counts. Prints one line of JSON.
"""

import argparse
import json
import os
import time

# Tuning of the BLAS that is left over from elsewhere would slow NumPy down.
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)
os.environ.setdefault("OPENBLAS_NUM_THREADS", str(len(os.sched_getaffinity(0))))

import numpy as np  # noqa: E402

import flashmhf  # noqa: E402
from flashmhf.dtypes import numpy_dtype  # noqa: E402

#       H   G   D    E   F
PRESETS = {
    "128m": (8, 8, 96, 8, 256),
    "370m": (8, 8, 128, 11, 256),
    "1.3b": (16, 16, 128, 22, 256),
}


def with_numpy(q, k, u, v, r):
    """The operator for silu, batch by batch and head by head."""
    B, H, L, D = q.shape
    G, E, F, _ = k.shape
    k, u, v = (x.reshape(G, E * F, D) for x in (k, u, v))
    out = np.empty_like(q)
    for b in range(B):
        for h in range(H):
            g = h // (H // G)
            s = q[b, h] @ k[g].T
            t = q[b, h] @ u[g].T
            t *= s
            np.negative(s, out=s)
            np.exp(s, out=s)
            s += 1
            t /= s
            t.reshape(L, E, F)[...] *= r[b, h][:, :, None]
            np.matmul(t, v[g], out=out[b, h])
    return out


def timed(function):
    """Seconds that a call takes, and its result."""
    time.sleep(0.1)
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=PRESETS, default="370m")
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--dtype", choices=["f32", "f64", "bf16", "f16"], default="f32")
    parser.add_argument("--runs", type=int, default=20)
    args = parser.parse_args()

    H, G, D, E, F = PRESETS[args.preset]
    rng = np.random.default_rng(0)
    q = 0.3 * rng.standard_normal((1, H, args.tokens, D), np.float32)
    k, u, v = (0.3 * rng.standard_normal((G, E, F, D), np.float32) for _ in range(3))
    r = rng.random((1, H, args.tokens, E), np.float32)

    dtype = numpy_dtype(args.dtype)
    operands = [x.astype(dtype) for x in (q, k, u, v)]
    operands.append(r.astype(np.float64) if args.dtype == "f64" else r)
    out = np.empty_like(operands[0])
    ours, theirs = [], []
    for _ in range(args.runs + 1):
        ours.append(timed(lambda: flashmhf.run(*operands, out=out))[0])
        seconds, expected = timed(lambda: with_numpy(q, k, u, v, r))
        theirs.append(seconds)
    # The first run compiles, and warms both up.
    ours, theirs = ours[1:], theirs[1:]
    error = np.linalg.norm(out.astype(np.float64) - expected) / np.linalg.norm(expected)
    print(
        json.dumps(
            {
                "preset": args.preset,
                "tokens": args.tokens,
                "dtype": args.dtype,
                "flashmhf_ms": round(1e3 * min(ours), 2),
                "numpy_f32_ms": round(1e3 * min(theirs), 2),
                "ratio": round(min(ours) / min(theirs), 3),
                "difference": float(f"{error:.2e}"),
            }
        )
    )


if __name__ == "__main__":
    main()
