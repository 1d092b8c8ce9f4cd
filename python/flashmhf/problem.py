"""What to compute: the sizes and types of one operator, and the paper's models."""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Mapping
from typing import Optional

from . import native
from .dtypes import DTYPES, accumulator, dtype_name

ACTIVATION_NAMES = ("silu", "gelu", "relu", "relu2", "sigmoid", "identity")
_DTYPE_NAMES = ("bf16", "f16", "f32", "f64")  # in the order of FlashmhfDType
_DYNAMIC = -1


@dataclasses.dataclass(frozen=True)
class Problem:
    """One Flash Multi-Head FFN, sizes as in Q [B,H,L,D], K,U,V [G,E,F,D].

    heads (H), groups (G, divides H), head_dim (D), subnetworks (E),
    subnetwork_width (F): positive integers, d_ff = E * F.
    dtype: of Q, K, U, V: "bf16", "f16", "f32" or "f64" (the last two on the CPU
    only). out_dtype: of O, default `dtype`; "f32" is possible for bf16 and f16.
    R is f32, or f64 where dtype is f64.
    activation: "silu", "gelu" (tanh form), "relu", "relu2", "sigmoid", "identity".
    up, router: False where U or R is absent.
    batch (B), tokens (L): None, the default, leaves the size to the call.

    Raises ValueError for a name that is not known; sizes are checked by the
    compiler when the problem is compiled.
    """

    heads: int
    groups: int
    head_dim: int
    subnetworks: int
    subnetwork_width: int
    dtype: str = "bf16"
    out_dtype: Optional[str] = None
    activation: str = "silu"
    up: bool = True
    router: bool = True
    batch: Optional[int] = None
    tokens: Optional[int] = None

    def __post_init__(self):
        object.__setattr__(self, "dtype", dtype_name(self.dtype))
        out = self.dtype if self.out_dtype is None else dtype_name(self.out_dtype)
        object.__setattr__(self, "out_dtype", out)
        if self.activation not in ACTIVATION_NAMES:
            raise ValueError(
                f"activation {self.activation!r} is unknown; known are "
                f"{', '.join(ACTIVATION_NAMES)}"
            )

    @property
    def d_ff(self) -> int:
        """Width of the whole hidden layer, E * F."""
        return self.subnetworks * self.subnetwork_width

    @property
    def argument_names(self) -> tuple:
        """The tensors of a call, in the order of the compiled function."""
        names = ["q", "k", "u", "v", "r", "out"]
        absent = ([] if self.up else ["u"]) + ([] if self.router else ["r"])
        return tuple(n for n in names if n not in absent)

    def flops(self, batch: int, tokens: int) -> int:
        """Floating-point operations of the matrix products of one call."""
        products = 6 if self.up else 4
        return products * batch * self.heads * tokens * self.d_ff * self.head_dim

    def replace(self, **changes) -> Problem:
        """A copy with some fields changed; a new dtype carries out_dtype along."""
        if "dtype" in changes and "out_dtype" not in changes:
            changes["out_dtype"] = None
        return dataclasses.replace(self, **changes)

    def asdict(self) -> dict:
        """The fields as a dictionary that `Problem(**d)` takes back."""
        return dataclasses.asdict(self)

    def source(self) -> str:
        """The MLIR module whose function @mhffn is this problem.

        Raises FlashmhfError with the compiler's message for sizes that break a rule.
        """
        text = ctypes.c_void_p()
        native.check(native.library().flashmhfBuildModule(self._struct(), ctypes.byref(text)))
        return native.take_string(text)

    def _struct(self):
        def size(n):
            return _DYNAMIC if n is None else n

        return native.FlashmhfProblem(
            batch=size(self.batch),
            heads=self.heads,
            groups=self.groups,
            tokens=size(self.tokens),
            headDim=self.head_dim,
            subnetworks=self.subnetworks,
            subnetworkWidth=self.subnetwork_width,
            dtype=_DTYPE_NAMES.index(self.dtype),
            outType=_DTYPE_NAMES.index(self.out_dtype),
            activation=ACTIVATION_NAMES.index(self.activation),
            hasUp=self.up,
            hasRouter=self.router,
        )


