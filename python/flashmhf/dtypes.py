"""Element types: names, sizes, DLPack codes, and conversion to float64.

NumPy has no bfloat16. Where ``ml_dtypes`` is installed its type is understood;
where it is not, bfloat16 data lives in uint16 arrays and the two conversions
below do what a cast would.
"""

from __future__ import annotations

import numpy as np

#: name -> (bits, DLPack type code)
DTYPES = {
    "bf16": (16, 4),
    "f16": (16, 2),
    "f32": (32, 2),
    "f64": (64, 2),
}

_NUMPY = {"f16": np.float16, "f32": np.float32, "f64": np.float64}
_ALIASES = {
    "bfloat16": "bf16",
    "float16": "f16",
    "half": "f16",
    "float32": "f32",
    "float": "f32",
    "float64": "f64",
    "double": "f64",
}


def dtype_name(dtype) -> str:
    """The short name ("bf16", "f16", "f32", "f64") of a dtype.

    Takes short and long names, NumPy and ml_dtypes dtypes, and torch dtypes.
    Raises ValueError for any other type.
    """
    if isinstance(dtype, str) and dtype in DTYPES:
        return dtype
    try:
        text = np.dtype(dtype).name
    except TypeError:
        text = str(dtype)
    text = text.rsplit(".", 1)[-1]
    name = _ALIASES.get(text, text)
    if name not in DTYPES:
        raise ValueError(f"dtype {dtype} is not supported; supported are {', '.join(DTYPES)}")
    return name


def dtype_from_dlpack(code: int, bits: int, lanes: int) -> str:
    """The short name of a DLPack (code, bits, lanes) triple."""
    for name, (b, c) in DTYPES.items():
        if (c, b) == (code, bits) and lanes == 1:
            return name
    raise ValueError(
        f"DLPack dtype (code {code}, {bits} bits, {lanes} lanes) is not supported; "
        f"supported are {', '.join(DTYPES)}"
    )


def itemsize(name: str) -> int:
    """Bytes of one element."""
    return DTYPES[name][0] // 8


def accumulator(name: str) -> str:
    """The dtype that R has and that products accumulate in: f64 for f64, else f32."""
    return "f64" if name == "f64" else "f32"


def bfloat16():
    """The NumPy dtype of bfloat16 from ml_dtypes, or None where it is not installed."""
    try:
        import ml_dtypes
    except ImportError:
        return None
    return np.dtype(ml_dtypes.bfloat16)


def is_bfloat16(dtype) -> bool:
    """Whether a NumPy dtype is ml_dtypes' bfloat16."""
    known = bfloat16()
    return known is not None and np.dtype(dtype) == known


def numpy_dtype(name: str) -> np.dtype:
    """The NumPy dtype of a short name.

    Raises ModuleNotFoundError for bf16 where ml_dtypes is not installed.
    """
    if name == "bf16":
        dtype = bfloat16()
        if dtype is None:
            raise ModuleNotFoundError(
                "bfloat16 NumPy arrays need the ml_dtypes package", name="ml_dtypes"
            )
        return dtype
    return np.dtype(_NUMPY[name])


def bf16_bits(values) -> np.ndarray:
    """uint16 array with the bits of `values` rounded to bfloat16, ties to even.

    A float64 input is rounded twice (to float32 first), as a cast in C would.
    """
    bits = np.asarray(values, np.float32).view(np.uint32)
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16
    quiet = (bits >> 16) | 0x40
    return np.where(np.isnan(values), quiet, rounded).astype(np.uint16)


def bf16_values(bits: np.ndarray) -> np.ndarray:
    """float32 array with the values that uint16 bfloat16 bits stand for."""
    return (np.asarray(bits, np.uint16).astype(np.uint32) << 16).view(np.float32)
