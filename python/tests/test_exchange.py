"""Torch's table of functions, and what becomes of calls that it does not suit."""

import ctypes
import sys

import pytest

from flashmhf import FlashmhfError, exchange

torch = pytest.importorskip("torch")
TABLE = exchange.table_of(torch.Tensor)
pytestmark = pytest.mark.skipif(TABLE is None, reason="torch has no table of functions")


@pytest.fixture
def calls(library):
    return exchange.Calls(torch, TABLE, (torch.Tensor, torch.nn.Parameter), count=3)


def test_only_types_with_a_table_have_one():
    assert exchange.table_of(int) is None
    odd = type("Odd", (), {"__dlpack_c_exchange_api__": 3})
    assert exchange.table_of(odd) is None


def test_tables_of_other_versions_are_refused(library):
    words = (ctypes.c_uint32 * 32)(2, 0)
    with pytest.raises(FlashmhfError, match="of version 2 of DLPack, supported is 1"):
        exchange.Calls(torch, ctypes.addressof(words), (torch.Tensor,), count=3)


def test_calls_that_are_not_launched(calls):
    x = torch.zeros(1, 2, 3, 4)
    launch = calls.launch_objects
    assert launch(x, None, x) is False  # not seen before
    assert launch(x, x) is False and launch(None, None, None) is False
    assert launch(x, 3, x) is False and launch(x[0], x, x) is False
    weight = torch.nn.Parameter(x)
    assert launch(weight, x, x) is False
    with pytest.raises(RuntimeError, match="meta"):
        launch(x, x.to("meta"), x)
    with torch.no_grad(), pytest.raises(RuntimeError):
        launch(weight, x, x.to_sparse())


def test_no_reference_is_kept(calls):
    x, y = torch.zeros(1, 2, 3, 4), torch.nn.Parameter(torch.zeros(1, 2, 3, 4))
    watched = (x, y, torch.Tensor, torch.is_grad_enabled, False)
    before = [sys.getrefcount(w) for w in watched]
    for _ in range(1000):
        calls.launch_objects(x, None, x)
        calls.launch_objects(x, y, 3)
        with torch.no_grad():
            calls.launch_objects(x, y, x)
    after = [sys.getrefcount(w) for w in watched]
    assert all(abs(a - b) < 100 for a, b in zip(after, before))
