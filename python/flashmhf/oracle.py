"""The meaning of the operator, in NumPy float64.

Slow and plain: what every compiled kernel is compared with. It works in blocks
of tokens and of one sub-network, so that d_ff times tokens is never in memory.
"""

from __future__ import annotations

import numpy as np

from .dlpack import as_float64, import_tensor
from .problem import check_operands

_TOKENS = 2048

#: Largest relative Frobenius error of a kernel that is still right. Rounding A and O
#: once to bf16 gives 2.35e-3 on random data. f16 has three more bits: 2.94e-4, and the
#: hardware's tanh (relative error up to 2^-11) then shows beside it.
ERROR_LIMIT = {"bf16": 2.6e-3, "f16": 4.0e-4}


def _sigmoid(x):
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _gelu(x):
    return 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)))


#: name -> function of a float64 array
ACTIVATIONS = {
    "silu": lambda x: x * _sigmoid(x),
    "gelu": _gelu,
    "relu": lambda x: np.maximum(x, 0.0),
    "relu2": lambda x: np.maximum(x, 0.0) ** 2,
    "sigmoid": _sigmoid,
    "identity": lambda x: x,
}


def reference(q, k, u, v, r=None, activation="silu", out=None, rows=None):
    """The Flash Multi-Head FFN in float64, on the CPU.

    ``O[b,h,l] = sum over e of R[b,h,l,e] * (act(Q K_e^T) * (Q U_e^T)) V_e`` with
    head h reading KUV-head ``h // (H // G)``. Nothing is rounded on the way.

    Parameters
    ----------
    q : [B, H, L, D]; k, u, v : [G, E, F, D], H a multiple of G. NumPy arrays or
        CPU tensors with ``__dlpack__``, any float dtype, any strides. `u` may be
        None: the product is then ``act(Q K_e^T) V_e``.
    r : [B, H, L, E] or None, which means 1.
    activation : "silu", "gelu" (tanh form), "relu", "relu2", "sigmoid", "identity".
    out : array of the result's shape to write into (overwritten), optional.
    rows : indices of tokens to compute, optional; the result then has
        ``len(rows)`` tokens, in that order.

    Returns a float64 array [B, H, L, D], or `out`. Raises ValueError for shapes
    that do not fit, naming them.
    """
    tensors = {
        name: import_tensor(x, name)
        for name, x in dict(q=q, k=k, u=u, v=v, r=r).items()
        if x is not None
    }
    check_operands(tensors, same_dtype=False)
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"activation {activation!r} is unknown; known are {', '.join(ACTIVATIONS)}"
        )
    act = ACTIVATIONS[activation]
    B, H, L, D = tensors["q"].shape
    G, E, F, _ = tensors["k"].shape

    q = as_float64(q)
    r = None if r is None else as_float64(r)
    if rows is not None:
        rows = np.asarray(rows, np.intp)
        q = q[:, :, rows]
        r = None if r is None else r[:, :, rows]
    shape = q.shape
    if out is None:
        out = np.zeros(shape)
    elif tuple(out.shape) != shape:
        raise ValueError(f"out has shape {list(out.shape)}, expected {list(shape)}")
    else:
        out[...] = 0.0

    total = np.zeros(shape)
    arrays = {n: tensors[n].array() for n in ("k", "u", "v") if n in tensors}
    for g in range(G):
        heads = range(g * (H // G), (g + 1) * (H // G))
        for e in range(E):
            ke = _block(arrays["k"], tensors["k"].dtype, g, e)
            ve = _block(arrays["v"], tensors["v"].dtype, g, e)
            ue = _block(arrays["u"], tensors["u"].dtype, g, e) if "u" in arrays else None
            for b in range(B):
                for h in heads:
                    for start in range(0, shape[2], _TOKENS):
                        tokens = slice(start, start + _TOKENS)
                        x = q[b, h, tokens]
                        a = act(x @ ke.T)
                        if ue is not None:
                            a *= x @ ue.T
                        if r is not None:
                            a *= r[b, h, tokens, e : e + 1]
                        total[b, h, tokens] += a @ ve
    out[...] = total
    return out


def _block(array, dtype, g, e):
    from .dtypes import bf16_values

    block = array[g, e]
    return (bf16_values(block) if dtype == "bf16" else block).astype(np.float64)


def relative_error(got, want) -> float:
    """Frobenius norm of the difference over that of `want`; nan if `got` has one."""
    got = got if isinstance(got, np.ndarray) and got.dtype == np.float64 else as_float64(got)
    norm = float(np.linalg.norm(want))
    return float(np.linalg.norm(got - want)) / (norm if norm else 1.0)
