"""The options of `python -m flashmhf tune`, and the run that they ask for."""

from __future__ import annotations

import datetime
import math
import threading
import time

from .. import jsonfile
from ..bench.methods import SINGLE
from ..bench.methods import parse as parse_methods
from ..bench.models import parse_model, positive
from ..compiler import explain
from . import choices, database, report
from .bar import bar
from .candidates import Shape, chip_name, find
from .tuner import Settings, build, general, tune

DESCRIPTION = """Compiles the schedules that the cost model ranks first for each model
and number of tokens, times them in shuffled rounds on GPU 0, checks what they compute,
and keeps the fastest in a tuning database, which `database=FILE` makes the compiler
read. Says how much longer the model's own pick takes than the best found. Needs torch
and a GPU, --dry-run neither. Exit status 0 where every shape was tuned."""

MANY = "8,16,32,64,128,256,512,1000,2048,4096,16384,65536"
FEW = "1,2,4,8,16,32,64,128,256,512,1024,2048"
#: Milliseconds, see settings_of.
LEAD = 200
#: Seconds that a shape may take before the run gives up: a kernel hangs.
HANG_SECONDS = 90


def add_arguments(parser) -> None:
    """The options of the subcommand."""
    parser.add_argument(
        "--model",
        action="append",
        metavar="MODEL",
        help="as for bench; may be repeated; default: 128m, 370m, 1.3b",
    )
    parser.add_argument("--tokens", help=f"numbers of tokens, default {MANY}, with --method {FEW}")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument(
        "--method",
        metavar="W|R|C|P",
        help="times as bench --method does; with P kernels are compiled with `programmatic`, "
        "and what is found is for those that are",
    )
    parser.add_argument("--database", help="JSON file to add to; default: nothing is written")
    parser.add_argument("--report", help="JSON file for how far choices are from the best")
    parser.add_argument("--gpu", help="with --dry-run: the GPU to predict for")
    parser.add_argument(
        "--limit", type=int, default=32, help="candidates of a shape, default %(default)s"
    )
    parser.add_argument(
        "--factor",
        type=float,
        default=1.3,
        help="leave out what is predicted to take this much longer, default %(default)s",
    )
    parser.add_argument("--image", choices=("ptx", "cubin"), help="what is loaded")
    parser.add_argument("--seconds", type=float, help="start no shape after this many")
    parser.add_argument("--missing", action="store_true", help="only what the database lacks")
    parser.add_argument(
        "--lead",
        type=float,
        metavar="MILLISECONDS",
        help="of the same schedule in front of those of a finalist that are timed; default "
        f"{LEAD}, with --method 0: 1024 tokens and more, which are at the power limit, repeat "
        "better with one",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--dry-run", action="store_true", help="list candidates and predictions, measure nothing"
    )


def method_of(arguments) -> str:
    """Of --method, or "". Raises ValueError."""
    if not arguments.method:
        return ""
    methods = parse_methods(arguments.method)
    if len(methods) > 1:
        raise ValueError(f"--method has {arguments.method!r}: schedules are compared by one")
    return methods


def lead_of(arguments) -> float:
    """Seconds of --lead. Raises ValueError."""
    lead, method = arguments.lead, method_of(arguments)
    if lead is None:
        return 0.0 if method else LEAD / 1e3
    if not lead >= 0:
        raise ValueError(f"--lead is {lead}, it must not be negative")
    if lead and method in SINGLE:
        raise ValueError(f"--lead is {lead}: --method {method} times calls one by one")
    return lead / 1e3


def settings_of(method, lead=0.0) -> Settings:
    """Rounds for a method: those that time one call at a time need more. Finalists run
    for `lead` seconds before they are timed: what ran before them then does not set
    their clock, so that fewer rounds do, but the first look may mistake more."""
    rounds, final = Settings.rounds, Settings.final_rounds
    if method:
        rounds, final = (21, 61) if method in SINGLE else (5, 15)
    if lead:
        return Settings(rounds, near=1.06, finalists=8, final_rounds=7, final_lead=lead)
    return Settings(rounds, final_rounds=final)


