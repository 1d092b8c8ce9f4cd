"""Compiling: problems or MLIR text to artifacts, CPU functions and GPU kernels."""

from __future__ import annotations

import ctypes
import json
import os
import warnings
import weakref

from . import native
from .dlpack import import_tensor
from .problem import Problem, presets


class FlashmhfWarning(UserWarning):
    """Something that the compiler or ptxas warned about."""


class Artifact:
    """What `compile` made.

    Attributes: ``kind`` (the `emit` name), ``data`` (bytes), ``problem`` (None
    where MLIR text was compiled), ``contract`` (the launch contract as a
    dictionary; None unless kind is "ptx" or "cubin"), ``contract_text`` (the same
    as JSON), ``ptxas_log`` ("" where ptxas was not run).
    """

    def __init__(self, kind, data, contract_text, ptxas_log, problem=None):
        self.kind = kind
        self.data = data
        self.problem = problem
        self.contract_text = contract_text
        self.contract = json.loads(contract_text) if contract_text else None
        self.ptxas_log = ptxas_log
        self._kernels = {}

    @property
    def text(self) -> str:
        """The artifact as text. Raises ValueError for "cubin" and "cpu-object"."""
        if self.kind in ("cubin", "cpu-object"):
            raise ValueError(f"a {self.kind} artifact is binary: use .data")
        return self.data.decode()

    @property
    def ptx(self) -> str:
        """The PTX. Raises ValueError where something else was emitted."""
        if self.kind != "ptx":
            raise ValueError(f"the artifact is {self.kind}, compile with emit='ptx'")
        return self.text

    def save(self, path) -> None:
        """Writes the artifact, and its contract, if any, beside it as PATH.json."""
        with open(path, "wb") as file:
            file.write(self.data)
        if self.contract_text:
            with open(f"{os.fspath(path)}.json", "w") as file:
                file.write(self.contract_text)

    def plan(self, *tensors, multiprocessors: int = 132) -> dict:
        """How the kernel would be launched on `tensors`: grid, block, cluster,
        shared memory (bytes) and parameters. Needs no GPU.

        Raises FlashmhfError where the tensors do not fit the contract.
        """
        imported = _import_all(self.contract, tensors)
        text = ctypes.c_void_p()
        native.check(
            native.library().flashmhfPlanLaunch(
                self.contract_text.encode(),
                native.tensor_array(imported),
                len(imported),
                multiprocessors,
                ctypes.byref(text),
            )
        )
        return json.loads(native.take_string(text))

    def load(self, device: int = 0) -> Kernel:
        """The kernel on GPU number `device`, loaded once and kept."""
        if self.contract is None:
            raise ValueError(f"a {self.kind} artifact cannot be launched, use ptx or cubin")
        if device not in self._kernels:
            self._kernels[device] = Kernel(self.data, self.contract_text, device)
        return self._kernels[device]

    def launch(self, *tensors, stream: int = 0) -> None:
        """Enqueues the kernel on CUDA tensors in the order of the contract's
        arguments (q, k, u, v, r, out without absent ones); does not wait.

        `stream`: a CUstream as an integer, 0 for the default stream. The tensors
        must live until the stream has passed the kernel. Raises FlashmhfError.
        """
        imported = _import_all(self.contract, tensors)
        device = imported[-1].device_id if imported else 0
        self.load(device).launch(imported, stream)


class Kernel:
    """A kernel on one GPU. Unloaded with the object: wait for its work first.

    Attributes: ``device`` (number of the GPU), ``handle`` (the FlashmhfKernel)."""

    def __init__(self, image: bytes, contract_text: str, device: int):
        handle = ctypes.c_void_p()
        lib = native.library()
        native.check(
            lib.flashmhfKernelLoad(
                image, len(image), contract_text.encode(), device, ctypes.byref(handle)
            )
        )
        self.device = device
        self.handle = handle
        weakref.finalize(self, lib.flashmhfKernelDestroy, handle).atexit = False

    def launch(self, tensors, stream: int = 0) -> None:
        """Enqueues it on Tensors (see dlpack.import_tensor); does not wait."""
        array = native.tensor_array(tensors)
        native.check(
            native.library().flashmhfKernelLaunch(self.handle, array, len(tensors), stream or None)
        )


class _HostProgram:
    """What the library makes of a source to be run on CPU tensors, with its contract."""

    def __init__(self, source: str, options, create, contract, destroy):
        handle = ctypes.c_void_p()
        text = source.encode()
        native.check(create(text, len(text), options, ctypes.byref(handle)))
        self._handle = handle
        self.contract = json.loads(contract(handle))
        weakref.finalize(self, destroy, handle).atexit = False


