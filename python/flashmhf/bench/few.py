"""Cases of calls that last microseconds: every method of `methods` in one run."""

from __future__ import annotations

import dataclasses
import time

from . import gpu, methods, ours, schedules
from .models import count_weight_sets
from .peers import Unavailable, copy, cublas
from .report import Case, Row
from .rounds import Entry, prepare, run_prepared, run_rounds
from .suite import Bench, release_memory, stop_if_lost

#: Seconds of an entry in a round of C and P, and rounds of the cuBLAS product.
CHAIN_BUDGET, PRODUCT_ROUNDS = 2e-3, 5
ANY_COUNT = "flashmhf, any count"
#: The peer that is ours, and has one of our kernels in it.
LAYER = "layer"


@dataclasses.dataclass
class Way:
    """A method in a case: the clock, and what rounds.prepare and run_prepared take."""

    method: str
    clock: object
    budget: float
    sets: int
    rounds: int
    seed: int

    @property
    def programmatic(self) -> bool:
        return self.method == "P"

    def prepare(self, call):
        return prepare(call, self.clock, budget=self.budget, sets=self.sets)

    def run(self, prepared, rounds=None, lead=0.0) -> list:
        """Seconds of a call: a list for each that `prepare` has made. `lead`: see
        rounds.run_rounds."""
        rounds = rounds or self.rounds
        return run_prepared(prepared, self.clock, rounds=rounds, seed=self.seed, lead=lead)


def make_clock(method):
    """What measures by that method."""
    if method in methods.SINGLE:
        return gpu.ColdClock(dirty=method == "W")
    return gpu.GraphClock()


def make_way(method, clock, sets, *, rounds, single_rounds, seed) -> Way:
    """`sets` of weights; `single_rounds`: of methods that time one call at a time."""
    if method in methods.SINGLE:
        return Way(method, clock, 0.0, 1, single_rounds, seed)
    return Way(method, clock, CHAIN_BUDGET, sets, rounds, seed)


def replayed_error(way, prepared, out, want, rows) -> float:
    """The relative error of what a prepared graph itself writes to `out`. Raises
    ArithmeticError where it leaves some of it."""

    def replay(i):
        way.clock.measure(prepared[0])

    return gpu.poisoned_check(replay, out, want, rows)()


def run(models, tokens, settings, say=print):
    """Yields for each model and number of tokens a list of report.Case, one for each
    of settings.methods. Our kernels have the schedules of the exact size and take any;
    for P they are compiled with `programmatic`."""
    clocks = {method: make_clock(method) for method in {*settings.methods, "C"}}
    null = gpu.null_call()
    for model in models:
        begin = time.monotonic()
        planned = {}
        for count in tokens:
            sized = model.problem.replace(batch=settings.batch, tokens=count)
            for early in (False, True):
                variants = [_with_start(v, early) for v in settings.variants]
                planned[count, early] = schedules.plan(sized, variants, early, settings.gpu)
                planned[count, early].append(_any_count(early))
        every = [built for group in planned.values() for built in group]
        schedules.build(model.problem, every, settings.image, settings.gpu)
        say(f"{model.name}: {len(every)} kernels built in {time.monotonic() - begin:.1f} s")
        for count in tokens:
            say(f"{model.name}, {count} tokens")
            built = planned[count, False], planned[count, True]
            yield _Cases(model, count, settings, clocks, null).run(*built)
            release_memory()


def _with_start(variant, early):
    """The variant with or without programmatic dependent launch. The compiler's own
    schedule is chosen so; one that differs from it may not be what can start early."""
    if not variant.changes:
        return variant
    start = f"{variant.changes}, programmatic = {'true' if early else 'false'}"
    return dataclasses.replace(variant, changes=start)


def _any_count(early):
    """What a program compiled for any number of tokens launches."""
    return schedules.Built(schedules.Variant(ANY_COUNT), early=early)


