"""The configurations that must be right on a GPU.

A case is a problem (what is compiled, B and L dynamic), the sizes of one call,
and how the tensors lie in memory; some have a schedule that the compiler would
not choose by itself.
"""

from __future__ import annotations

from ..problem import ACTIVATION_NAMES, Problem, presets
from . import projections
from .case import Case

TOKENS = (1, 17, 128, 1000, 4096)


def cases() -> list:
    """Every case of the validation, in the order that it runs."""
    models = {name: presets[name] for name in presets}
    found = [
        Case(f"{name}/{tokens}", problem, tokens, quick=tokens in (17, 1000))
        for name, problem in models.items()
        for tokens in TOKENS
    ]
    found += _variants("370m", models["370m"])
    found += _variants("128m", models["128m"])
    found += _shapes()
    found += _splits(models)
    found += _ranges(models)
    found += _pushes(models)
    found += _exchanged(models)
    found += _early(models)
    found += _scaled_sums(models)
    found += _held(models)
    found += _shared(models)
    found += projections.cases()
    assert len({c.name for c in found}) == len(found)
    return found


def _variants(name, base):
    """Operands left out, activations, types and layouts of one model."""
    small = base.replace(subnetworks=3)
    tokens = 1000

    def case(suffix, problem=small, **options):
        options.setdefault("tokens", tokens)
        return Case(f"{name}-e3/{suffix}", problem, **options)

    yield case("no-router", small.replace(router=False), quick=True)
    yield case("no-up", small.replace(up=False), quick=True)
    yield case("no-up-no-router", small.replace(up=False, router=False))
    for activation in ACTIVATION_NAMES:
        problem = small.replace(activation=activation)
        yield case(activation, problem, scaled=True, quick=True)
    yield case("gelu-normal", small.replace(activation="gelu"))
    yield case("f16", small.replace(dtype="f16"), scaled=True, quick=True)
    yield case("tokens-layout", layout="tokens", quick=True)
    yield case("layer-weights", weights="layer")
    yield case("layer", layout="tokens", weights="layer", quick=True)
    yield case("padded", layout="tokens", weights="layer", padded=True, quick=True)
    yield case("batch-3", tokens=333, batch=3)
    yield case("batch-3-layer", tokens=333, batch=3, layout="tokens", weights="layer")
    yield case("batch-2-one-token", tokens=1, batch=2)
    yield Case(f"{name}/layer-4096", base, 4096, layout="tokens", weights="layer")


def _shapes():
    """Head widths, grouped heads, tails of the d_ff tile and of the token tile."""
    base = Problem(heads=4, groups=4, head_dim=128, subnetworks=3, subnetwork_width=256)
    for d in (64, 96, 128, 256):
        wide = base.replace(head_dim=d)
        yield Case(f"d{d}/bf16", wide, 300, quick=True)
        yield Case(f"d{d}/f16", wide.replace(dtype="f16"), 300, scaled=True)
        grouped = wide.replace(heads=6, groups=2)
        yield Case(f"d{d}/grouped", grouped, 200, batch=2, layout="tokens", weights="layer")
        narrow = wide.replace(subnetwork_width=200)
        yield Case(f"d{d}/f200", narrow, 257)
    for d in (16, 48, 80, 160, 192):
        yield Case(f"d{d}/bf16", base.replace(head_dim=d), 200)
    yield Case("d128/f32-out", base.replace(out_dtype="f32"), 300, layout="tokens")
    yield Case("d128/one-group", base.replace(heads=8, groups=1), 129)
    yield Case("d128/f192", base.replace(subnetwork_width=192), 127)
    yield Case("d128/f72", base.replace(subnetwork_width=72), 64, quick=True)
    yield Case("d128/f40", base.replace(subnetwork_width=40), 65)
    yield Case("d128/e1", base.replace(subnetworks=1), 130)
    yield Case("d256/no-up", base.replace(head_dim=256, up=False), 300)
    yield Case("d64/no-up-no-router", base.replace(head_dim=64, up=False, router=False), 300)


#: Tiles of 64 and of 128 tokens whose sum several blocks share.
_SPLIT_64 = "token_tile = 64, dff_tile = 64, consumers = 1, registers = [248, 248]"
_SPLIT_128 = "token_tile = 128, dff_tile = 64, consumers = 2, registers = [40, 232]"
#: The loop of many tokens in pieces.
_SPLIT_WIDE = "token_tile = 128, dff_tile = 128, overlap = true"


