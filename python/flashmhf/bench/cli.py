"""The options of `python -m flashmhf bench`, and the run that they ask for."""

from __future__ import annotations

import argparse
import datetime
import sys

from .. import jsonfile
from .methods import parse as parse_methods
from .methods import table as method_table
from .models import parse_model, positive
from .plot import to_svg
from .report import Report, from_json, table, to_json
from .schedules import Variant, parse_file, parse_variant
from .sweep_plot import to_svg as sweep_to_svg

MANY, FEW = "4096,16384,65536", "1,8,16,32,64,128,256,512,1024,2048"
SWEEP = ",".join(str(1 << i) for i in range(17))
#: Of a sweep, what is timed by method.
MOST_BY_METHOD = 2048
DESCRIPTION = """Times our kernels beside a bf16 8192^3 cuBLAS product and others, in
shuffled rounds on GPU 0, and checks what they compute. Needs torch. Exit status 0 where
all our kernels were built and everything that ran was right."""


def add_arguments(parser) -> None:
    """The options of the subcommand."""
    parser.add_argument(
        "--model",
        action="append",
        metavar="MODEL",
        help='may be repeated; "370m", "370m,dtype=f16,router=no", '
        '"heads=32,head_dim=64,subnetworks=16,subnetwork_width=256"; default: 370m, 1.3b, 128m',
    )
    parser.add_argument(
        "--tokens",
        help=f"numbers of tokens, default {MANY}, with --method {FEW}",
    )
    parser.add_argument(
        "--sweep",
        action="store_true",
        help="tokens from 1 to 65536 in powers of two; up to 2048 by --method, default C, "
        "above in rounds; without layers unless --layers",
    )
    parser.add_argument(
        "--method",
        metavar="W,R,C,P",
        help="times single calls after 256 MB were written (W) or read (R), and chains of "
        "calls over cold weights without (C) and with programmatic dependent launch (P)",
    )
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--dtype", choices=("bf16", "f16"), help="of models that name none")
    parser.add_argument(
        "--schedule",
        action="append",
        metavar="[NAME:]CHANGES",
        help="also times the kernel of the compiler's schedule with these keys changed, "
        '"cluster = 2, rotate = true"; may be repeated',
    )
    parser.add_argument(
        "--kernel",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="also times a saved PTX or cubin (its contract beside it); may be repeated",
    )
    parser.add_argument(
        "--static", action="store_true", help="compile for the exact B and L, not for any"
    )
    parser.add_argument("--image", choices=("ptx", "cubin"), help="what is loaded")
    parser.add_argument("--rounds", type=int, default=12, help="default %(default)s")
    parser.add_argument(
        "--milliseconds", type=float, default=25, help="of an entry in a round, default %(default)s"
    )
    parser.add_argument(
        "--lead",
        type=float,
        default=200,
        metavar="MILLISECONDS",
        help="of the same entry in front of these, untimed, for the clock to follow its power; "
        "default %(default)s",
    )
    parser.add_argument("--seed", type=int, default=0)
    peers = parser.add_argument_group("opponents")
    peers.add_argument(
        "--layers",
        action=argparse.BooleanOptionalAction,
        help="SwiGLU, of calls timed by --method only with as many weights and compiled, "
        "and our layer",
    )
    peers.add_argument(
        "--few-token-prototype",
        metavar="LIBRARY",
        help="hand-written kernels for few tokens and the floor, for --method",
    )
    peers.add_argument("--triton", metavar="FILE", help="the authors' flash_mlp_moe.py")
    peers.add_argument(
        "--thunderkittens", metavar="LIBRARY", help="their ThunderKittens kernel as tk_fwd"
    )
    peers.add_argument(
        "--thunderkittens-any-length",
        action="store_true",
        help="it takes any L: do not pad to a multiple of 192",
    )
    peers.add_argument(
        "--prototype", metavar="PATH", help="the hand-written kernels: sources or a library"
    )
    parser.add_argument("-o", "--output", help="write the report to this file as JSON")
    parser.add_argument(
        "--append",
        action="store_true",
        help="add to the report in that file, made on the same kind of machine, instead",
    )
    parser.add_argument(
        "--plot",
        metavar="FILE",
        help="draw it to this file as SVG: bars, or with --method or --sweep curves "
        "beside the floor",
    )


def settings_of(arguments):
    """(models, tokens, keywords of suite.Settings). Raises ValueError."""
    models = [parse_model(text) for text in arguments.model or ("370m", "1.3b", "128m")]
    if arguments.dtype:
        for i, model in enumerate(models):
            if "dtype=" not in model.name:
                text = f"{model.name},dtype={arguments.dtype}"
                models[i] = parse_model(text)
    methods = parse_methods(arguments.method) if arguments.method else ""
    if arguments.sweep:
        methods = methods or "C"
    counts = arguments.tokens or (SWEEP if arguments.sweep else FEW if methods else MANY)
    tokens = [positive("--tokens", text) for text in counts.split(",")]
    if methods and arguments.static:
        raise ValueError("--method times kernels for any B and L: leave --static out")
    if arguments.few_token_prototype and not methods:
        raise ValueError("--few-token-prototype needs --method or --sweep")
    variants = [parse_variant(text) for text in arguments.schedule or ()]
    variants += [parse_file(text) for text in arguments.kernel]
    variants.insert(0, Variant("flashmhf"))
    names = [variant.name for variant in variants]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two kernels are called {name!r}")
    if arguments.rounds < 1:
        raise ValueError(f"--rounds is {arguments.rounds}, it must be at least 1")
    if not arguments.milliseconds > 0:
        raise ValueError(f"--milliseconds is {arguments.milliseconds}, it must be positive")
    if not arguments.lead >= 0:
        raise ValueError(f"--lead is {arguments.lead}, it must not be negative")
    return (
        models,
        tokens,
        dict(
            batch=positive("--batch", str(arguments.batch)),
            rounds=arguments.rounds,
            budget=arguments.milliseconds / 1e3,
            lead=arguments.lead / 1e3,
            seed=arguments.seed,
            variants=variants,
            image=arguments.image,
            specialise=arguments.static,
            methods=methods,
            most_by_method=MOST_BY_METHOD if arguments.sweep else None,
        ),
    )


