"""The little of the CUDA driver that validation needs without torch.

Memory that a sanitizer can follow: plain allocations and synchronous copies.
"""

from __future__ import annotations

import ctypes
import subprocess
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint64, c_void_p


class CudaError(RuntimeError):
    """A driver call failed."""


def machine() -> tuple:
    """(name of GPU 0, version of the driver), "unknown" where nvidia-smi is not."""
    query = ["nvidia-smi", "--id=0", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        text = subprocess.run(query, capture_output=True, text=True, timeout=30).stdout
        name, driver = text.strip().split(", ")
        return name, driver
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return "unknown", "unknown"


class Gpu:
    """GPU 0 through its primary context, which becomes current on this thread."""

    def __init__(self):
        try:
            self._cuda = ctypes.CDLL("libcuda.so.1")
        except OSError as error:
            raise CudaError(f"no CUDA driver: {error}") from None
        self._call("cuInit", 0)
        device, context = c_int(), c_void_p()
        self._call("cuDeviceGet", byref(device), 0)
        self._call("cuDevicePrimaryCtxRetain", byref(context), device)
        self._call("cuCtxSetCurrent", context)
        name = ctypes.create_string_buffer(256)
        self._call("cuDeviceGetName", name, 256, device)
        self.name = name.value.decode()
        self._device = device

    def _call(self, name, *arguments):
        status = getattr(self._cuda, name)(*arguments)
        if status:
            text = ctypes.c_char_p()
            self._cuda.cuGetErrorString(status, byref(text))
            reason = text.value.decode() if text.value else f"error {status}"
            raise CudaError(f"{name}: {reason}")

    def allocate(self, size: int) -> int:
        """The address of `size` fresh bytes."""
        pointer = c_uint64()
        self._call("cuMemAlloc_v2", byref(pointer), c_size_t(max(size, 1)))
        return pointer.value

    def free(self, pointer: int) -> None:
        self._call("cuMemFree_v2", c_uint64(pointer))

    def upload(self, pointer: int, array) -> None:
        """Copies a compact NumPy array to GPU memory and waits."""
        self._call(
            "cuMemcpyHtoD_v2",
            c_uint64(pointer),
            c_void_p(array.ctypes.data),
            c_size_t(array.nbytes),
        )

    def download(self, array, pointer: int) -> None:
        """Copies GPU memory to a compact NumPy array and waits."""
        self._call(
            "cuMemcpyDtoH_v2",
            c_void_p(array.ctypes.data),
            c_uint64(pointer),
            c_size_t(array.nbytes),
        )

    def load(self, image: bytes, kernel: str) -> c_void_p:
        """The function `kernel` of PTX or a cubin, for launch(); never unloaded."""
        module, function = c_void_p(), c_void_p()
        self._call("cuModuleLoadData", byref(module), c_char_p(image))
        self._call("cuModuleGetFunction", byref(function), module, kernel.encode())
        return function

    def launch(self, function, blocks: int, threads: int, stream: int) -> None:
        """Enqueues a kernel without parameters on the CUstream `stream`."""
        sizes = blocks, 1, 1, threads, 1, 1, 0
        self._call("cuLaunchKernel", function, *sizes, c_void_p(stream), None, None)

    def synchronize(self) -> None:
        """Waits for everything, and reports what a kernel did wrong."""
        self._call("cuCtxSynchronize")

    def close(self) -> None:
        self._call("cuDevicePrimaryCtxRelease_v2", self._device)