def _splits(models):
    """d_ff split over blocks: few tokens, where all blocks run at once and wait
    for one another, and many, where they do not."""

    def case(name, problem, tokens, split, tile=_SPLIT_64, stages=2, **options):
        schedule = f"{tile}, stages = [{stages}, {stages}, {stages}], split = {split}"
        return Case(f"split/{name}", problem, tokens, schedule=schedule, **options)

    for tokens in (1, 8, 17, 64, 100, 128, 256, 1000):
        quick = tokens in (1, 100, 1000)
        yield case(f"370m-{tokens}", models["370m"], tokens, 8, quick=quick)
    for tokens in (1, 17, 64):
        yield case(f"370m-deep-{tokens}", models["370m"], tokens, 16, stages=4)
        yield case(f"1.3b-{tokens}", models["1.3b"], tokens, 8, stages=4)
        yield case(f"128m-{tokens}", models["128m"], tokens, 16, stages=4)
    for tokens in (100, 128, 256, 1000):
        yield case(f"1.3b-wide-{tokens}", models["1.3b"], tokens, 8, _SPLIT_128)
    small = models["370m"].replace(subnetworks=3)
    layer = dict(layout="tokens", weights="layer")
    yield case("uneven", small.replace(subnetwork_width=200), 77, 7, quick=True)
    yield case("all-steps", small, 33, 12)
    yield case("no-up", small.replace(up=False), 100, 5)
    yield case("no-router", small.replace(router=False), 100, 5)
    yield case("gelu", small.replace(activation="gelu"), 100, 5, scaled=True)
    yield case("f16", small.replace(dtype="f16"), 100, 5, scaled=True)
    yield case("f32-out", small.replace(out_dtype="f32"), 100, 5)
    yield case("padded", small, 100, 5, padded=True, **layer)
    yield case("batch-3", small, 70, 3, _SPLIT_128, batch=3, **layer)
    yield case("one-group", small.replace(groups=1), 65, 4)
    early = f"{_SPLIT_64}, programmatic = true"
    for tokens in (1, 100):
        yield case(f"early-{tokens}", models["370m"], tokens, 16, early, 4, quick=True)
    yield case("early-wide", models["128m"], 200, 8, f"{_SPLIT_128}, programmatic = true")
    yield case("d96", small.replace(head_dim=96), 65, 4, _SPLIT_128)
    # Few units of a tile, dealt out to as many pieces and to more; d_ff in 12 steps.
    for d, split in ((16, 3), (32, 4), (80, 7), (256, 2)):
        yield case(f"shares-d{d}", small.replace(head_dim=d), 150, split, quick=d in (16, 80))
    for name, tokens, split in (("370m", 512, 4), ("128m", 512, 4), ("1.3b", 512, 2)):
        yield case(f"overlap-{name}-{tokens}", models[name], tokens, split, _SPLIT_WIDE, quick=True)
    yield case("overlap-uneven", small.replace(subnetwork_width=200), 777, 5, _SPLIT_WIDE)
    halved = f"{_SPLIT_WIDE}, halve_q = true, producers = 2"
    yield case("overlap-halved", models["128m"], 1000, 3, halved, quick=True)
    yield case("overlap-no-up", small.replace(up=False), 300, 3, f"{_SPLIT_64}, overlap = true")
    for name, tokens in (("370m", 200), ("1.3b", 256)):
        shared = f"{_SPLIT_64}, overlap = true, cluster = 2"
        yield case(f"cluster-{name}-{tokens}", models[name], tokens, 4, shared, 3, quick=True)
    shared = f"{_SPLIT_128}, overlap = true, cluster = 2"
    yield case("cluster-waves", models["128m"], 1000, 4, shared)
    twice = "token_tile = 64, dff_tile = 64, consumers = 1, registers = [24, 232], overlap = true"
    yield case("two-blocks", models["370m"], 256, 8, twice, quick=True)
    early = f"{_SPLIT_64}, overlap = true, programmatic = true"
    yield case("cluster-early", models["128m"], 300, 2, f"{early}, cluster = 2")
    yield case("overlap-early", models["370m"], 100, 8, early)
    paced = f"{_SPLIT_128}, overlap = true, paced = true"
    yield case("paced", models["370m"], 512, 4, paced, 3, quick=True)
    early = f"{paced}, programmatic = true"
    yield case("paced-early", models["128m"], 500, 4, early, 3, quick=True)
    yield case("paced-cluster", models["1.3b"], 256, 4, f"{paced}, cluster = 2", 3)
    yield case("paced-deep", models["370m"], 33, 11, f"{_SPLIT_64}, paced = true", 4)