def find_peers(arguments) -> tuple:
    """(name -> function that makes entries, what could not be loaded and why)."""
    from .peers import Unavailable, copy, layer, prototype, swiglu, thunderkittens, triton_kernel

    wanted = {}
    if arguments.prototype:
        wanted["prototype"] = lambda: prototype.maker(arguments.prototype)
    if arguments.thunderkittens:
        any_length = arguments.thunderkittens_any_length
        wanted["ThunderKittens"] = lambda: thunderkittens.maker(
            arguments.thunderkittens, any_length
        )
    if arguments.triton:
        wanted["Triton"] = lambda: triton_kernel.maker(arguments.triton)
    if arguments.sweep:
        wanted["copy"] = lambda: lambda bench: [copy.entry()]
    if arguments.layers if arguments.layers is not None else not arguments.sweep:
        wanted["layer"] = lambda: layer.entries
        wanted["SwiGLU"] = lambda: swiglu.entries
    found, missing = {}, []
    for name, load in wanted.items():
        try:
            found[name] = load()
        except Unavailable as reason:
            missing.append(f"{name} takes no part: {reason}")
    return found, missing


def official_peers(peers) -> dict:
    """Those of find_peers that take part in cases of methods, too."""
    from .peers import swiglu

    found = {name: make for name, make in peers.items() if name != "copy"}
    if "SwiGLU" in found:
        found["SwiGLU"] = swiglu.matched_entries
    return found


def find_method_peers(arguments) -> tuple:
    """find_peers for those that are timed by --method alone."""
    from .peers import Unavailable, few_tokens

    if not arguments.few_token_prototype:
        return {}, []
    try:
        return {few_tokens.NAME: few_tokens.maker(arguments.few_token_prototype)}, []
    except Unavailable as reason:
        return {}, [f"{few_tokens.NAME} takes no part: {reason}"]


def _start_report(arguments, machine, settings):
    """A fresh report, or that of --append. Raises ValueError where that is of another
    machine or method."""
    method = dict(
        rounds=settings.rounds, seconds=settings.budget, lead=settings.lead, seed=settings.seed
    )
    if settings.methods:
        method["single_rounds"] = settings.single_rounds
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    if not arguments.append:
        return Report(now, machine, dict(commands=[sys.argv[1:]], **method))
    if not arguments.output:
        raise ValueError("--append needs --output")
    with open(arguments.output) as file:
        report = from_json(file.read())
    commands = report.settings.pop("commands")
    for old, new in ((report.machine, machine), (report.settings, method)):
        for key, value in new.items():
            if old.get(key) != value:
                raise ValueError(
                    f"{arguments.output} was made with {key} {old.get(key)}, this is {value}"
                )
    report.settings["commands"] = [*commands, sys.argv[1:]]
    report.date = now
    return report


def _say(line):
    print(line, file=sys.stderr, flush=True)


def _run_cases(models, tokens, settings):
    """Lists of cases that belong together."""
    from . import few, suite

    most = settings.most_by_method if settings.methods else 0
    shorter = [n for n in tokens if most is None or n <= most]
    longer = [n for n in tokens if n not in shorter]
    for model in models:
        if shorter:
            yield from few.run([model], shorter, settings, _say)
        if longer:
            yield from ([case] for case in suite.run([model], longer, settings, _say))


def run(arguments) -> int:
    """Runs it; the report is written anew after every case."""
    models, tokens, keywords = settings_of(arguments)
    try:
        from . import gpu, suite
    except ImportError as error:
        raise ValueError(f"bench needs torch: {error}") from None
    peers, missing = find_peers(arguments)
    method_peers, also_missing = find_method_peers(arguments)
    keywords.update(peers=peers, official=official_peers(peers), method_peers=method_peers)
    machine = gpu.describe_machine()
    settings = suite.Settings(gpu=machine["gpu"], **keywords)
    report = _start_report(arguments, machine, settings)
    draw = sweep_to_svg if settings.methods else to_svg
    print(f"{report.machine['gpu']}, driver {report.machine['driver']}", flush=True)
    for line in missing + also_missing:
        print(line, flush=True)
    for cases in _run_cases(models, tokens, settings):
        for case in cases:
            report.add(case)
        print(f"\n{method_table(cases) if cases[0].method else table(*cases)}", flush=True)
        if arguments.output:
            jsonfile.write(arguments.output, to_json(report))
        if arguments.plot:
            jsonfile.write(arguments.plot, draw(report))
    for case, row in report.wrong:
        print(f"WRONG: {row.name}, {case.model}, {case.tokens} tokens: error {row.error:.2e}")
    for case in report.cases:
        for name in case.failed:
            print(f"FAILED: {name}, {case.model}, {case.tokens} tokens")
    return 1 if report.wrong or any(case.failed for case in report.cases) else 0
