"""One case after another: a model at some tokens, all entries in one run."""

from __future__ import annotations

import dataclasses
import gc
import time

import torch

from . import gpu, ours, schedules
from .models import count_sets
from .peers import Unavailable, cublas
from .report import Case, Row
from .rounds import run_rounds


@dataclasses.dataclass
class Settings:
    """What holds for every case. budget: seconds of an entry in a round. lead: seconds
    in front of them, see rounds.run_rounds. image: "ptx", "cubin" or None, see schedules.build_all. specialise: compile for the
    exact sizes. peers: name -> function of a Bench that makes a list of entries
    or raises Unavailable. methods: of `methods`, each its own case, for tokens up to
    most_by_method, None for all; single_rounds: of W and R; official: the peers of
    these cases; method_peers: name -> function of a Bench and a few.Way. gpu: what our
    kernels are compiled for, None for the compiler's default."""

    batch: int = 1
    rounds: int = 12
    budget: float = 0.025
    lead: float = 0.2
    seed: int = 0
    variants: list = dataclasses.field(default_factory=list)
    image: str | None = None
    specialise: bool = False
    peers: dict = dataclasses.field(default_factory=dict)
    methods: str = ""
    single_rounds: int = 61
    most_by_method: int | None = None
    official: dict = dataclasses.field(default_factory=dict)
    method_peers: dict = dataclasses.field(default_factory=dict)
    gpu: str | None = None


@dataclasses.dataclass
class Bench:
    """What entries of one case are made from: our kernels as schedules.Built, sets
    of operands, the float64 result `want` of the first one for the tokens `rows`. gpu: as
    of the Settings."""

    model: object
    batch: int
    tokens: int
    built: list
    sets: list
    rows: torch.Tensor
    want: torch.Tensor
    clock: object
    seed: int
    gpu: str | None = None

    @property
    def problem(self):
        return self.model.problem


def run(models, tokens, settings, say=print):
    """Yields a report.Case for each model and number of tokens."""
    clock = gpu.GraphClock()
    for model in models:
        general = None
        for count in tokens:
            problem = model.problem
            if settings.specialise:
                problem = problem.replace(batch=settings.batch, tokens=count)
            if general is None or settings.specialise:
                begin = time.monotonic()
                general = schedules.build_all(
                    problem, settings.variants, settings.image, settings.gpu
                )
                seconds = time.monotonic() - begin
                say(f"{model.name}: {len(general)} kernels built in {seconds:.1f} s")
            say(f"{model.name}, {count} tokens: preparing")
            yield _run_case(model, count, general, clock, settings, say)
            release_memory()


def release_memory() -> None:
    """Of the case before, so that the next one has it all."""
    gc.collect()
    torch.cuda.empty_cache()


def _run_case(model, tokens, built, clock, settings, say) -> Case:
    problem, batch = model.problem, settings.batch
    number = count_sets(gpu.set_bytes(problem, batch, tokens), tokens)
    sets = [gpu.make_operands(problem, batch, tokens, settings.seed + i) for i in range(number)]
    rows = gpu.sample_tokens(tokens, settings.seed)
    want = gpu.reference(problem, sets[0], rows)
    bench = Bench(model, batch, tokens, built, sets, rows, want, clock, settings.seed, settings.gpu)

    entries, notes = [], []
    for one in built:
        if one.artifact is None:
            notes.append(f"{one.variant.name}: {one.error}")
        else:
            entries.append(ours.entry(one, problem, sets, want, rows))
    entries.append(cublas.entry(settings.seed))
    for name, make in settings.peers.items():
        try:
            entries.extend(make(bench))
        except Exception as reason:  # an opponent's fault must not end the run
            kind = "" if isinstance(reason, Unavailable) else f"{type(reason).__name__}: "
            notes.append(f"{name}: {kind}{reason}")
            stop_if_lost(reason)
    timed, errors, failed = [], {}, [one.variant.name for one in built if one.artifact is None]
    for entry in entries:
        try:
            errors[entry.name] = entry.check()
            clock.estimate(entry.call)
            clock.prepare(entry.call, 1)
            timed.append(entry)
        except Exception as reason:  # one bad entry must not hide the others
            notes.append(f"{entry.name}: {type(reason).__name__}: {reason}")
            if entry.kind == "ours":
                failed.append(entry.name)
            stop_if_lost(reason)
    say(f"{len(timed)} entries, {settings.rounds} rounds")
    samples = run_rounds(
        timed,
        clock,
        rounds=settings.rounds,
        budget=settings.budget,
        lead=settings.lead,
        sets=number,
        seed=settings.seed,
    )
    case = Case(model.name, dataclasses.asdict(problem), batch, tokens, number)
    case.notes, case.failed = notes, failed
    for entry, times in zip(timed, samples):
        case.rows.append(
            Row(
                entry.name,
                entry.kind,
                entry.flops,
                times,
                errors[entry.name],
                entry.limit,
                entry.note,
            )
        )
    return case


def stop_if_lost(reason) -> None:
    """Ends the run where a kernel's fault has made the context unusable."""
    try:
        gpu.synchronize()
    except Exception:  # torch raises its own types here
        raise RuntimeError(f"the GPU is lost after: {reason}") from reason
