"""Files that are kept: tuning databases, ledgers, reports."""

from __future__ import annotations

import json
import os


def read(path):
    """What a file holds, None where there is no file. Raises ValueError for what is
    not JSON."""
    try:
        with open(path) as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from None


def write(path, text: str) -> None:
    """Writes a file at once, so that no reader sees half of it."""
    temporary = f"{path}.new"
    with open(temporary, "w") as file:
        file.write(text)
    os.replace(temporary, path)
