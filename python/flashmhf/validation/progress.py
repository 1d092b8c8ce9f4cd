"""What a validation has found so far, kept across restarts of the process.

A kernel that faults takes the CUDA context with it, and one that never ends
blocks the process. Either way the case is noted, the process starts again in
its own place and goes on with the next case.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading

RESTARTS = 12


class Progress:
    """rows (of the cases that were right), failed (name -> reason), seed."""

    def __init__(self, seed, path=None):
        self.seed = seed
        self.rows, self.failed, self.restarts = [], {}, 0
        self._path = path
        if path is not None:
            with open(path) as file:
                self.__dict__.update(json.load(file))

    @property
    def resumed(self) -> bool:
        return self.restarts > 0

    def done(self) -> set:
        """Names of the cases that need not run again."""
        return {row["config"] for row in self.rows} | set(self.failed)

    def watch(self, name, seconds):
        """A context that restarts the process if it is not left in time."""
        return _Watch(lambda: self.restart(name, f"no end after {seconds} s"), seconds)

    def restart(self, name, reason):
        """Notes that a case failed and starts the process again; where that was
        done too often, ends it."""
        self.failed[name] = reason
        print(f"\nFAIL {name}: {reason}", flush=True)
        self.restarts += 1
        if self.restarts > RESTARTS:
            print(f"given up after {RESTARTS} restarts", flush=True)
            os._exit(2)
        if self._path is None:
            self._path = tempfile.mkstemp(suffix=".json")[1]
        with open(self._path, "w") as file:
            json.dump({k: v for k, v in self.__dict__.items() if not k.startswith("_")}, file)
        arguments = sys.argv[1:]
        if "--resume" in arguments:
            at = arguments.index("--resume")
            del arguments[at : at + 2]
        sys.stdout.flush()
        os.execv(
            sys.executable,
            [sys.executable, "-m", "flashmhf", *arguments, "--resume", self._path],
        )

    def close(self):
        """Removes what a restart left on disk."""
        if self._path is not None:
            os.remove(self._path)


class _Watch:
    def __init__(self, action, seconds):
        self._timer = threading.Timer(seconds, action)
        self._timer.daemon = True

    def __enter__(self):
        self._timer.start()

    def __exit__(self, *_):
        self._timer.cancel()