def _ranges(models):
    """One artifact for any number of tokens: counts that take most of its variants,
    and batches that are one sequence in memory, or are not."""
    for name, problem in models.items():
        for tokens in (1, 64, 65, 200, 384, 500, 700, 1000, 2100, 4096):
            quick = name == "370m" and tokens in (1, 65, 500)
            yield Case(f"range/{name}-{tokens}", problem, tokens, max_variants=8, quick=quick)
    for suffix, options in (
        ("one-token-each", dict(tokens=1, batch=64)),
        ("layer", dict(tokens=13, batch=5, layout="tokens", weights="layer")),
        ("apart", dict(tokens=13, batch=5)),
        ("padded", dict(tokens=70, batch=3, layout="tokens", padded=True)),
    ):
        yield Case(f"range/370m-{suffix}", models["370m"], max_variants=8, **options)


def _pushes(models):
    """Pieces that form a cluster and push their sums, in one wave of clusters and in
    several."""

    def case(name, problem, tokens, split, tile=_SPLIT_64, stages=3, **options):
        schedule = f"{tile}, stages = [{stages}, {stages}, {stages}], split = {split}, push = true"
        return Case(f"push/{name}", problem, tokens, schedule=schedule, **options)

    early = f"{_SPLIT_64}, programmatic = true"
    for tokens in (1, 8, 17, 64, 100, 1000):
        quick = tokens in (1, 100)
        yield case(f"370m-{tokens}", models["370m"], tokens, 8, quick=quick)
    for tokens in (1, 17, 64):
        quick = tokens == 17
        yield case(f"370m-early-{tokens}", models["370m"], tokens, 8, early, quick=quick)
        yield case(f"1.3b-{tokens}", models["1.3b"], tokens, 6, early)
        yield case(f"128m-{tokens}", models["128m"], tokens, 8, early, stages=4)
    # More blocks to a cluster than every GPU has.
    yield case("370m-16", models["370m"], 9, 16, quick=True)
    yield case("128m-11", models["128m"], 70, 11)
    small = models["370m"].replace(subnetworks=3)
    layer = dict(layout="tokens", weights="layer")
    for tokens in (1, 100, 256):
        yield case(f"wide-{tokens}", models["1.3b"], tokens, 6, _SPLIT_128, 2)
    yield case("uneven", small.replace(subnetwork_width=200), 77, 7, quick=True)
    yield case("no-up", small.replace(up=False), 100, 5)
    yield case("no-router", small.replace(router=False), 100, 5)
    yield case("gelu", small.replace(activation="gelu"), 100, 5, scaled=True)
    yield case("f16", small.replace(dtype="f16"), 100, 5, scaled=True)
    yield case("f32-out", small.replace(out_dtype="f32"), 100, 5)
    yield case("padded", small, 100, 5, padded=True, **layer)
    yield case("batch-3", small, 70, 3, _SPLIT_128, 2, batch=3, **layer)
    yield case("one-group", small.replace(groups=1), 65, 4)
    yield case("overlap", models["370m"], 100, 8, f"{_SPLIT_64}, overlap = true")
    wide = f"{_SPLIT_128}, overlap = true"
    for tokens in (512, 1000, 1024):
        yield case(f"pairs-{tokens}", models["128m"], tokens, 2, wide, quick=tokens == 1000)
    early = f"{wide}, programmatic = true, paced = true"
    yield case("pairs-early", models["370m"], 1024, 2, early, 2, quick=True)
    for d, split in ((16, 5), (80, 11), (48, 4)):
        yield case(f"shares-d{d}", small.replace(head_dim=d), 150, split, quick=d == 80)
    for d in (64, 96, 256):
        yield case(f"d{d}", small.replace(head_dim=d), 65, 4, stages=1)