def list_shapes(arguments, gpu) -> list:
    """The shapes of the command line with their candidates, models together."""
    if arguments.limit < 1:
        raise ValueError(f"--limit is {arguments.limit}, it must be at least 1")
    lead_of(arguments)
    batch = positive("--batch", str(arguments.batch))
    counts = arguments.tokens or (FEW if arguments.method else MANY)
    tokens = [positive("--tokens", text) for text in counts.split(",")]
    if batch > 1 and min(tokens) < database.FEWEST_OF_BATCH:
        raise ValueError(
            f"--batch {batch} with {min(tokens)} tokens: of batches of less than "
            f"{database.FEWEST_OF_BATCH} tokens each databases keep nothing"
        )
    early = method_of(arguments) == "P"
    # By method nothing is said of many tokens.
    general_from = math.inf if arguments.method else Settings.general_from
    shapes = []
    for text in arguments.model or ("128m", "370m", "1.3b"):
        model = parse_model(text)
        problem = model.problem.replace(batch=None, tokens=None)
        for count in tokens:
            shape = Shape(model.name, problem, batch, count)
            shape.candidates = find(shape, gpu, arguments.limit, arguments.factor, early)
            shapes.append(shape)
        choices.add_model(shapes[-len(tokens) :], gpu, early, general_from)
    return shapes


def dry_run(arguments) -> int:
    """Prints the candidates of every shape."""
    gpu = chip_name(arguments.gpu or "h100-sxm")
    shapes = list_shapes(arguments, gpu)
    for shape in shapes:
        print(f"{shape.title} on {gpu}: {len(shape.candidates)} candidates")
        for candidate in shape.candidates:
            print(f"  {candidate.predicted:10.1f} us  {candidate.schedule}")
    kernels = {(s.problem, c.schedule) for s in shapes for c in s.candidates}
    print(f"{len(shapes)} shapes, {len(kernels)} kernels to compile")
    return 0


def row(result) -> str:
    """A line of the table: the best found, the model's pick, what it costs."""
    shape, best, pick = result.shape, result.best, result.pick
    predicted = shape.candidates[0].predicted
    text = f"{shape.title:24} best {result.times[best] * 1e6:9.1f} us"
    if result.loss is None:
        text += f"   pick WRONG: {result.wrong[pick].splitlines()[0]}"
    else:
        text += f"   pick {result.times[pick] * 1e6:9.1f} us (+{100 * result.loss:.1f}%)"
        text += f"   predicted {predicted:9.1f}"
    text += f"   of {result.measured}"
    if best != pick:
        text += f"\n{'':24} best is {difference(best, shape.candidates)}"
    return text


def difference(schedule, candidates) -> str:
    """The keys in which a candidate differs from the pick."""
    pick = candidates[0].fields
    fields = next(c.fields for c in candidates if c.schedule == schedule)
    keys = [k for k in {**pick, **fields} if pick.get(k) != fields.get(k)]
    return ", ".join(f"{k} = {fields.get(k, 'its default')}" for k in keys)


