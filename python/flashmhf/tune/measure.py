"""A shape on GPU 0, with the bench's operands, clock and rounds."""

from __future__ import annotations

from ..bench import gpu
from ..bench.models import ERROR_LIMITS, count_sets
from ..bench.rounds import Entry, run_rounds
from ..bench.suite import release_memory
from ..dlpack import import_tensor


class Meter:
    """Operands of one shape; close() frees them."""

    def __init__(self, shape, seed):
        problem, batch, tokens = shape.problem, shape.batch, shape.tokens
        count = count_sets(gpu.set_bytes(problem, batch, tokens), tokens)
        self._problem, self._seed = problem, seed
        self._sets = [gpu.make_operands(problem, batch, tokens, seed + i) for i in range(count)]
        self._rows = gpu.sample_tokens(tokens, seed)
        self._want = gpu.reference(problem, self._sets[0], self._rows)
        self._clock = gpu.GraphClock()
        self._flops = problem.flops(batch, tokens)
        self._imported = {}

    def _call(self, artifact):
        kernel = artifact.load(0)
        names = [argument["name"] for argument in artifact.contract["arguments"]]
        for name in set(names) - self._imported.keys():
            self._imported[name] = [import_tensor(s.named()[name], name) for s in self._sets]
        tensors = list(zip(*(self._imported[name] for name in names)))

        def call(i):
            kernel.launch(tensors[i % len(tensors)], gpu.current_stream())

        return call

    def check(self, artifact) -> None:
        """Raises ArithmeticError where the kernel is not right."""
        out = self._sets[0].out
        error = gpu.poisoned_check(self._call(artifact), out, self._want, self._rows)()
        limit = ERROR_LIMITS[self._problem.dtype]
        if not error <= limit:
            raise ArithmeticError(f"relative error {error:.2e}, above {limit:.1e}")

    def time(self, artifacts, rounds, budget) -> list:
        """Seconds of a call: a list for each artifact, one number a round."""
        entries = [Entry(str(i), self._flops, self._call(a)) for i, a in enumerate(artifacts)]
        return run_rounds(
            entries,
            self._clock,
            rounds=rounds,
            budget=budget,
            sets=len(self._sets),
            seed=self._seed,
        )

    def close(self) -> None:
        self._sets = self._want = self._rows = self._imported = None
        release_memory()
