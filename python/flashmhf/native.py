"""libflashmhf: finding it, its structures and functions, its errors.

The structures mirror the headers of include/flashmhf-c field by field.
"""

from __future__ import annotations

import ctypes
import os
import threading
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_ssize_t,
    c_void_p,
    py_object,
)
from pathlib import Path

from .dlpack import DLTensor

OK, INVALID_ARGUMENT, PARSE_ERROR, COMPILE_ERROR, UNAVAILABLE, CUDA_ERROR = range(6)
_STATUS = (
    "ok",
    "invalid argument",
    "parse error",
    "compile error",
    "unavailable",
    "CUDA error",
)

#: What `compile(emit=...)` takes, in the order of FlashmhfEmit.
EMITS = (
    "mlir",
    "schedule",
    "hopper",
    "nvvm",
    "llvm",
    "ptx",
    "cubin",
    "cpu-mlir",
    "cpu-llvm",
    "cpu-object",
    "timeline",
)
#: In the order of FlashmhfPtxasPolicy.
PTXAS_POLICIES = ("warn", "error", "ignore")
#: In the order of FlashmhfSeverity.
SEVERITIES = ("note", "remark", "warning", "error")


class FlashmhfError(RuntimeError):
    """A call of the library failed; the text is the library's, whole.

    `status`: "parse error", "compile error", "unavailable", "CUDA error" or
    "invalid argument".
    """

    def __init__(self, message: str, status: str):
        super().__init__(message)
        self.status = status


class FlashmhfValueError(FlashmhfError, ValueError):
    """A FlashmhfError about an argument, which is a ValueError too."""


class FlashmhfProblem(Structure):
    _fields_ = [
        ("batch", c_int64),
        ("heads", c_int64),
        ("groups", c_int64),
        ("tokens", c_int64),
        ("headDim", c_int64),
        ("subnetworks", c_int64),
        ("subnetworkWidth", c_int64),
        ("dtype", c_int),
        ("outType", c_int),
        ("activation", c_int),
        ("hasUp", c_int32),
        ("hasRouter", c_int32),
    ]


DiagnosticCallback = CFUNCTYPE(None, c_int, c_char_p, c_void_p)


class FlashmhfCompileOptions(Structure):
    _fields_ = [
        ("chip", c_char_p),
        ("features", c_char_p),
        ("optLevel", c_int32),
        ("schedule", c_char_p),
        ("ptxasPath", c_char_p),
        ("ptxasPolicy", c_int),
        ("threads", c_int32),
        ("diagnosticCallback", DiagnosticCallback),
        ("diagnosticUserData", c_void_p),
        ("gpu", c_char_p),
        ("database", c_char_p),
        ("tuned", c_int32),
        ("runnersUp", c_int32),
        ("maxVariants", c_int32),
        ("programmatic", c_int32),
    ]


class FlashmhfWorkspace(Structure):
    _fields_ = [
        ("partials", c_void_p),
        ("partialsSize", c_size_t),
        ("counters", c_void_p),
        ("countersSize", c_size_t),
    ]


class FlashmhfPython(Structure):
    _fields_ = [
        ("exchange", c_void_p),
        ("types", POINTER(c_void_p)),
        ("gradientIsEnabled", c_void_p),
        ("requiresGradient", c_void_p),
        ("none", c_void_p),
        ("isTrue", c_void_p),
        ("isFalse", c_void_p),
        ("getType", c_void_p),
        ("call", c_void_p),
        ("getAttribute", c_void_p),
        ("getPointer", c_void_p),
        ("retain", c_void_p),
        ("release", c_void_p),
        ("releaseLock", c_void_p),
        ("takeLock", c_void_p),
        ("typeCount", c_int32),
    ]


_TENSORS = POINTER(POINTER(DLTensor))
_OPTIONS = POINTER(FlashmhfCompileOptions)
_WORKSPACE = POINTER(FlashmhfWorkspace)
_OUT = POINTER(c_void_p)

