"""`project`, the linear maps of a layer, and `layer`, the operator between two."""

from __future__ import annotations

import numpy as np

from . import runtime
from .dlpack import import_tensor
from .dtypes import accumulator, numpy_dtype

#: Up to so many tokens and operations `layer` projects by kernels of its own. Measured
#: on an H100 against cuBLAS: docs/performance.md.
MOST_TOKENS, MOST_FLOPS = 1024, 4.5e9


def project(x, w, *, out=None, programmatic=False, stream=None, target=None):
    """``O[b,h,l] = sum over g of W[h,g] X[b,g,l]``: writes `out` and returns it.

    x : [B, G, L, K]; w : [H, G, N, K], of one dtype, bf16 or f16, on the CPU f32 and
        f64 too; strides as for `run`. A kernel takes K and N that are multiples of
        16, and N of at most 256: more columns are more heads.
    out : [B, H, L, N] to write into, of x's dtype or f32 (f64 for f64); by default
        one of x's dtype, in memory [B, L, H, N].
    programmatic : the kernel may begin while the one in front of it in the stream
        ends and fetch `w` meanwhile, which that one then must not write:
        docs/contract.md.
    stream, target : as for `run`.

    Products accumulate in f32 (f64 for f64), and the result is rounded once. The
    function is compiled on the first call with its sizes, as by `run`, and kept. Raises
    ValueError for tensors that do not fit, FlashmhfError otherwise.
    """
    handle = runtime._launch_stream(x, stream)
    operands = {"x": x, "w": w} if out is None else {"x": x, "w": w, "out": out}
    tensors = {
        name: import_tensor(t, name, runtime._exporter_stream(t, handle))
        for name, t in operands.items()
    }
    target = runtime._check_target(tensors, target, first="x")
    _check(tensors)
    if out is None:
        B, _, L, _ = tensors["x"].shape
        H, _, N, _ = tensors["w"].shape
        with runtime._enqueue_on(x, handle):
            out = _empty(x, (B, L, H, N), tensors["x"].dtype, target).swapaxes(1, 2)
        tensors["out"] = import_tensor(out, "out", runtime._exporter_stream(out, handle))
    source = _source(*(tensors[name] for name in ("x", "w", "out")))
    compiled = runtime._compiled(source, target, tensors["x"].device_id, programmatic)
    arguments = [tensors[name] for name in ("x", "w", "out")]
    if target == "cuda":
        compiled.launch(*arguments, stream=handle)
    elif 0 not in tensors["out"].shape:
        compiled.run(*arguments)
    return out