class _Cases:
    """A model at some number of tokens."""

    def __init__(self, model, tokens, settings, clocks, null):
        self._settings, self._clocks, self._null = settings, clocks, null
        problem, batch, seed = model.problem, settings.batch, settings.seed
        self._count = count_weight_sets(problem)
        sets = gpu.make_weight_sets(problem, batch, tokens, seed, self._count)
        rows = gpu.sample_tokens(tokens, seed)
        want = gpu.reference(problem, sets[0], rows)
        # Chained calls all write one output: the last set's stands there.
        self._last = gpu.reference(problem, sets[-1], rows)
        self._bench = Bench(
            model, batch, tokens, [], sets, rows, want, clocks["C"], seed, settings.gpu
        )
        self._notes, self._failed = [], []

    def run(self, plain, early) -> list:
        settings, bench = self._settings, self._bench
        bench.built = plain
        yardsticks = self._time_yardsticks()
        official = {name: self._make(name, make) for name, make in settings.official.items()}
        cases = []
        for method in settings.methods:
            way = self._way(method)
            entries = self._ours(early if way.programmatic else plain, way)
            for name, make in settings.method_peers.items():
                entries += self._make(name, lambda bench, make=make: make(bench, way))
            if way.programmatic:
                entries += self._layers(official, early)
            else:
                entries += [e for group in official.values() for e in group]
                entries.append(Entry("null kernel", 0, self._null, kind="null"))
            case = self._measure(way, entries)
            case.rows += yardsticks
            cases.append(case)
        for case in cases:
            case.notes, case.failed = self._notes, self._failed
        return cases

    def _way(self, method):
        s, clock = self._settings, self._clocks[method]
        options = dict(rounds=s.rounds, single_rounds=s.single_rounds, seed=s.seed)
        return make_way(method, clock, self._count, **options)

    def _time_yardsticks(self):
        """Rows of what rates are compared with."""
        entries = [cublas.entry(self._settings.seed), copy.entry()]
        errors = [entry.check() for entry in entries]
        options = dict(rounds=PRODUCT_ROUNDS, budget=self._settings.budget, sets=1)
        samples = run_rounds(entries, self._clocks["C"], seed=0, **options)
        return [
            Row(e.name, e.kind, e.flops, seconds, error, e.limit)
            for e, seconds, error in zip(entries, samples, errors)
        ]

    def _layers(self, official, early):
        """Those of `official` that are layers; ours with the early kernel in it, whose
        neighbours are cuBLAS's and do not start early."""
        others = [e for name, group in official.items() if name != LAYER for e in group]
        layers = [e for e in others if e.kind == "layer"]
        if official.get(LAYER):
            bench = dataclasses.replace(self._bench, built=early)
            layers += self._make(LAYER, lambda _: self._settings.official[LAYER](bench))
        return layers

    def _make(self, name, make):
        try:
            return list(make(self._bench))
        except Exception as reason:  # an opponent's fault must not end the run
            kind = "" if isinstance(reason, Unavailable) else f"{type(reason).__name__}: "
            self._notes.append(f"{name}: {kind}{reason}")
            stop_if_lost(reason)
            return []

    def _ours(self, built, way):
        bench, entries = self._bench, []
        for one in built:
            if one.artifact is None:
                reason = one.error.splitlines()[-1]
                self._notes.append(f"{way.method}: {one.variant.name}: {reason}")
                if not way.programmatic:  # which not every schedule can be
                    self._failed.append(one.variant.name)
            elif one.variant.file and way.programmatic != is_programmatic(one):
                continue
            else:
                entries.append(ours.entry(one, bench.problem, bench.sets, bench.want, bench.rows))
        return entries

    def _measure(self, way, entries) -> Case:
        bench = self._bench
        timed, prepared, errors = [], [], []
        for entry in entries:
            try:
                one = way.prepare(entry.call)
                errors.append(self._check(way, entry, one))
                timed.append(entry)
                prepared.append(one)
            except Exception as reason:  # one bad entry must not hide the others
                self._notes.append(f"{way.method}: {entry.name}: {type(reason).__name__}: {reason}")
                if entry.kind == "ours":
                    self._failed.append(entry.name)
                stop_if_lost(reason)
        case = Case(
            bench.model.name,
            dataclasses.asdict(bench.problem),
            bench.batch,
            bench.tokens,
            self._count,
            method=way.method,
        )
        for entry, seconds, error in zip(timed, way.run(prepared), errors):
            seconds = [round(x, 10) for x in seconds]
            case.rows.append(
                Row(entry.name, entry.kind, entry.flops, seconds, error, entry.limit, entry.note)
            )
        return case

    def _check(self, way, entry, prepared):
        """The error of what is timed: the graph's own where it is known what that
        writes. None where there is nothing to check."""
        if entry.out is None:
            return entry.check() if entry.check else None
        want = self._bench.want if way.method in methods.SINGLE else self._last
        return replayed_error(way, prepared, entry.out, want, self._bench.rows)


def is_programmatic(built) -> bool:
    """Whether a launch contract is, or that of some variant."""
    contract = built.artifact.contract
    return any(kernel.get("programmatic") for kernel in contract.get("variants", [contract]))