class Presets(Mapping):
    """The paper's models by name, as the library knows them."""

    NAMES = ("128m", "370m", "1.3b")

    def __getitem__(self, name: str) -> Problem:
        p = native.FlashmhfProblem()
        status = native.library().flashmhfProblemFromPreset(str(name).encode(), ctypes.byref(p))
        if status:
            raise KeyError(native.last_error())

        def size(n):
            return None if n == _DYNAMIC else n

        return Problem(
            heads=p.heads,
            groups=p.groups,
            head_dim=p.headDim,
            subnetworks=p.subnetworks,
            subnetwork_width=p.subnetworkWidth,
            dtype=_DTYPE_NAMES[p.dtype],
            out_dtype=_DTYPE_NAMES[p.outType],
            activation=ACTIVATION_NAMES[p.activation],
            up=bool(p.hasUp),
            router=bool(p.hasRouter),
            batch=size(p.batch),
            tokens=size(p.tokens),
        )

    def __iter__(self):
        return iter(self.NAMES)

    def __len__(self):
        return len(self.NAMES)

    def __repr__(self):
        return f"presets({', '.join(self.NAMES)})"


#: name -> Problem: "128m", "370m", "1.3b"; bf16, SiLU, B and L dynamic.
presets = Presets()


def check_operands(tensors: dict, same_dtype: bool = True) -> None:
    """Checks that tensors q, k, v and, if present, u, r, out fit together.

    Raises ValueError that names the rule and the shapes.
    """
    for name, t in tensors.items():
        if len(t.shape) != 4:
            raise ValueError(f"{name} has rank {len(t.shape)}, expected 4: {_LOGICAL[name]}")
    B, H, L, D = tensors["q"].shape
    G, E, F, KD = tensors["k"].shape
    if KD != D:
        raise ValueError(f"k has head width {KD}, but q has {D}: both are D")
    expected = {
        "u": (G, E, F, D),
        "v": (G, E, F, D),
        "r": (B, H, L, E),
        "out": (B, H, L, D),
    }
    for name, shape in expected.items():
        if name in tensors and tensors[name].shape != shape:
            raise ValueError(
                f"{name} has shape {list(tensors[name].shape)}, expected {_LOGICAL[name]} "
                f"= {list(shape)} after q {list(tensors['q'].shape)} and "
                f"k {list(tensors['k'].shape)}"
            )
    for size, letter, name in (
        (G, "G", "k"),
        (E, "E", "k"),
        (F, "F", "k"),
        (D, "D", "q"),
        (H, "H", "q"),
    ):
        if size < 1:
            raise ValueError(f"{name} has {letter} = {size}, it must be at least 1")
    if H % G:
        raise ValueError(f"q has H = {H} heads, not a multiple of the G = {G} of k, u, v")
    if same_dtype:
        _check_dtypes(tensors)


def _check_dtypes(tensors: dict) -> None:
    dtype = tensors["q"].dtype
    allowed = {n: (dtype,) for n in ("k", "u", "v")}
    allowed["r"] = (accumulator(dtype),)
    allowed["out"] = (dtype, accumulator(dtype))
    for name, names in allowed.items():
        if name in tensors and tensors[name].dtype not in names:
            raise ValueError(
                f"{name} has dtype {tensors[name].dtype}, expected "
                f"{' or '.join(dict.fromkeys(names))} since q has {dtype}"
            )


_LOGICAL = {
    "q": "[B, H, L, D]",
    "k": "[G, E, F, D]",
    "u": "[G, E, F, D]",
    "v": "[G, E, F, D]",
    "r": "[B, H, L, E]",
    "out": "[B, H, L, D]",
}
assert set(_DTYPE_NAMES) == set(DTYPES)
