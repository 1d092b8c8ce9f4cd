"""A shape on GPU 0, with the bench's operands, clock and rounds."""

from __future__ import annotations

from ..bench import few, gpu
from ..bench.methods import SINGLE
from ..bench.models import count_sets
from ..bench.rounds import Entry, run_rounds
from ..bench.suite import release_memory
from ..dlpack import import_tensor
from ..oracle import ERROR_LIMIT


class Meter:
    """Operands of one shape; close() frees them."""

    def __init__(self, shape, seed):
        problem, batch, tokens = shape.problem, shape.batch, shape.tokens
        self._problem, self._seed = problem, seed
        self._sets = self._make_sets(problem, batch, tokens)
        self._rows = gpu.sample_tokens(tokens, seed)
        self._want = gpu.reference(problem, self._checked_set(), self._rows)
        self._clock = gpu.GraphClock()
        self._flops = problem.flops(batch, tokens)
        self._imported = {}

    def _make_sets(self, problem, batch, tokens):
        count = count_sets(gpu.set_bytes(problem, batch, tokens), tokens)
        return [gpu.make_operands(problem, batch, tokens, self._seed + i) for i in range(count)]

    def _checked_set(self):
        """Whose output is looked at."""
        return self._sets[0]

    def _call(self, artifact):
        kernel = artifact.load(0)
        names = [argument["name"] for argument in artifact.contract["arguments"]]
        for name in set(names) - self._imported.keys():
            self._imported[name] = [import_tensor(s.named()[name], name) for s in self._sets]
        tensors = list(zip(*(self._imported[name] for name in names)))

        def call(i):
            kernel.launch(tensors[i % len(tensors)], gpu.current_stream())

        return call

    def _error(self, artifact) -> float:
        out = self._sets[0].out
        return gpu.poisoned_check(self._call(artifact), out, self._want, self._rows)()

    def check(self, artifact) -> None:
        """Raises ArithmeticError where the kernel is not right."""
        error = self._error(artifact)
        limit = ERROR_LIMIT[self._problem.dtype]
        if not error <= limit:
            raise ArithmeticError(f"relative error {error:.2e}, above {limit:.1e}")

    def time(self, artifacts, rounds, budget, lead) -> list:
        """Seconds of a call: a list for each artifact, one number a round."""
        entries = [Entry(str(i), self._flops, self._call(a)) for i, a in enumerate(artifacts)]
        return run_rounds(
            entries,
            self._clock,
            rounds=rounds,
            budget=budget,
            sets=len(self._sets),
            seed=self._seed,
            lead=lead,
        )

    def close(self) -> None:
        self._sets = self._want = self._rows = self._imported = None
        release_memory()


class MethodMeter(Meter):
    """Measures by a method of bench.methods. `clock`: few.make_clock's for it. What is
    checked are the graphs that are timed."""

    def __init__(self, shape, seed, method, clock):
        self._method = method
        super().__init__(shape, seed)
        sets = len(self._sets)
        self._way = few.make_way(method, clock, sets, rounds=1, single_rounds=1, seed=seed)
        self._prepared = {}

    def _make_sets(self, problem, batch, tokens):
        count = few.count_weight_sets(problem)
        return gpu.make_weight_sets(problem, batch, tokens, self._seed, count)

    def _checked_set(self):
        return self._sets[0 if self._method in SINGLE else -1]

    def _prepare(self, artifact):
        if artifact not in self._prepared:
            self._prepared[artifact] = self._way.prepare(self._call(artifact))
        return self._prepared[artifact]

    def _error(self, artifact) -> float:
        prepared, out = self._prepare(artifact), self._sets[0].out
        return few.replayed_error(self._way, prepared, out, self._want, self._rows)

    def time(self, artifacts, rounds, budget, lead) -> list:
        """Seconds of a call: a list for each artifact, one number a round. Chains are
        as long as those of `bench --method`, whatever `budget` says."""
        return self._way.run([self._prepare(a) for a in artifacts], rounds, lead)

    def close(self) -> None:
        self._prepared = {}
        super().close()