def _early(models):
    """Whole sums and two producers that start before the kernel in front has ended."""

    def case(name, problem, tokens, schedule, **options):
        schedule = f"{schedule}, programmatic = true"
        return Case(f"early/{name}", problem, tokens, schedule=schedule, **options)

    small = models["370m"].replace(subnetworks=3)
    overlap = "overlap = true"
    for name, tokens in (("128m", 2048), ("370m", 1000), ("1.3b", 1024)):
        yield case(name, models[name], tokens, overlap, quick=name == "128m")
    tiles = f"{overlap}, persistent = true, producers = 2, fuse_tiles = true, halve_q = true"
    yield case("tiles", models["128m"], 4096, tiles, quick=True)
    yield case("persistent", models["370m"], 2100, f"{overlap}, persistent = true")
    yield case("cluster", models["370m"], 1000, f"{overlap}, cluster = 2", quick=True)
    yield case("two-producers", models["370m"], 500, f"{overlap}, split = 4, producers = 2")
    yield case("one-step", small.replace(subnetworks=1, subnetwork_width=64), 300, "dff_tile = 64")
    layer = dict(layout="tokens", weights="layer", batch=3)
    yield case("layer", small, 333, overlap, **layer)
    wide = small.replace(head_dim=256, out_dtype="f32")
    yield case("d256", wide, 300, "dff_tile = 32, stages = [1, 1, 1], registers = [40, 232]")
    exchanged = f"token_tile = 16, {_EXCHANGED}, {overlap}"
    yield case("exchanged", models["128m"], 13, exchanged, quick=True)


#: Tiles of tokens that are columns of the products.
_EXCHANGED = "dff_tile = 64, consumers = 1, exchange = true"


def _exchanged(models):
    """Exchanged roles: tokens of one tile and of several, full tiles and not."""

    def case(name, problem, tokens, tile=8, split=8, stages=4, more="", **options):
        schedule = (
            f"token_tile = {tile}, {_EXCHANGED}, stages = [{stages}, {stages}, {stages}], "
            f"split = {split}{more}"
        )
        return Case(f"exchanged/{name}", problem, tokens, schedule=schedule, **options)

    for model in models:
        for tokens, tile in ((1, 8), (8, 8), (13, 16), (16, 16), (32, 32)):
            quick = tokens in (8, 13)
            yield case(f"{model}-{tokens}", models[model], tokens, tile, quick=quick)
    small = models["370m"].replace(subnetworks=3)
    layer = dict(layout="tokens", weights="layer")
    yield case("one-token-batch", models["370m"], 1, split=2, batch=13, quick=True)
    yield case("many-tiles", small, 77, split=5)
    yield case("whole", small, 13, split=1, quick=True)
    yield case("whole-f32-out", small.replace(out_dtype="f32"), 13, 16, split=1)
    yield case("uneven", small.replace(subnetwork_width=200), 9, 16, split=7, quick=True)
    yield case("short", small.replace(subnetwork_width=40), 9, split=3)
    yield case("no-up", small.replace(up=False), 13, 16, split=5)
    yield case("no-router", small.replace(router=False), 13, 16, split=5)
    yield case("gelu", small.replace(activation="gelu"), 13, 16, split=5, scaled=True)
    yield case("f16", small.replace(dtype="f16"), 13, 16, split=5, scaled=True)
    yield case("padded", small, 30, 32, split=5, padded=True, batch=2, **layer)
    yield case("one-group", small.replace(groups=1), 8, split=4)
    for d in (16, 48, 64, 96, 112, 256):
        yield case(f"d{d}", small.replace(head_dim=d), 13, 16, split=4, stages=2, quick=d == 96)
    overlap = ", overlap = true"
    for model in models:
        for tokens, tile in ((1, 8), (16, 16), (32, 32)):
            name, quick = f"{model}-{tokens}-overlap", tokens == 16
            yield case(name, models[model], tokens, tile, more=overlap, quick=quick)
    yield case("uneven-overlap", small.replace(subnetwork_width=200), 9, 16, split=7, more=overlap)
    yield case("no-up-overlap", small.replace(up=False), 13, 16, split=5, more=overlap)
    yield case("whole-overlap", small, 13, split=1, more=overlap)
    push = ", push = true, registers = [40, 240]"
    for tokens, tile in ((1, 8), (13, 8), (16, 16), (32, 32)):
        name, quick = f"push-{tokens}", tokens in (1, 13)
        yield case(name, models["370m"], tokens, tile, more=push, quick=quick)
    yield case("push-early-8", models["128m"], 8, more=push + overlap + ", programmatic = true")
    yield case("push-1.3b", models["1.3b"], 16, 16, split=6, more=push + overlap)
    yield case("push-d96", small.replace(head_dim=96), 9, split=5, more=push, quick=True)
    yield case("push-batch", small, 1, split=3, more=push, batch=13)
    early = ", programmatic = true"
    for tokens, more in ((1, early), (16, early + overlap)):
        yield case(f"early-{tokens}", models["370m"], tokens, 16, more=more, quick=True)