class Tuning:
    """A run over many shapes. `new_meter(shape)` gives what tuner.tune measures
    with."""

    def __init__(self, shapes, gpu, settings, new_meter, image=None, path=None, method=""):
        self.gpu, self.path, self.image, self.method = gpu, path, image, method
        self.settings, self.new_meter = settings, new_meter
        self.shapes, self.results, self.failed = shapes, [], []
        self.entries = database.read(path) if path else []

    def skip_known(self):
        """Leaves out what the database has."""
        known = {database.key(e) for e in self.entries}
        self.shapes = [s for s in self.shapes if database.key(self._entry(s, "", 0)) not in known]

    def run(self, deadline=None):
        """Tunes every shape and writes the database after each."""
        problems = list(dict.fromkeys(s.problem for s in self.shapes))
        for problem in problems:
            mine = [s for s in self.shapes if s.problem == problem]
            if deadline is not None and time.monotonic() > deadline:
                self.failed += [(s, "no time was left") for s in mine]
                continue
            schedules = list(dict.fromkeys(c.schedule for s in mine for c in s.candidates))
            progress = bar(len(schedules), f"{mine[0].name}: compiled")
            built = build(problem, schedules, self.image, progress.update)
            progress.close()
            for shape in mine:
                if deadline is not None and time.monotonic() > deadline:
                    self.failed.append((shape, "no time was left"))
                    continue
                self._tune(shape, built)
            self._generalise(problem)
            self._compare(problem, built)

    def _tune(self, shape, built):
        progress = bar(len(shape.candidates), f"{shape.title}: checked")
        meter = self.new_meter(shape)
        try:
            result = tune(shape, built, meter, self.settings, progress.update)
        except ValueError as reason:
            progress.close()
            self.failed.append((shape, str(reason)))
            return
        finally:
            meter.close()
        progress.close()
        self.results.append(result)
        print(row(result), flush=True)
        for schedule, reason in result.wrong.items():
            print(f"  out: {schedule}: {reason.splitlines()[0]}", flush=True)
        notes = {}
        if result.loss is not None:
            notes["pick_microseconds"] = round(result.times[result.pick] * 1e6, 3)
        notes["best_microseconds"] = round(result.times[result.best] * 1e6, 3)
        notes["predicted_microseconds"] = shape.candidates[0].predicted
        seconds = result.times[result.kept]
        if self._stands_for_class(shape):
            self._add(self._entry(shape, result.kept, seconds, **notes))

    def _stands_for_class(self, shape):
        """Whether it has the most tokens of its class."""

        def class_of(s):
            return s.problem, database.token_class(s.batch * s.tokens)

        alike = [s.tokens for s in self.shapes if class_of(s) == class_of(shape)]
        return shape.tokens == max(alike)

    def _compare(self, problem, built):
        """How far from the best is what the compiler takes with what was found."""
        mine = [r for r in self.results if r.shape.problem == problem]
        if not mine:
            return
        shapes, early = [r.shape for r in mine], self.method == "P"
        chosen = choices.by_database(shapes, self.gpu, self.entries, early)
        wanted = {s for names in chosen for s in names.values()}
        built = {**built, **build(problem, sorted(wanted - built.keys()), self.image)}
        for result, names in zip(mine, chosen):
            meter = None
            if not set(names.values()) <= result.times.keys() | result.wrong.keys():
                meter = self.new_meter(result.shape)
            try:
                choices.measure(result, names, built, meter, self.settings)
            finally:
                if meter:
                    meter.close()

    def _generalise(self, problem):
        if self.method:  # which says nothing of many tokens
            return
        mine = [r for r in self.results if r.shape.problem == problem]
        pick = explain(problem, gpu=self.gpu, tuned=False, runners_up=0)["schedule"]
        found = general(mine, pick, self.settings)
        if not found:
            return
        schedule, seconds = found
        print(f"{mine[0].shape.name}, any number of tokens: {schedule}", flush=True)
        self._add(
            database.entry(self.gpu, problem, None, schedule, seconds * 1e6, date=self._today())
        )

    def _entry(self, shape, schedule, seconds, **notes):
        tokens = shape.batch * shape.tokens
        if self.method:
            notes["method"] = self.method
            notes["programmatic"] = self.method == "P"
        return database.entry(
            self.gpu, shape.problem, tokens, schedule, seconds * 1e6, date=self._today(), **notes
        )

    @staticmethod
    def _today():
        return datetime.datetime.now(datetime.timezone.utc).date().isoformat()

    def _add(self, entry):
        self.entries = database.merge(self.entries, [entry])
        if self.path:
            database.write(self.path, self.entries)


def summary(tuning) -> str:
    """What the run says of the model."""
    text = report.table(report.lines_of(tuning.results, tuning.method))
    lines = [text] if text else []
    lines.append(f"{len(tuning.results)} shapes tuned, {len(tuning.failed)} not")
    lines += [f"  {shape.title}: {reason}" for shape, reason in tuning.failed]
    return "\n".join(lines)


def _give_up(shape):  # pragma: no cover
    """Ends the process where a kernel hangs; what was written stays."""
    import os

    print(f"error: {shape.title} takes more than {HANG_SECONDS} s; a kernel hangs", flush=True)
    os._exit(3)


def run(arguments) -> int:
    """Runs it."""
    if arguments.dry_run:
        return dry_run(arguments)
    try:
        from ..bench.few import make_clock
        from ..bench.gpu import describe_machine
        from .measure import Meter, MethodMeter
    except ImportError as error:
        raise ValueError(f"tune needs torch: {error}") from None
    begin = time.monotonic()
    method = method_of(arguments)
    clock = make_clock(method) if method else None
    machine = describe_machine()
    gpu = chip_name(machine["gpu"])
    print(f"{machine['gpu']} ({gpu}), driver {machine['driver']}", flush=True)
    watch = []

    def new_meter(shape):
        for timer in watch:
            timer.cancel()
        watch[:] = [threading.Timer(HANG_SECONDS, _give_up, [shape])]
        watch[0].daemon = True
        watch[0].start()
        if method:
            return MethodMeter(shape, arguments.seed, method, clock)
        return Meter(shape, arguments.seed)

    tuning = Tuning(
        list_shapes(arguments, gpu),
        gpu,
        settings_of(method, lead_of(arguments)),
        new_meter,
        arguments.image,
        arguments.database,
        method,
    )
    if arguments.missing:
        tuning.skip_known()
    tuning.run(None if arguments.seconds is None else begin + arguments.seconds)
    for timer in watch:
        timer.cancel()
    print(f"{summary(tuning)}\n{time.monotonic() - begin:.0f} s")
    if arguments.report:
        date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        lines = report.lines_of(tuning.results, method)
        jsonfile.write(arguments.report, report.to_json(machine, date, lines))
    return 1 if tuning.failed else 0