class Function(_HostProgram):
    """A problem compiled for the host CPU, in this process.

    Attributes: ``contract``, a dictionary with the function's "arguments".
    """

    def __init__(self, source: str, options):
        lib = native.library()
        super().__init__(
            source, options, lib.flashmhfJitCreate, lib.flashmhfJitContract, lib.flashmhfJitDestroy
        )

    def run(self, *tensors) -> None:
        """Runs it on CPU tensors in the order q, k, u, v, r, out without absent
        ones, and returns when `out` is written. Raises FlashmhfError."""
        imported = _import_all(self.contract, tensors)
        native.check(
            native.library().flashmhfJitRun(
                self._handle, native.tensor_array(imported), len(imported)
            )
        )


class EmulatedFunction(_HostProgram):
    """A problem compiled for the GPU, whose kernels run on the CPU: a thread for
    each warpgroup, with the products, roundings and synchronisation of the GPU.

    Attributes: ``contract``, a dictionary with the function's "arguments".
    """

    def __init__(self, source: str, options):
        lib = native.library()
        super().__init__(
            source,
            options,
            lib.flashmhfEmulatorCreate,
            lib.flashmhfEmulatorContract,
            lib.flashmhfEmulatorDestroy,
        )

    def run(self, *tensors, multiprocessors: int = 132, trace=None) -> None:
        """Runs it on CPU tensors in the order q, k, u, v, r, out without absent
        ones, and returns when `out` is written.

        `multiprocessors`: of the emulated GPU, which bounds the grid of a
        persistent kernel. `trace`: a file to write the predicted time line on an
        H100 of the first block or, if slower, one that shares tiles with others to, for
        Chrome's or Perfetto's viewer; it has no slices where `out` is empty. Raises
        FlashmhfError, which names the ring, the slot and the warpgroup where the kernel
        would hang or read what it must not.
        """
        imported = _import_all(self.contract, tensors)
        array = native.tensor_array(imported)
        arguments = (self._handle, array, len(imported), multiprocessors)
        if trace is None:
            native.check(native.library().flashmhfEmulatorRun(*arguments))
            return
        text = ctypes.c_void_p()
        native.check(native.library().flashmhfEmulatorTrace(*arguments, ctypes.byref(text)))
        with open(trace, "w") as file:
            file.write(native.take_string(text))


def compile(
    problem=None,
    *,
    emit: str = "ptx",
    source: str | None = None,
    on_diagnostic=None,
    **options,
) -> Artifact:
    """Compiles a problem down to the level `emit`.

    problem : a Problem, or the name of a preset ("128m", "370m", "1.3b").
    emit : "mlir", "schedule", "hopper", "nvvm", "llvm", "ptx", "cubin" (needs
        ptxas), "cpu-mlir", "cpu-llvm", "cpu-object" or "timeline" (the
        predicted time on an H100; every size must be given).
    source : MLIR text with one public function, instead of a problem.
    on_diagnostic : called with (severity, message) for each diagnostic, severity
        "note", "remark", "warning" or "error"; by default warnings become
        Python's FlashmhfWarning.
    options : chip ("sm_90a"), features ("+ptx84"), opt_level (0 to 3, default 3),
        schedule (text of a #flashmhf.schedule<...> to use), gpu ("h100-sxm", the
        default, "h200", "h100-pcie", or what its driver calls it, see `gpu_name`: what
        schedules are chosen for), database (path of a tuning database to ask first), tuned
        (False: the cost model alone), programmatic (True: kernels may fetch K, U and V
        before the one in front of them in the stream ends, which must not write them;
        schedules are chosen with that in mind; default False), runners_up (how many
        schedules emit="schedule" names beside the chosen one, default 8), max_variants
        (how many kernels an artifact may hold for a problem whose batch or tokens are
        open, default 10: each serves a range of counts; 1 for one kernel), ptxas (path),
        ptxas_policy ("warn", "error", "ignore": what to do about spills and
        serialised products), threads (CPU, 0 means all).

    Raises ValueError for unknown names and FlashmhfError with the compiler's
    message otherwise. The artifact has ``.ptx``/``.text``, ``.contract`` and
    ``.launch(...)``.
    """
    if emit not in native.EMITS:
        raise ValueError(f"emit {emit!r} is unknown; known are {', '.join(native.EMITS)}")
    problem, source = _resolve(problem, source)
    text = source.encode()
    lib = native.library()
    handle = ctypes.c_void_p()
    with _Options(on_diagnostic, options) as struct:
        native.check(
            lib.flashmhfCompile(
                text, len(text), struct, native.EMITS.index(emit), ctypes.byref(handle)
            )
        )
    try:
        data = ctypes.string_at(lib.flashmhfArtifactData(handle), lib.flashmhfArtifactSize(handle))
        contract = lib.flashmhfArtifactContract(handle).decode()
        log = lib.flashmhfArtifactPtxasLog(handle).decode(errors="replace")
    finally:
        lib.flashmhfArtifactDestroy(handle)
    return Artifact(emit, data, contract, log, problem)


