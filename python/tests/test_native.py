"""The ctypes declarations say what the C header says."""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from flashmhf import dlpack, native
from flashmhf.problem import _DTYPE_NAMES, ACTIVATION_NAMES

INCLUDE = Path(__file__).resolve().parents[2] / "include"
HEADER = INCLUDE / "flashmhf-c" / "flashmhf.h"
PYTHON_HEADER = INCLUDE / "flashmhf-c" / "python.h"

STRUCTS = {
    "FlashmhfProblem": native.FlashmhfProblem,
    "FlashmhfCompileOptions": native.FlashmhfCompileOptions,
    "FlashmhfWorkspace": native.FlashmhfWorkspace,
    "FlashmhfPython": native.FlashmhfPython,
    "DLTensor": dlpack.DLTensor,
}

pytestmark = pytest.mark.skipif(not HEADER.is_file(), reason="not in a source tree")


def test_sizes_and_offsets(tmp_path):
    compiler = next(filter(None, map(shutil.which, ("cc", "clang-22", "clang", "gcc"))), None)
    if compiler is None:
        pytest.skip("no C compiler")
    lines = ["#include <flashmhf-c/python.h>", "#include <stdio.h>", "int main(void) {"]
    for name, struct in STRUCTS.items():
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        for field, _ in struct._fields_:
            lines.append(f'printf("{name}.{field} %zu\\n", offsetof({name}, {field}));')
    source = tmp_path / "sizes.c"
    source.write_text("\n".join(lines + ["return 0; }", ""]))
    program = tmp_path / "sizes"
    subprocess.run([compiler, "-I", str(INCLUDE), str(source), "-o", str(program)], check=True)
    output = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    want = dict(line.split() for line in output.splitlines())
    for name, struct in STRUCTS.items():
        assert int(want[name]) == ctypes.sizeof(struct), name
        for field, _ in struct._fields_:
            assert int(want[f"{name}.{field}"]) == getattr(struct, field).offset, field


def _enumerators(name):
    body = re.search(rf"typedef enum {name} {{(.*?)}} {name};", HEADER.read_text(), re.S)
    text = re.sub(r"/\*.*?\*/", "", body.group(1), flags=re.S)
    pairs = re.findall(r"FLASHMHF_(\w+) = (\d+)", text)
    return [n.lower() for n, _ in sorted(pairs, key=lambda p: int(p[1]))]


def _fields(name):
    text = HEADER.read_text() + PYTHON_HEADER.read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    body = re.search(rf"typedef struct {name} {{(.*?)}} {name};", text, re.S).group(1)
    return re.findall(r"(\w+)[;,]", body)


@pytest.mark.parametrize("name", [name for name in STRUCTS if name != "DLTensor"])
def test_no_field_is_missing(name):
    assert [f for f, _ in STRUCTS[name]._fields_] == _fields(name)


def test_enumerators():
    assert _enumerators("FlashmhfDType") == list(_DTYPE_NAMES)
    assert _enumerators("FlashmhfActivation") == list(ACTIVATION_NAMES)
    assert _enumerators("FlashmhfSeverity") == list(native.SEVERITIES)
    emits = [n.replace("emit_", "").replace("_", "-") for n in _enumerators("FlashmhfEmit")]
    assert emits == list(native.EMITS)
    policies = [n.replace("ptxas_", "") for n in _enumerators("FlashmhfPtxasPolicy")]
    assert policies == list(native.PTXAS_POLICIES)
    assert len(_enumerators("FlashmhfStatus")) == len(native._STATUS)


@pytest.mark.parametrize(
    "header, functions",
    [(HEADER, native.FUNCTIONS), (PYTHON_HEADER, native.LOCKED_FUNCTIONS)],
)
def test_every_function_is_declared(header, functions):
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    declared = set(re.findall(r"\b(flashmhf[A-Z]\w+)\(", text))
    assert declared == set(functions)


def test_library_loads(library):
    assert re.fullmatch(r"\d+\.\d+\.\d+", native.version())


def test_library_that_is_not_there(monkeypatch):
    monkeypatch.setenv("FLASHMHF_LIBRARY", "/nonexistent/libflashmhf.so")
    with pytest.raises(native.FlashmhfError, match="FLASHMHF_LIBRARY names /nonexistent"):
        native.find_library()
