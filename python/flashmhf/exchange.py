"""Launches on torch tensors that torch describes in place, through DLPack's table of
functions (its C exchange API, which torch has from 2.10 on).

One call of a function of the library's that the interpreter calls like its own finds
the kernel that a call with tensors like these was launched with, asks for torch's
current stream, and launches. include/flashmhf-c/python.h says what it does.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_int, c_void_p, py_object

from . import native
from .dlpack import capsule_pointer

_CAPSULE = b"flashmhf"
_METH_FASTCALL = 0x80


class _MethodDef(ctypes.Structure):
    """``PyMethodDef`` of Python's stable interface."""

    _fields_ = [("name", c_char_p), ("function", c_void_p), ("flags", c_int), ("doc", c_char_p)]


def table_of(kind):
    """The address of the DLPackExchangeAPI of a type of tensors; None where it has
    none."""
    capsule = getattr(kind, "__dlpack_c_exchange_api__", None)
    return capsule_pointer(capsule, b"dlpack_exchange_api")


def _function(name):
    return ctypes.cast(getattr(ctypes.pythonapi, name), c_void_p)


class Calls:
    """Calls with the same `count` operands, each a tensor or None, that are launched
    likewise where the tensors have the same sizes, strides, types and devices.

    Tensors of other classes than `types` and, while gradients are recorded, those
    that require one are refused. Raises FlashmhfError where the library cannot use
    the table at that address.
    """

    def __init__(self, torch, table: int, types, count: int):
        lib = native.locked_library()
        self._keep = types, torch.is_grad_enabled, "requires_grad"
        python = native.FlashmhfPython(
            exchange=table,
            types=(c_void_p * len(types))(*map(id, types)),
            gradientIsEnabled=id(self._keep[1]),
            requiresGradient=id(self._keep[2]),
            none=id(None),
            isTrue=id(True),
            isFalse=id(False),
            getType=_function("PyObject_Type"),
            call=_function("PyObject_CallNoArgs"),
            getAttribute=_function("PyObject_GetAttr"),
            getPointer=_function("PyCapsule_GetPointer"),
            retain=_function("Py_IncRef"),
            release=_function("Py_DecRef"),
            releaseLock=_function("PyEval_SaveThread"),
            takeLock=_function("PyEval_RestoreThread"),
            typeCount=len(types),
        )
        self._handle = c_void_p()
        native.check(lib.flashmhfCallsCreate(python, count, ctypes.byref(self._handle)))
        self._operands = py_object * count
        #: Of the operands: enqueues the kernel that is remembered for such a call on
        #: torch's stream. False where there is none, or it finds fault with the
        #: tensors, an exception where torch does: which, a launch that checks its
        #: operands will say.
        self.launch_objects = self._make_method(lib.flashmhfCallsMethod)

    def _make_method(self, function):
        new_capsule = ctypes.pythonapi.PyCapsule_New
        new_capsule.argtypes, new_capsule.restype = (c_void_p, c_char_p, c_void_p), py_object
        new_function = ctypes.pythonapi.PyCFunction_NewEx
        new_function.argtypes = (ctypes.POINTER(_MethodDef), py_object, c_void_p)
        new_function.restype = py_object
        self._definition = _MethodDef(
            b"launch", ctypes.cast(function, c_void_p), _METH_FASTCALL, None
        )
        capsule = new_capsule(self._handle, _CAPSULE, None)
        return new_function(self._definition, capsule, None)

    def remember(self, operands, kernel) -> None:
        """From now on calls like this one are launched with a compiler.Kernel; none
        where torch does not describe these tensors."""
        try:
            native.locked_library().flashmhfCallsRemember(
                self._handle, self._operands(*operands), kernel.handle
            )
        except Exception:
            pass

    def clear(self) -> None:
        """Forgets all calls."""
        native.locked_library().flashmhfCallsClear(self._handle)
