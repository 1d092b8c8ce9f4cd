"""The projections that must be right on a GPU."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Optional

from ..projection import _source
from .case import Build, schedule_text

#: Largest relative Frobenius error against float64. The sum is rounded once, by up to
#: 2^-9 (bf16) or 2^-12 (f16) of an element; one of f32 has only the order of its sums,
#: in which the matrix units keep a few bits less.
ERROR_LIMIT = {"bf16": 2.0e-3, "f16": 2.5e-4, "f32": 2.0e-5}

#: Name of a model -> its width.
WIDTHS = {"128m": 768, "370m": 1024, "1.3b": 2048}
TOKENS = (1, 17, 64, 100, 256, 512, 1024)


@dataclasses.dataclass(frozen=True)
class Projection:
    """X [B,G,L,K], W [H,G,N,K], out [B,H,L,N]; B and L of None are left to the call."""

    heads: int
    groups: int
    columns: int
    depth: int
    dtype: str = "bf16"
    out_dtype: str = "bf16"
    batch: Optional[int] = None
    tokens: Optional[int] = None

    argument_names = ("x", "w", "out")

    def flops(self, batch, tokens) -> int:
        return 2 * batch * self.heads * tokens * self.columns * self.groups * self.depth

    def asdict(self) -> dict:
        return dataclasses.asdict(self)

    def source(self) -> str:
        """The MLIR module whose function @project is this problem."""
        b, n = ("?" if size is None else size for size in (self.batch, self.tokens))
        shapes = (
            (b, self.groups, n, self.depth),
            (self.heads, self.groups, self.columns, self.depth),
            (b, self.heads, n, self.columns),
        )
        kinds = self.dtype, self.dtype, self.out_dtype
        return _source(*(SimpleNamespace(shape=s, dtype=k) for s, k in zip(shapes, kinds)))


@dataclasses.dataclass(frozen=True)
class ProjectionCase:
    """One configuration of a projection.

    layout: how X and the output lie: "heads" as their shapes say, "tokens" as [B,L,G,K]
    and [B,L,H,N]. weights: "groups" as its shape says, "layer" as [H,N,G,K], which
    torch.nn.Linear has. padded, schedule: as for a Case. any_count: compiled for any B
    and L, else for those of the call, as by flashmhf.project. programmatic: where the
    compiler chooses, whether the kernel may start early. W is divided by the root of
    what is summed.
    """

    name: str
    projection: Projection
    tokens: int
    batch: int = 1
    layout: str = "tokens"
    weights: str = "layer"
    padded: bool = False
    quick: bool = False
    schedule: Optional[str] = None
    any_count: bool = False
    programmatic: bool = False

    scaled = True

    @property
    def problem(self) -> Projection:
        if self.any_count:
            return self.projection
        return dataclasses.replace(self.projection, batch=self.batch, tokens=self.tokens)

    @property
    def build(self) -> Build:
        text = schedule_text(self.schedule)
        return Build(self.problem, text, programmatic=self.programmatic)

    @property
    def limit(self) -> float:
        return ERROR_LIMIT[self.projection.out_dtype]

    @property
    def flops(self) -> int:
        return self.projection.flops(self.batch, self.tokens)

    def orders(self) -> dict:
        rows = (0, 2, 1, 3) if self.layout == "tokens" else (0, 1, 2, 3)
        weights = (0, 2, 1, 3) if self.weights == "layer" else (0, 1, 2, 3)
        return dict(x=rows, w=weights, out=rows)

    def shapes(self) -> dict:
        p = self.projection
        return dict(
            x=(self.batch, p.groups, self.tokens, p.depth),
            w=(p.heads, p.groups, p.columns, p.depth),
            out=(self.batch, p.heads, self.tokens, p.columns),
        )

    def kinds(self) -> dict:
        p = self.projection
        return dict(x=p.dtype, w=p.dtype, out=p.out_dtype)

    def scale(self, name) -> float:
        return (self.projection.groups * self.projection.depth) ** -0.5 if name == "w" else 1.0


def _model(width):
    return Projection(heads=width // 64, groups=1, columns=64, depth=width)


#: Tokens as columns of the products, as 64 rows, and as 128 of two consumers.
_EXCHANGED = "consumers = 1, exchange = true, registers = [64, 64], token_tile = "
_ROWS = "token_tile = 64, consumers = 1, registers = [128, 128]"
_WIDE = "token_tile = 128, consumers = 2, registers = [40, 232]"
_EARLY = ", programmatic = true"


def cases() -> list:
    """Every case of the validation, in the order that it runs."""
    found = []
    for name, width in WIDTHS.items():
        for tokens in TOKENS:
            quick = tokens in (17, 100)
            case = ProjectionCase(f"project/{name}-{tokens}", _model(width), tokens, quick=quick)
            early = dataclasses.replace(case, name=f"{case.name}-early", programmatic=True)
            found += [early, case] if tokens in (1, 64, 256) else [early]
    for tokens in (1, 100, 512):
        model = _model(WIDTHS["370m"])
        found.append(ProjectionCase(f"project/any-{tokens}", model, tokens, any_count=True))
    found += _forms()
    found += _shapes()
    return found


def _with(form, stages=2, split=1, push=False, depth=64, more=""):
    """The keys of a schedule."""
    pieces = f", split = {split}" + ", push = true" * push if split > 1 else ""
    stages = f"stages = [{stages}, {stages}, {stages}]"
    return f"{form}, dff_tile = {depth}, {stages}{pieces}{more}"


def _forms():
    """Every form of a schedule: full tiles and others, one wave of blocks and several."""

    def case(name, tokens, schedule, width=1024, **options):
        options.setdefault("any_count", True)
        return ProjectionCase(
            f"project/form-{name}", _model(width), tokens, schedule=schedule, **options
        )

    for tile, tokens in ((8, 5), (16, 16), (32, 30), (32, 333)):
        form = f"{_EXCHANGED}{tile}"
        name, quick = f"{tile}x{tokens}", tokens in (5, 30)
        yield case(f"{name}", tokens, _with(form, 4), quick=quick)
        yield case(f"{name}-early", tokens, _with(form, 3, depth=128, more=_EARLY))
        yield case(f"{name}-push", tokens, _with(form, 2, 4, True), quick=quick)
        early = _with(form, 1, 8, True, 128, _EARLY)
        yield case(f"{name}-push-early", tokens, early, quick=quick)
        yield case(f"{name}-push-known", tokens, early, any_count=False)
        yield case(f"{name}-meet", tokens, _with(form, 2, 3), quick=quick)
    yield case("8-one-token-batch", 1, _with(f"{_EXCHANGED}8", 2, 4, True), batch=13)
    for form, rows, tokens in ((_ROWS, 64, 64), (_ROWS, 64, 70), (_WIDE, 128, 100)):
        name, quick = f"{rows}x{tokens}", tokens != 64
        yield case(f"{name}", tokens, _with(form, 4), quick=quick)
        yield case(f"{name}-early", tokens, _with(form, 3, more=_EARLY))
        yield case(f"{name}-push", tokens, _with(form, 2, 4, True), quick=quick)
        early = _with(form, 2, 3, True, more=_EARLY)
        yield case(f"{name}-push-early", tokens, early, quick=quick)
        yield case(f"{name}-push-known", tokens, early, any_count=False)
        yield case(f"{name}-meet", tokens, _with(form, 2, 4), quick=quick)
        yield case(f"{name}-meet-early", tokens, _with(form, 2, 4, more=_EARLY))
    # Blocks that fetch W together: all tiles of a cluster there, and not.
    for cluster, tokens in ((2, 256), (2, 70), (4, 200), (8, 512)):
        for form, rows in ((f"{_EXCHANGED}32", 32), (_ROWS, 64), (_WIDE, 128)):
            name, quick = f"{rows}x{tokens}-cluster-{cluster}", tokens in (70, 200)
            keys = _with(form, 2, more=f", cluster = {cluster}")
            yield case(name, tokens, keys, quick=quick)
            yield case(f"{name}-early", tokens, f"{keys}{_EARLY}", quick=quick)
    # One step to a piece; more blocks, or clusters of them, than run at once.
    for form, name in ((f"{_EXCHANGED}16", "16"), (_ROWS, "64")):
        yield case(f"{name}-one-step", 50, _with(form, 1, 6, True, 128), 768, quick=True)
        yield case(f"{name}-one-step-meet", 50, _with(form, 1, 12), 768)
    yield case("waves", 3000, _with(_ROWS, 3), quick=True)
    yield case("waves-push", 1500, _with(_ROWS, 2, 8, True))
    yield case("waves-meet", 1500, _with(_ROWS, 2, 8), quick=True)
    yield case("waves-meet-16", 1000, _with(f"{_EXCHANGED}16", 2, 8))
    yield case("waves-cluster", 3000, _with(_ROWS, 3, more=f", cluster = 4{_EARLY}"), quick=True)
    yield case("waves-wide", 3000, _with(_WIDE, 3, more=_EARLY))


def _shapes():
    """Odd sizes, types and layouts, by what the compiler chooses and by given forms."""

    def case(name, sizes, tokens, dtype="bf16", out=None, **options):
        groups, depth, heads, columns = sizes
        p = Projection(heads, groups, columns, depth, dtype, out or dtype)
        return ProjectionCase(f"project/{name}", p, tokens, **options)

    own = dict(layout="heads", weights="groups")
    for columns in (16, 48, 80, 96, 128, 208, 256):
        yield case(f"n{columns}", (2, 96, 6, columns), 77, quick=columns in (48, 208), **own)
    for depth in (16, 48, 80, 336):
        yield case(f"k{depth}", (3, depth, 5, 64), 40, quick=depth == 48)
    yield case("heads", (8, 128, 16, 64), 100, programmatic=True, quick=True)
    yield case("heads-12", (12, 64, 12, 64), 17, programmatic=True)
    yield case("heads-any", (8, 128, 16, 64), 300, any_count=True)
    for dtype in ("bf16", "f16"):
        for out in (dtype, "f32"):
            for tokens in (9, 130):
                name = f"{dtype}-{out}-{tokens}"
                yield case(name, (2, 256, 7, 48), tokens, dtype, out, quick=tokens == 9)
    more = dict(padded=True, batch=3)
    yield case("padded", (4, 80, 6, 64), 23, quick=True, **more)
    yield case("padded-groups", (4, 80, 6, 64), 70, **own, **more)
    yield case("padded-f32", (4, 80, 6, 64), 23, out="f32", quick=True, **more)
    yield case("batch-3", (1, 256, 8, 64), 100, batch=3)
    yield case("batch-one-token", (1, 256, 8, 64), 1, batch=40, programmatic=True)
    # Steps of 48 columns: the last of a group reads behind the end of K.
    odd = (3, 80, 5, 48)
    for rows, form in ((16, f"{_EXCHANGED}16"), (64, _ROWS), (128, _WIDE)):
        for tokens in (13, 150):
            name, quick = f"odd-{rows}x{tokens}", tokens == 13
            schedule = dict(more, any_count=True, schedule=_with(form, 2, 3, True, 48, _EARLY))
            yield case(name, odd, tokens, **schedule)
            yield case(f"{name}-f32", odd, tokens, out="f32", quick=quick, **schedule)
            schedule["schedule"] = _with(form, 3, 2, depth=16)
            yield case(f"{name}-meet", odd, tokens, quick=quick, **schedule)


def sanitizer_cases() -> list:
    """Small ones for compute-sanitizer."""
    p = Projection(heads=3, groups=2, columns=48, depth=160)

    def case(name, tokens, form=None, *arguments, problem=p, **options):
        schedule = _with(form, *arguments) if form else None
        name = f"sanitizer/project-{name}"
        return ProjectionCase(name, problem, tokens, batch=2, schedule=schedule, **options)

    def known(**sizes):
        return dataclasses.replace(p, **sizes)

    return [
        case("chosen", 70),
        case("chosen-one", 1, programmatic=True, problem=known(heads=9)),
        case("padded", 21, padded=True),
        case("f16", 40, problem=known(dtype="f16", out_dtype="f16")),
        case("f32-out", 40, problem=known(out_dtype="f32")),
        case("exchanged", 13, f"{_EXCHANGED}16", 3, 1, False, 32),
        case("exchanged-push", 13, f"{_EXCHANGED}8", 2, 4, True, 32, _EARLY),
        case("exchanged-push-any", 13, f"{_EXCHANGED}32", 2, 4, True, 32, any_count=True),
        case("exchanged-meet", 30, f"{_EXCHANGED}16", 2, 3, False, 32),
        case("rows", 70, _ROWS, 2, 1, False, 32, _EARLY),
        case("rows-push", 70, _ROWS, 2, 4, True, 32, _EARLY, padded=True),
        case("rows-push-one-step", 9, _ROWS, 1, 2, True, 32, problem=known(depth=32)),
        case("rows-meet", 70, _ROWS, 2, 4, False, 32),
        case("wide-push", 150, _WIDE, 2, 3, True, 32, any_count=True),
        case("wide-meet", 150, _WIDE, 2, 3, False, 32, _EARLY),
        case("exchanged-cluster", 40, f"{_EXCHANGED}16", 2, 1, False, 32, ", cluster = 2"),
        case(
            "rows-cluster",
            150,
            _ROWS,
            2,
            1,
            False,
            32,
            f", cluster = 3{_EARLY}",
            problem=known(columns=96),
        ),
        case("waves", 1300, f"{_EXCHANGED}16", 2, 3, False, 32),
    ]
