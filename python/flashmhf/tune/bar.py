"""A progress bar: tqdm's where that is installed, else a line that is rewritten."""

from __future__ import annotations

import sys


def bar(total: int, label: str):
    """An object with update() and close()."""
    try:
        from tqdm import tqdm
    except ImportError:
        return PlainBar(total, label)
    return tqdm(total=total, desc=label, file=sys.stderr, leave=False)


class PlainBar:
    """ "label: 3/40" on stderr; on what is no terminal only the last state."""

    def __init__(self, total, label, stream=None):
        self._total, self._label, self._done = total, label, 0
        self._stream = sys.stderr if stream is None else stream

    def update(self, count=1):
        self._done += count
        if self._stream.isatty():
            print(f"\r{self._text()}", end="", file=self._stream, flush=True)

    def close(self):
        end = "\r\033[K" if self._stream.isatty() else f"{self._text()}\n"
        print(end, end="", file=self._stream, flush=True)

    def _text(self):
        return f"{self._label}: {self._done}/{self._total}"