def _scaled_sums(models):
    """R on the sum of each sub-network: many tiles, one step and several for each
    sub-network, pieces that end inside of one; and late columns."""
    many = "overlap = true, persistent = true, producers = 2, fuse_tiles = true, halve_q = true"
    three = "token_tile = 192, consumers = 3, registers = [24, 160], dff_tile = 64"
    small = models["370m"].replace(subnetworks=3, head_dim=64)

    def case(name, tokens=1000, problem=small, schedule=many, **options):
        text = f"{schedule}, scale_sums = true"
        return Case(f"sums/{name}", problem, tokens, schedule=text, **options)

    yield case("d64", problem=models["370m"].replace(head_dim=64, heads=32, groups=32), quick=True)
    yield case("d64-three", schedule=f"{three}, {many}", quick=True)
    yield case("d64-steps", schedule=f"dff_tile = 64, {many}")
    yield case("d64-one-step", problem=small.replace(subnetwork_width=128))
    yield case("uneven", 333, small.replace(subnetwork_width=200), f"dff_tile = 64, {many}")
    yield case("e1", 130, small.replace(subnetworks=1))
    yield case("no-up", 300, small.replace(up=False))
    yield case("no-router", 300, small.replace(router=False))
    yield case("f16", 300, small.replace(dtype="f16"), scaled=True, quick=True)
    yield case("f32-out", 300, small.replace(out_dtype="f32"), f"registers = [40, 232], {many}")
    layer = dict(layout="tokens", weights="layer", padded=True)
    yield case("padded", 70, batch=3, **layer)
    yield case("sequential", 70, schedule="dff_tile = 64")
    yield case("cluster", 1000, schedule=f"dff_tile = 64, {many}, cluster = 2")
    for d in (32, 96, 128):
        yield case(f"d{d}", 500, small.replace(head_dim=d), f"dff_tile = 64, {many}")
    for split in (4, 5):
        yield case(f"split-{split}", 100, schedule=f"{_SPLIT_64}, overlap = true, split = {split}")
    ahead = f"{_SPLIT_128}, overlap = true, split = 2"
    # More sub-networks to a piece than there are registers for their R.
    deep = small.replace(subnetworks=120, subnetwork_width=64, head_dim=128)
    yield case("split-ahead", 100, deep, ahead, quick=True)
    yield case("push", 70, schedule=f"{_SPLIT_64}, split = 5, push = true", quick=True)
    yield case("late", schedule=f"{many}, late_columns = 64", quick=True)
    yield case("late-three", schedule=f"{three}, {many}, late_columns = 48", quick=True)
    narrow = small.replace(subnetwork_width=200)
    yield case("late-uneven", 333, narrow, f"{many}, late_columns = 24")
    for activation in ("gelu", "relu2"):
        problem = small.replace(activation=activation)
        yield case(f"late-{activation}", 300, problem, f"{many}, late_columns = 64", scaled=True)


