"""What docs/predictions.md states about predicted times holds for the ledger."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from flashmhf.__main__ import main
from flashmhf.validation import ledger, prediction

pytestmark = pytest.mark.usefixtures("library")

ROOT = Path(__file__).resolve().parents[2]
LEDGER = ROOT / "test/Integration/sm90/ledger.json"
#: What the statement has a bound of its own for.
FEW_TOKENS = re.compile(r"split = |exchange = true|programmatic = true")


@pytest.mark.parametrize("few", [False, True])
def test_statement(few):
    text = (ROOT / "docs/predictions.md").read_text()
    bound = r"(?:mean\s+square|it is) below (\d+)%,\s+and\s+each is within (\d+)%"
    mean, each = re.findall(bound, text)[few]
    kept = ledger.read(LEDGER)

    def is_few(name):
        return bool(FEW_TOKENS.search(kept[name]["schedule"]))

    rows = [row for row in prediction.table(LEDGER) if is_few(row[0]) == few]
    assert len(rows) >= 80
    errors = prediction.errors(rows)
    found = {name: f"{error:+.0%}" for (name, *_), error in zip(rows, errors)}
    assert np.sqrt((errors**2).mean()) <= int(mean) / 100, found
    assert np.abs(errors).max() <= int(each) / 100, found


def test_table(tmp_path, capsys):
    """The report of a ledger of two rows, one of them measured at half its time."""
    kept = ledger.read(LEDGER)
    rows = [dict(kept["128m/1"]), dict(kept["370m/1000"])]
    rows[0]["microseconds"] = prediction.predict(rows[0])
    rows[1]["microseconds"] = prediction.predict(rows[1]) / 2
    path = tmp_path / "ledger.json"
    path.write_text(json.dumps(rows))
    assert main(["predict", "--ledger", str(path)]) == 0
    text = capsys.readouterr().out
    assert "2 configurations: error 70.7% (root mean square), +50.0% on average" in text
    assert "at worst +100.0% (370m/1000)" in text
    assert re.search(r"\| 128m/1 \| ([\d.]+) \| \1 \| \+0% \|", text)
    path.write_text("[]")
    assert main(["predict", "--ledger", str(path)]) == 1