def explain(problem=None, *, source: str | None = None, on_diagnostic=None, **options) -> dict:
    """Which schedule the compiler chooses for a problem, and why.

    Arguments and errors as for `compile`; `schedule` asks about one of your own.
    Returns what emit="schedule" says of the operator: "schedule" (text), "source"
    ("model", "database", "given", "none"), "predicted" ("microseconds", "limit",
    "waves", ..; absent where "fault" says why it cannot be compiled),
    "candidates" (how many were compared) and "runners_up" (the next fastest:
    "schedule", "microseconds", "limit"). Where the batch or the tokens are open, all
    of that is of many tokens, and "variants" ("schedule", "source") and "rule" say
    which schedules serve which counts: the variant of the first of its "cases" with
    B * L <= "tokens" and B * ceil(L / "tile") <= "tiles", else "otherwise". A list of
    these where the source has several operators.
    """
    artifact = compile(
        problem, emit="schedule", source=source, on_diagnostic=on_diagnostic, **options
    )
    operators = json.loads(artifact.text)["operators"]
    return operators[0] if len(operators) == 1 else operators


def jit(problem=None, *, source=None, on_diagnostic=None, **options) -> Function:
    """Compiles a problem (or MLIR text) for the host CPU, in this process.

    Arguments and errors as for `compile`.
    """
    _, source = _resolve(problem, source)
    with _Options(on_diagnostic, options) as struct:
        return Function(source, struct)


def emulator(problem=None, *, source=None, on_diagnostic=None, **options) -> EmulatedFunction:
    """Compiles a problem (or MLIR text) for the GPU and emulates its kernels here.

    Arguments and errors as for `compile`.
    """
    _, source = _resolve(problem, source)
    with _Options(on_diagnostic, options) as struct:
        return EmulatedFunction(source, struct)


def cuda_available() -> bool:
    """Whether there is a GPU and a driver that kernels run on."""
    return native.library().flashmhfCudaAvailable() == native.OK


def gpu_name(device: int = 0) -> str:
    """What the driver calls GPU number `device`, such as "NVIDIA H200": the `gpu` of
    `compile` for kernels that will run there.

    Raises FlashmhfError (status "unavailable") where there is no driver or no such GPU.
    """
    text = ctypes.c_void_p()
    native.check(native.library().flashmhfCudaDeviceName(device, ctypes.byref(text)))
    return native.take_string(text)


def _resolve(problem, source):
    if (problem is None) == (source is None):
        raise ValueError("give either a problem or source=, MLIR text")
    if source is not None:
        return None, source
    if isinstance(problem, str):
        try:
            problem = presets[problem]
        except KeyError as error:
            raise ValueError(error.args[0]) from None
    if not isinstance(problem, Problem):
        raise ValueError(f"problem is a {type(problem).__name__}, not a Problem or a name")
    return problem, problem.source()


class _Options:
    """The options struct for one call; warnings are raised after it."""

    def __init__(self, on_diagnostic, options):
        self._warnings = []
        self._user = on_diagnostic
        self.struct = native.FlashmhfCompileOptions()
        native.library().flashmhfCompileOptionsInit(ctypes.byref(self.struct))
        self._callback = native.DiagnosticCallback(self._diagnose)
        self.struct.diagnosticCallback = self._callback
        for name, value in options.items():
            self._set(name, value)

    def _set(self, name, value):
        texts = dict(
            chip="chip",
            features="features",
            schedule="schedule",
            ptxas="ptxasPath",
            gpu="gpu",
            database="database",
        )
        if name in texts:
            setattr(self.struct, texts[name], None if value is None else os.fsencode(value))
        elif name == "opt_level":
            self.struct.optLevel = value
        elif name == "threads":
            self.struct.threads = value
        elif name == "tuned":
            self.struct.tuned = bool(value)
        elif name == "programmatic":
            self.struct.programmatic = bool(value)
        elif name == "runners_up":
            self.struct.runnersUp = value
        elif name == "max_variants":
            self.struct.maxVariants = value
        elif name == "ptxas_policy":
            if value not in native.PTXAS_POLICIES:
                raise ValueError(
                    f"ptxas_policy {value!r} is unknown; known are "
                    f"{', '.join(native.PTXAS_POLICIES)}"
                )
            self.struct.ptxasPolicy = native.PTXAS_POLICIES.index(value)
        else:
            raise TypeError(f"unknown compile option {name!r}")

    def _diagnose(self, severity, message, _):
        name = native.SEVERITIES[severity]
        text = message.decode(errors="replace")
        if self._user is not None:
            self._user(name, text)
        elif name == "warning":
            self._warnings.append(text)

    def __enter__(self):
        return ctypes.byref(self.struct)

    def __exit__(self, *_):
        for text in self._warnings:
            warnings.warn(text, FlashmhfWarning, stacklevel=4)


def _import_all(contract, tensors):
    if contract is None:
        raise ValueError("only ptx and cubin artifacts take tensors")
    names = [a["name"] for a in contract["arguments"]]
    if len(tensors) != len(names):
        raise ValueError(
            f"{len(tensors)} tensors given, but the function takes {len(names)}: {', '.join(names)}"
        )
    return [import_tensor(t, name) for t, name in zip(tensors, names)]