def _held(models):
    """Q in registers: slots of every width of a panel, tiles that end under the next,
    pieces, clusters, tokens that leave rows over."""
    many = "overlap = true, persistent = true, producers = 2, fuse_tiles = true"
    small = models["370m"].replace(subnetworks=3)

    def case(name, tokens=333, problem=small, schedule=f"dff_tile = 64, {many}", **options):
        text = f"{schedule}, hold_q = true"
        return Case(f"held/{name}", problem, tokens, schedule=text, **options)

    for d in (16, 32, 48, 64, 96, 128, 192):
        yield case(f"d{d}", problem=small.replace(head_dim=d), quick=d in (32, 48, 96))
    yield case("halved", 1000, models["128m"], f"{many}, halve_q = true", quick=True)
    # The slot of Q is filled again while others still read it, if nothing forbids that.
    narrow = small.replace(head_dim=64)
    yield case("halved-tiles", 5000, narrow, f"dff_tile = 64, {many}, halve_q = true", quick=True)
    yield case("many-tiles", 5000, small.replace(head_dim=64), many)
    yield case("f16", problem=small.replace(dtype="f16"), scaled=True)
    yield case("padded", 70, batch=3, layout="tokens", weights="layer", padded=True)
    one = "token_tile = 64, dff_tile = 64, consumers = 1, registers = [24, 232]"
    yield case("one-consumer", schedule=one, quick=True)
    yield case("cluster", schedule=f"dff_tile = 64, {many}, cluster = 2")
    sums = f"{many}, scale_sums = true, late_columns = 64"
    yield case("late-sums", problem=small.replace(head_dim=64), schedule=sums)
    for name, keys in (("split", "split = 4"), ("push", "split = 3, push = true")):
        yield case(name, 100, schedule=f"{_SPLIT_128}, overlap = true, {keys}", quick=True)
    early = f"{_SPLIT_128}, overlap = true, split = 3, paced = true, programmatic = true"
    yield case("early", 100, schedule=early, quick=True)


def _shared(models):
    """Tiles that blocks share: parts of 2 to 5 blocks, one tile left and nearly a wave of
    them, tokens that leave rows over, kernels that pipeline and that do not."""
    many = "overlap = true, persistent = true, producers = 2, fuse_tiles = true, halve_q = true"
    small = models["370m"].replace(subnetworks=3)

    def case(name, tokens=5000, problem=small, schedule=f"dff_tile = 64, {many}", **options):
        text = f"{schedule}, stream_k = true"
        return Case(f"shared/{name}", problem, tokens, schedule=text, **options)

    for d in (16, 64, 96, 128, 192, 256):
        stages = ", stages = [2, 1, 2]" if d == 256 else ""
        problem = small.replace(head_dim=d)
        yield case(f"d{d}", problem=problem, schedule=f"dff_tile = 64, {many}{stages}", quick=d == 96)
    for tokens in (2200, 3000, 4300):
        yield case(f"tokens-{tokens}", tokens, quick=tokens == 2200)
    pairs = f"dff_tile = 64, cluster = 2, {many}"
    for d in (64, 96, 128):
        problem = small.replace(head_dim=d)
        yield case(f"cluster-d{d}", problem=problem, schedule=pairs, quick=d == 128)
    for tokens in (2200, 4300):
        yield case(f"cluster-{tokens}", tokens, schedule=pairs)
    yield case("one-left", 17025, small.replace(heads=1, groups=1))
    yield case("no-up", problem=small.replace(up=False))
    yield case("no-router", problem=small.replace(router=False))
    yield case("f16", problem=small.replace(dtype="f16"), scaled=True, quick=True)
    wide = f"dff_tile = 64, registers = [40, 232], {many}"
    yield case("f32-out", problem=small.replace(out_dtype="f32"), schedule=wide, quick=True)
    layer = dict(layout="tokens", weights="layer", padded=True)
    yield case("padded", 1666, batch=3, **layer)
    yield case("uneven", problem=small.replace(subnetwork_width=200))
    yield case("gelu", problem=small.replace(activation="gelu"), scaled=True)
    late = f"dff_tile = 64, {many}, late_columns = 32, hold_q = true"
    yield case("late-held", problem=small.replace(head_dim=64), schedule=late)
    one = "token_tile = 64, dff_tile = 64, consumers = 1, registers = [40, 232]"
    yield case("sequential", schedule=f"{one}, persistent = true", quick=True)
    yield case("early", schedule=f"dff_tile = 64, {many}, programmatic = true", quick=True)
    yield case("cluster-early", schedule=f"{pairs}, programmatic = true", quick=True)
    yield case("370m", 16384, models["370m"], many)