def layer(
    x,
    w_in,
    k,
    u,
    v,
    w_out,
    r=None,
    *,
    activation="silu",
    out=None,
    programmatic=False,
    stream=None,
    target=None,
):
    """``Y = core(X W_in^T) W_out^T``, the multi-head feed-forward layer but for its
    router and norm: writes `out` [B, L, M'] and returns it.

    x : [B, L, M]; w_in : [H D, M] and w_out : [M', H D], as torch.nn.Linear has them;
    k, u, v : [G, E, F, D]; r : [B, H, L, E] or None; `activation` as for `run`. NumPy
    arrays, or tensors of torch.

    Three launches. With `programmatic` each may begin while the one in front of it in
    the stream ends, and fetch its weights meanwhile: what wrote any of these must
    have ended before, as after a synchronisation or an ordinary kernel between.
    Many tokens of torch's on a GPU are projected by torch.mm, whose kernels are
    faster there: above MOST_TOKENS, or MOST_FLOPS in a projection. Nothing starts early then.
    Q and O, both [B, L, H D] in memory, are allocated in each call. A call may be
    captured as a CUDA graph once one like it has been made on that stream.

    Raises ValueError for tensors that do not fit, FlashmhfError otherwise.
    """
    for name, t, rank in (("x", x, 3), ("w_in", w_in, 2), ("w_out", w_out, 2), ("k", k, 4)):
        if len(t.shape) != rank:
            raise ValueError(f"{name} has rank {len(t.shape)}, expected {rank}")
    B, L, M = x.shape
    D = k.shape[3]
    width = w_in.shape[0]
    if w_in.shape[1] != M:
        raise ValueError(f"w_in has {w_in.shape[1]} inputs, but x has width {M}: both are M")
    if D < 1 or width % D:
        raise ValueError(f"w_in has {width} outputs, not a multiple of k's head width {D}")
    if w_out.shape[1] != width:
        raise ValueError(f"w_out has {w_out.shape[1]} inputs, but w_in has {width} outputs")
    options = dict(programmatic=programmatic, stream=stream, target=target)
    tensor = import_tensor(x, "x")
    dtype, where = tensor.dtype, tensor.target if target is None else target
    if out is not None and tuple(out.shape) != (B, L, w_out.shape[0]):
        raise ValueError(f"out has shape {list(out.shape)}, expected {[B, L, w_out.shape[0]]}")
    handle = runtime._launch_stream(x, stream)
    # Under the launch stream, so that no other reuses their memory while kernels run.
    with runtime._enqueue_on(x, handle):
        q, o = (_empty(x, (B, L, width), dtype, where) for _ in range(2))
        if out is None:
            out = _empty(x, (B, L, w_out.shape[0]), dtype, where)
    library = (
        where == "cuda"
        and runtime._is_torch(x)
        and dtype == import_tensor(out, "out").dtype
        and prefers_library(B * L, M, width, w_out.shape[0])
    )
    if library:
        programmatic = False
        _multiply(x, w_in, q, handle)
    else:
        project(x[:, None], _weights(w_in), out=_columns_as_heads(q), **options)
    heads = [t.reshape(B, L, width // D, D).swapaxes(1, 2) for t in (q, o)]
    operands = (heads[0], k, u, v, r, heads[1])
    runtime._run(operands, activation, target, stream, None, programmatic)
    if library:
        _multiply(o, w_out, out, handle)
    else:
        project(o[:, None], _weights(w_out), out=_columns_as_heads(out), **options)
    return out


def prefers_library(tokens, *widths) -> bool:
    """Whether a layer of so many tokens is projected faster by cuBLAS; `widths`: of x,
    Q and the output."""
    flops = max(2.0 * tokens * k * n for k, n in zip(widths, widths[1:]))
    return tokens > MOST_TOKENS or flops > MOST_FLOPS


def _multiply(x, w, out, stream):
    """out [B, L, N] = x [B, L, K] W^T by torch, w [N, K]."""
    import torch

    with torch.no_grad(), runtime._enqueue_on(x, stream):
        torch.matmul(x, w.T, out=out)


def _width(columns):
    """Of the heads that `columns` columns are seen as: what a kernel takes, where
    there is such a width."""
    return next((n for n in (64, 48, 32, 16) if columns % n == 0), max(columns, 1))


def _weights(w):
    """[H N, K] as [H, 1, N, K]."""
    n = _width(w.shape[0])
    return w.reshape(w.shape[0] // n, n, w.shape[1])[:, None]


def _columns_as_heads(t):
    """[B, L, H N] as [B, H, L, N]."""
    n = _width(t.shape[2])
    return t.reshape(t.shape[0], t.shape[1], t.shape[2] // n, n).swapaxes(1, 2)


def _empty(x, shape, dtype, target):
    """A compact tensor like `x`, which is on the GPU where the target is."""
    if runtime._is_torch(x):
        return x.new_empty(shape, requires_grad=False)
    runtime._check_allocates(x, target)
    return np.empty(shape, numpy_dtype(dtype))


def _check(tensors):
    logical = {"x": "[B, G, L, K]", "w": "[H, G, N, K]", "out": "[B, H, L, N]"}
    for name, t in tensors.items():
        if len(t.shape) != 4:
            raise ValueError(f"{name} has rank {len(t.shape)}, expected 4: {logical[name]}")
    B, G, L, K = tensors["x"].shape
    H, _, N, _ = tensors["w"].shape
    expected = {"w": (H, G, N, K), "out": (B, H, L, N)}
    dtype = tensors["x"].dtype
    dtypes = {"w": (dtype,), "out": (dtype, accumulator(dtype))}
    for name, shape in expected.items():
        if name not in tensors:
            continue
        t = tensors[name]
        if t.shape != shape:
            raise ValueError(
                f"{name} has shape {list(t.shape)}, expected {logical[name]} = {list(shape)} "
                f"after x {list(tensors['x'].shape)}"
            )
        if t.dtype not in dtypes[name]:
            raise ValueError(
                f"{name} has dtype {t.dtype}, expected "
                f"{' or '.join(dict.fromkeys(dtypes[name]))} since x has {dtype}"
            )


def _source(x, w, out):
    """The MLIR module whose function @project is the projection of these sizes."""
    x, w, o = (f"tensor<{'x'.join(map(str, t.shape))}x{t.dtype}>" for t in (x, w, out))
    return f"""func.func @project(%x: {x}, %w: {w}, %out: {o}) -> {o} {{
  %zero = arith.constant 0.0 : {out.dtype}
  %init = linalg.fill ins(%zero : {out.dtype}) outs(%out : {o}) -> {o}
  %o = flashmhf.project ins(%x, %w : {x}, {w}) outs(%init : {o}) -> {o}
  return %o : {o}
}}
"""
