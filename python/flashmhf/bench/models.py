"""What is computed: models by name or by their sizes, and the SwiGLU beside them."""

from __future__ import annotations

import dataclasses

from ..problem import Problem, presets

_SIZES = ("heads", "groups", "head_dim", "subnetworks", "subnetwork_width")
_SWITCHES = ("up", "router")
_TEXTS = ("dtype", "out_dtype", "activation")
_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclasses.dataclass(frozen=True)
class Model:
    """A problem with the name that it has in tables."""

    name: str
    problem: Problem

    @property
    def width(self) -> int:
        """d_model: all heads side by side."""
        return self.problem.heads * self.problem.head_dim

    @property
    def swiglu_width(self) -> int:
        """d_ff of the SwiGLU of this d_model: 8/3 of it, in 64s."""
        return _in_64s(8 * self.width, 3)

    @property
    def matched_width(self) -> int:
        """d_ff of the SwiGLU with as many weights as the whole layer has, its two
        d_model x d_model projections included, in 64s."""
        return _in_64s(3 * self.problem.d_ff + 2 * self.width, 3)


def _in_64s(numerator, denominator):
    return -(-numerator // (64 * denominator)) * 64


def parse_model(text: str) -> Model:
    """The model that a command line names: a preset, sizes, or a preset with
    changes: "370m", "370m,dtype=f16,router=no",
    "heads=32,head_dim=64,subnetworks=16,subnetwork_width=256". Raises ValueError.
    """
    parts = [part.strip() for part in text.split(",")]
    base = None
    if "=" not in parts[0]:
        name = parts.pop(0)
        if name not in presets.NAMES:
            raise ValueError(f"model {name!r} is unknown; known are {', '.join(presets.NAMES)}")
        base = presets[name]
    changes = dict(_parse_change(part) for part in parts)
    if base is not None:
        return Model(text, base.replace(**changes))
    if "heads" in changes:
        changes.setdefault("groups", changes["heads"])
    missing = [name for name in _SIZES if name not in changes]
    if missing:
        raise ValueError(f"model {text!r} says nothing of {', '.join(missing)}")
    return Model(text, Problem(**changes))


def _parse_change(part):
    key, separator, value = (word.strip() for word in part.partition("="))
    if key in _SIZES and separator:
        if not value.isdigit() or int(value) < 1:
            raise ValueError(f"{key} is {value!r}, it must be a positive integer")
        return key, int(value)
    if key in _SWITCHES and separator:
        if value not in _YES_NO:
            raise ValueError(f"{key} is {value!r}, it must be yes or no")
        return key, _YES_NO[value]
    if key in _TEXTS and separator:
        return key, value
    known = ", ".join(_SIZES + _SWITCHES + _TEXTS)
    raise ValueError(f"{part!r} changes nothing of a model: expected KEY=VALUE of {known}")


def positive(option, text: str) -> int:
    """The number that an option has. Raises ValueError."""
    text = text.strip()
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"{option} has {text!r}, it must be a positive integer")
    return int(text)


def count_weight_sets(problem: Problem) -> int:
    """Sets of weights to rotate over so that no call finds a part of its own in L2,
    however short calls are: 330 MB at least."""
    return min(64, -(-330_000_000 // weight_bytes(problem)))


def weight_bytes(problem: Problem) -> int:
    """Of K, U and V."""
    matrices = 3 if problem.up else 2
    return 2 * matrices * problem.groups * problem.d_ff * problem.head_dim


def count_sets(bytes_per_set: int, tokens: int) -> int:
    """Sets of operands to rotate over so that each call finds L2 (50 MB) cold."""
    enough = -(-(128 << 20) // max(bytes_per_set, 1))
    return min(64, max(6 if tokens <= 8192 else 2, enough))
