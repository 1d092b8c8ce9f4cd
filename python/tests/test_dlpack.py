"""Tensors of other frameworks are seen, shared and never copied."""

import gc
import sys
import weakref

import ml_dtypes
import numpy as np
import pytest

from flashmhf.dlpack import CPU, CUDA, as_float64, import_tensor, make_tensor
from flashmhf.dtypes import numpy_dtype


class Exporter:
    """Something with __dlpack__ that is neither NumPy nor torch."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **kwargs):
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@pytest.mark.parametrize("dtype", ["bf16", "f16", "f32", "f64"])
def test_numpy(dtype):
    x = np.zeros((2, 3, 4, 8), numpy_dtype(dtype)).transpose(0, 2, 1, 3)[:, 1:]
    t = import_tensor(x)
    assert (t.dtype, t.shape, t.strides) == (dtype, (2, 3, 3, 8), (96, 8, 32, 1))
    assert t.pointer == x.ctypes.data
    assert (t.device_type, t.target) == (CPU, "cpu")


@pytest.mark.parametrize("dtype", ["f16", "f32", "f64"])
def test_dlpack(dtype):
    x = np.arange(24, dtype=numpy_dtype(dtype)).reshape(1, 2, 3, 4).transpose(0, 2, 1, 3)
    t = import_tensor(Exporter(x))
    assert (t.dtype, t.shape, t.pointer) == (dtype, x.shape, x.ctypes.data)
    assert t.strides[1:] == (4, 12, 1)
    np.testing.assert_array_equal(t.array(), x)


def test_memory_is_shared_both_ways():
    x = np.zeros((2, 3), np.float32)
    for source in (x, Exporter(x)):
        view = import_tensor(source).array()
        x[1, 2] += 1
        assert view[1, 2] == x[1, 2]


def test_exporter_lives_as_long_as_the_tensor():
    class Owner(np.ndarray):
        pass

    x = np.ones(4, np.float32).view(Owner)
    t = import_tensor(x)
    alive = weakref.ref(x)
    del x
    gc.collect()
    assert alive() is not None and t.array().sum() == 4
    del t
    gc.collect()
    assert alive() is None


def test_bf16_array_is_its_bits():
    x = np.array([1.0, -2.0], ml_dtypes.bfloat16)
    np.testing.assert_array_equal(import_tensor(x).array(), x.view(np.uint16))


@pytest.mark.parametrize("dtype", ["f16", "f32", "f64"])
def test_without_ml_dtypes(monkeypatch, dtype):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    x = np.ones((2, 3), numpy_dtype(dtype))
    assert import_tensor(x).dtype == dtype
    np.testing.assert_array_equal(as_float64(x), x.astype(np.float64))
    with pytest.raises(ModuleNotFoundError, match="ml_dtypes"):
        numpy_dtype("bf16")


def test_torch():
    torch = pytest.importorskip("torch")
    x = torch.arange(24).to(torch.bfloat16).reshape(1, 2, 3, 4).transpose(1, 2)
    t = import_tensor(x)
    assert (t.dtype, t.shape, t.pointer) == ("bf16", (1, 3, 2, 4), x.data_ptr())
    assert t.strides[1:] == (4, 12, 1)
    p = torch.nn.Parameter(torch.zeros(2))
    with pytest.raises(ValueError, match="w requires a gradient"):
        import_tensor(p, "w")
    with torch.no_grad():
        assert import_tensor(p, "w").pointer == p.data_ptr()


@pytest.mark.parametrize(
    "x, error, message",
    [
        ([1.0], TypeError, "q is a list; it must be a NumPy array or have __dlpack__"),
        (np.zeros(2, np.int32), ValueError, "q has dtype int32"),
        (np.zeros(2, ">f4"), ValueError, "q has dtype >f4"),
        (np.zeros(2, np.complex64), ValueError, "q has dtype complex64"),
        (Exporter(np.zeros(2, np.int8)), ValueError, r"q: DLPack dtype \(code 0, 8 bits"),
    ],
)
def test_what_cannot_be_imported(x, error, message):
    with pytest.raises(error, match=message):
        import_tensor(x, "q")


def test_strides_that_are_no_multiple_of_the_element():
    x = np.zeros(3, np.dtype([("a", "f4"), ("b", "i2")]))["a"]
    with pytest.raises(ValueError, match="byte strides"):
        import_tensor(x, "q")


def test_gpu_memory_is_not_read():
    t = make_tensor(0x1000, (2,), (1,), "f32", (CUDA, 0))
    assert t.target == "cuda"
    with pytest.raises(ValueError, match="GPU memory"):
        t.array()
