"""Emulated kernels against what a GPU computed: the same inputs, within the order
of f32 sums."""

from pathlib import Path

import numpy as np
import pytest

import flashmhf
from flashmhf.validation import ledger, outputs

pytestmark = pytest.mark.usefixtures("library")

FILE = Path(__file__).resolve().parents[2] / "test/Integration/sm90/outputs.npz"
#: sha256 of Q of the recording "relu".
PINNED = "932a338bc710489dea18369bb39c9507865c00828eb06ee6128680e5c3bcff02"
RECORDINGS = {r.name: r for r in outputs.recordings()}


def emulate(recording):
    problem, options = ledger.arguments(recording.build)
    out = outputs.empty(recording)
    kernel = flashmhf.emulator(*problem, **options)
    kernel.run(*outputs.tensors(recording, outputs.inputs(recording), out))
    return out


@pytest.fixture(scope="module")
def emulated():
    return {name: emulate(recording) for name, recording in RECORDINGS.items()}


@pytest.mark.parametrize("name", RECORDINGS)
def test_emulation_is_right(emulated, name):
    recording = RECORDINGS[name]
    assert outputs.error(recording, emulated[name]) <= recording.limit


@pytest.mark.skipif(not FILE.exists(), reason=f"{FILE} is written on a machine with a GPU")
@pytest.mark.parametrize("name", RECORDINGS)
def test_emulation_agrees_with_the_gpu(emulated, name):
    recording = RECORDINGS[name]
    index, recorded = outputs.read(FILE)
    if name not in recorded:
        pytest.skip(f"{name} is newer than {FILE}: record it as docs/validation.md says")
    assert outputs.error(recording, recorded[name]) <= recording.limit
    found = outputs.difference(recording, emulated[name], index, recorded)
    assert found <= outputs.AGREEMENT, f"{found:.2e} from {index['gpu']}"


def test_recording(emulated, tmp_path, capsys, monkeypatch):
    """Everything but the GPU, in whose place the CPU's own kernels stand."""
    names = ("relu", "bare", "identity-f16")
    monkeypatch.setattr(outputs, "recordings", lambda: [RECORDINGS[n] for n in names])

    def on_cpu(recording):
        if recording.name == "bare":
            raise RuntimeError("no such kernel")
        out = outputs.empty(recording)
        arguments = outputs.tensors(recording, outputs.inputs(recording), out)
        flashmhf.jit(recording.problem).run(*arguments)
        return out

    path = tmp_path / "outputs.npz"
    assert outputs.record(path, on_cpu) == 1
    assert "FAIL bare" in capsys.readouterr().out
    index, recorded = outputs.read(path)
    assert set(recorded) == {"relu", "identity-f16"}
    for name in recorded:
        found = outputs.difference(RECORDINGS[name], emulated[name], index, recorded)
        assert found <= outputs.AGREEMENT
    wrong = emulated["relu"].copy()
    wrong[0, 0, 0] = 0
    assert outputs.difference(RECORDINGS["relu"], wrong, index, recorded) > outputs.AGREEMENT
    with pytest.raises(ValueError, match="not in the file"):
        outputs.difference(RECORDINGS["bare"], emulated["bare"], index, recorded)
    index["rows"]["relu"]["inputs"] = "another"
    with pytest.raises(ValueError, match="another inputs"):
        outputs.difference(RECORDINGS["relu"], emulated["relu"], index, recorded)


def test_inputs_are_the_same_everywhere():
    q = outputs.inputs(RECORDINGS["relu"])["q"]
    assert q.dtype == np.uint16
    assert outputs.fingerprint({"q": q}) == PINNED