#: name -> (result, arguments). Strings that the caller owns come as c_void_p.
FUNCTIONS = {
    "flashmhfGetLastError": (c_char_p, []),
    "flashmhfGetVersion": (c_char_p, []),
    "flashmhfStringDestroy": (None, [c_void_p]),
    "flashmhfProblemFromPreset": (c_int, [c_char_p, POINTER(FlashmhfProblem)]),
    "flashmhfBuildModule": (c_int, [POINTER(FlashmhfProblem), _OUT]),
    "flashmhfCompileOptionsInit": (None, [_OPTIONS]),
    "flashmhfCompile": (c_int, [c_char_p, c_size_t, _OPTIONS, c_int, _OUT]),
    "flashmhfArtifactData": (c_void_p, [c_void_p]),
    "flashmhfArtifactSize": (c_size_t, [c_void_p]),
    "flashmhfArtifactContract": (c_char_p, [c_void_p]),
    "flashmhfArtifactPtxasLog": (c_char_p, [c_void_p]),
    "flashmhfArtifactDestroy": (None, [c_void_p]),
    "flashmhfJitCreate": (c_int, [c_char_p, c_size_t, _OPTIONS, _OUT]),
    "flashmhfJitRun": (c_int, [c_void_p, _TENSORS, c_int32]),
    "flashmhfJitContract": (c_char_p, [c_void_p]),
    "flashmhfJitDestroy": (None, [c_void_p]),
    "flashmhfEmulatorCreate": (c_int, [c_char_p, c_size_t, _OPTIONS, _OUT]),
    "flashmhfEmulatorRun": (c_int, [c_void_p, _TENSORS, c_int32, c_int32]),
    "flashmhfEmulatorTrace": (c_int, [c_void_p, _TENSORS, c_int32, c_int32, _OUT]),
    "flashmhfEmulatorContract": (c_char_p, [c_void_p]),
    "flashmhfEmulatorDestroy": (None, [c_void_p]),
    "flashmhfCudaAvailable": (c_int, []),
    "flashmhfCudaDeviceName": (c_int, [c_int32, _OUT]),
    "flashmhfPlanLaunch": (c_int, [c_char_p, _TENSORS, c_int32, c_int32, _OUT]),
    "flashmhfKernelLoad": (c_int, [c_char_p, c_size_t, c_char_p, c_int32, _OUT]),
    "flashmhfKernelLaunch": (c_int, [c_void_p, _TENSORS, c_int32, c_void_p]),
    "flashmhfKernelWorkspace": (c_int, [c_void_p, _TENSORS, c_int32, _WORKSPACE]),
    "flashmhfKernelLaunchWithWorkspace": (
        c_int,
        [c_void_p, _TENSORS, c_int32, _WORKSPACE, c_void_p],
    ),
    "flashmhfKernelDestroy": (None, [c_void_p]),
}

#: The same of functions that are called with Python's lock held.
LOCKED_FUNCTIONS = {
    "flashmhfCallsCreate": (c_int, [POINTER(FlashmhfPython), c_int32, _OUT]),
    "flashmhfCallsRemember": (c_int, [c_void_p, POINTER(py_object), c_void_p]),
    "flashmhfCallsLaunch": (c_int, [c_void_p, POINTER(py_object)]),
    "flashmhfCallsMethod": (py_object, [py_object, POINTER(py_object), c_ssize_t]),
    "flashmhfCallsClear": (None, [c_void_p]),
    "flashmhfCallsDestroy": (None, [c_void_p]),
}

_lock = threading.Lock()
_library = _locked_library = None


def find_library() -> Path:
    """Where libflashmhf is: FLASHMHF_LIBRARY, this package, or a build tree.

    Raises FlashmhfError (status "unavailable") that says where was looked.
    """
    name = "libflashmhf.so"
    chosen = os.environ.get("FLASHMHF_LIBRARY")
    if chosen:
        path = Path(chosen)
        path = path / name if path.is_dir() else path
        if not path.is_file():
            raise FlashmhfError(
                f"FLASHMHF_LIBRARY names {chosen}, but there is no library", "unavailable"
            )
        return path
    package = Path(__file__).resolve().parent
    root = package.parent.parent
    candidates = [package / name]
    if (root / "CMakeLists.txt").is_file():
        builds = [b / "lib" / name for b in root.glob("build*") if b.is_dir()]
        builds = [b for b in builds if b.is_file()]
        candidates += sorted(builds, key=lambda b: b.stat().st_mtime, reverse=True)
    for path in candidates:
        if path.is_file():
            return path
    raise FlashmhfError(
        f"{name} is neither in {package} nor in lib/ of a build directory under {root}: "
        "build the target flashmhf, or set FLASHMHF_LIBRARY to it",
        "unavailable",
    )


def library() -> ctypes.CDLL:
    """The library, loaded on first use. Its calls release Python's lock."""
    global _library
    if _library is None:
        with _lock:
            if _library is None:
                _library = _load(ctypes.CDLL, find_library(), FUNCTIONS)
    return _library


def locked_library() -> ctypes.PyDLL:
    """The same library, for LOCKED_FUNCTIONS."""
    global _locked_library
    if _locked_library is None:
        path = library()._name
        with _lock:
            if _locked_library is None:
                _locked_library = _load(ctypes.PyDLL, path, LOCKED_FUNCTIONS)
    return _locked_library


def _load(loader, path, functions):
    try:
        lib = loader(str(path))
    except OSError as error:
        raise FlashmhfError(f"{path} does not load: {error}", "unavailable") from None
    for name, (result, arguments) in functions.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = arguments
    return lib


def version() -> str:
    """The library's version, "major.minor.patch"."""
    return library().flashmhfGetVersion().decode()


def last_error() -> str:
    """The message of this thread's latest failed call."""
    return library().flashmhfGetLastError().decode(errors="replace")


def check(status: int) -> None:
    """Raises the library's message where `status` is a failure."""
    if status == OK:
        return
    name = _STATUS[status] if 0 <= status < len(_STATUS) else f"status {status}"
    kind = FlashmhfValueError if status == INVALID_ARGUMENT else FlashmhfError
    raise kind(last_error(), name)


def take_string(pointer: c_void_p) -> str:
    """The text of a string that the library gave away, which is freed."""
    text = ctypes.string_at(pointer.value).decode()
    library().flashmhfStringDestroy(pointer)
    return text


def tensor_array(tensors):
    """An array of DLTensor pointers for a call, from Tensors that outlive it."""
    array = (POINTER(DLTensor) * max(len(tensors), 1))()
    for i, t in enumerate(tensors):
        array[i] = ctypes.pointer(t.dl)
    return array