def sanitizer_cases() -> list:
    """Small ones for compute-sanitizer, each launched once."""
    base = Problem(heads=2, groups=1, head_dim=64, subnetworks=2, subnetwork_width=136)
    layer = dict(layout="tokens", weights="layer")
    found = [
        Case(f"sanitizer/d{d}", base.replace(head_dim=d), 150, batch=2, **layer)
        for d in (64, 96, 128, 256)
    ]
    found += [
        Case(f"sanitizer/{activation}", base.replace(activation=activation), 40, scaled=True)
        for activation in ACTIVATION_NAMES
    ]
    found += [
        # Batches: one token has too few outputs for a limit on their error.
        Case("sanitizer/one-token", base, 1, batch=16),
        Case("sanitizer/two-tiles", base.replace(head_dim=128, subnetwork_width=256), 257),
        Case("sanitizer/padded", base, 70, padded=True, **layer),
        Case("sanitizer/no-up", base.replace(up=False), 70),
        Case("sanitizer/no-router", base.replace(router=False), 70),
        Case("sanitizer/f16", base.replace(dtype="f16"), 70, scaled=True),
        Case("sanitizer/split", base, 70, schedule=f"{_SPLIT_64}, split = 5", **layer),
        Case("sanitizer/split-128", base, 1, batch=16, schedule=f"{_SPLIT_128}, split = 4"),
        Case("sanitizer/split-overlap", base, 70, schedule=f"{_SPLIT_WIDE}, split = 2"),
        Case("sanitizer/early", base, 9, schedule=f"{_SPLIT_64}, split = 5, programmatic = true"),
        Case("sanitizer/split-cluster", base, 150, schedule=f"{_SPLIT_64}, split = 2, cluster = 2"),
        Case(
            "sanitizer/paced",
            base,
            150,
            schedule=f"{_SPLIT_WIDE}, split = 2, paced = true, programmatic = true",
        ),
        Case("sanitizer/push", base, 70, schedule=f"{_SPLIT_64}, split = 5, push = true", **layer),
        Case(
            "sanitizer/push-128",
            base,
            1,
            batch=16,
            schedule=f"{_SPLIT_128}, split = 4, push = true",
        ),
        Case(
            "sanitizer/push-early",
            base,
            9,
            schedule=f"{_SPLIT_64}, split = 6, programmatic = true, push = true",
        ),
        Case(
            "sanitizer/early-whole",
            base,
            150,
            schedule=f"{_SPLIT_WIDE}, persistent = true, fuse_tiles = true, programmatic = true",
            **layer,
        ),
        Case("sanitizer/exchanged", base, 9, schedule=f"token_tile = 8, {_EXCHANGED}, split = 5"),
        Case(
            "sanitizer/exchanged-d96",
            base.replace(head_dim=96),
            30,
            schedule=f"token_tile = 32, {_EXCHANGED}",
            **layer,
        ),
        Case(
            "sanitizer/scale-sums",
            base.replace(subnetwork_width=256),
            300,
            schedule="overlap = true, persistent = true, fuse_tiles = true, scale_sums = true",
        ),
        Case(
            "sanitizer/held",
            base.replace(head_dim=96),
            300,
            schedule="dff_tile = 64, overlap = true, persistent = true, fuse_tiles = true, "
            "halve_q = true, hold_q = true",
            **layer,
        ),
        Case(
            "sanitizer/held-push",
            base.replace(head_dim=32),
            70,
            schedule=f"{_SPLIT_64}, split = 5, push = true, hold_q = true",
        ),
        Case(
            "sanitizer/shared",
            base.replace(head_dim=32),
            4480,
            schedule="token_tile = 64, dff_tile = 16, consumers = 1, overlap = true, "
            "persistent = true, fuse_tiles = true, stream_k = true",
        ),
        Case(
            "sanitizer/shared-cluster",
            base.replace(head_dim=32),
            4480,
            schedule="token_tile = 64, dff_tile = 16, consumers = 1, overlap = true, "
            "persistent = true, fuse_tiles = true, stream_k = true, cluster = 2",
        ),
        Case(
            "sanitizer/shared-cluster-early",
            base.replace(head_dim=32),
            4480,
            schedule="token_tile = 64, dff_tile = 16, consumers = 1, overlap = true, "
            "persistent = true, fuse_tiles = true, stream_k = true, cluster = 2, "
            "programmatic = true",
        ),
        # More blocks than run at once.
        Case("sanitizer/range", base, 40, batch=3, max_variants=8),
        Case("sanitizer/split-waves", base, 1300, batch=2, schedule=f"{_SPLIT_64}, split = 6"),
    ]
    return found + projections.sanitizer_cases()
