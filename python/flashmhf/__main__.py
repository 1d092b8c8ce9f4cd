"""python -m flashmhf: bench, compile, tune, validate, sanitize, record, predict, stale."""

from __future__ import annotations

import argparse
import sys

from . import native
from .bench import cli as bench
from .tune import cli as tune


def _compile(arguments) -> int:
    from .compiler import compile
    from .problem import presets

    if arguments.preset not in presets.NAMES:
        raise ValueError(
            f"preset {arguments.preset!r} is unknown; known are {', '.join(presets.NAMES)}"
        )
    problem = presets[arguments.preset]
    if arguments.dtype:
        problem = problem.replace(dtype=arguments.dtype)
    if arguments.activation:
        problem = problem.replace(activation=arguments.activation)
    if arguments.tokens:
        problem = problem.replace(tokens=arguments.tokens)
    options = {"schedule": arguments.schedule} if arguments.schedule else {}
    artifact = compile(
        problem,
        emit=arguments.emit,
        chip=arguments.chip,
        gpu=arguments.gpu,
        opt_level=arguments.opt_level,
        **options,
    )
    if arguments.output == "-":
        sys.stdout.buffer.write(artifact.data)
    else:
        artifact.save(arguments.output)
    if artifact.ptxas_log:
        print(artifact.ptxas_log, file=sys.stderr, end="")
    return 0


def _validate(arguments) -> int:
    if arguments.sanitize:
        from .validation import sanitize

        image = arguments.image or "ptx"
        return sanitize.run(arguments.filter, arguments.seed, image, arguments.report)
    if native.library().flashmhfCudaAvailable() != native.OK:
        print(f"error: {native.last_error()}", file=sys.stderr)
        return 1
    from .validation import gpu

    return gpu.run(
        arguments.ledger,
        arguments.filter,
        arguments.quick,
        arguments.seed,
        not arguments.no_timing,
        arguments.image,
        arguments.resume,
        arguments.stale,
    )


def _sanitize(arguments) -> int:
    from .validation import sanitize

    return sanitize.run_tools(
        arguments.ledger, arguments.filter, arguments.seed, arguments.image, arguments.seconds
    )


def _record(arguments) -> int:
    from .validation import outputs

    return outputs.record(arguments.output)


def _predict(arguments) -> int:
    from .validation import prediction

    return prediction.run(arguments.ledger)


def _bench(arguments) -> int:
    if native.library().flashmhfCudaAvailable() != native.OK:
        print(f"error: {native.last_error()}", file=sys.stderr)
        return 1
    return bench.run(arguments)


def _tune(arguments) -> int:
    if not arguments.dry_run and native.library().flashmhfCudaAvailable() != native.OK:
        print(f"error: {native.last_error()}", file=sys.stderr)
        return 1
    return tune.run(arguments)


def _stale(arguments) -> int:
    from .validation import ledger, matrix

    rows = ledger.read(arguments.ledger)
    if not rows:
        print(f"{arguments.ledger} is empty: nothing has been validated on a GPU yet")
        return 1
    cases = matrix.cases() + matrix.sanitizer_cases()
    found = ledger.stale(rows, cases)
    for name, reason in found.items():
        print(f"{name}: {reason}")
    print(f"{len(found)} stale, {len(cases)} configurations, {len(rows)} in the ledger")
    return 1 if found else 0


def _parser():
    parser = argparse.ArgumentParser("python -m flashmhf", description="The flashmhf compiler.")
    parser.add_argument("--version", action="store_true", help="print the library's version")
    commands = parser.add_subparsers(metavar="COMMAND")

    c = commands.add_parser("compile", help="compile a preset to PTX or another level")
    c.add_argument("preset", help="128m, 370m or 1.3b")
    c.add_argument("--emit", choices=native.EMITS, default="ptx")
    c.add_argument("--dtype", help="bf16, f16, f32 or f64")
    c.add_argument("--activation")
    c.add_argument("--tokens", type=int, help="L; default: any")
    c.add_argument("--chip", default=None)
    c.add_argument("--gpu", help="GPU to choose schedules for: h100-sxm, h200, h100-pcie or its name")
    c.add_argument("--schedule", help="text of a #flashmhf.schedule<...>")
    c.add_argument("--opt-level", type=int, default=3)
    c.add_argument("-o", "--output", default="-", help="file; the contract goes to FILE.json")
    c.set_defaults(run=_compile)

    b = commands.add_parser(
        "bench", help="time kernels on this machine's GPU", description=bench.DESCRIPTION
    )
    bench.add_arguments(b)
    b.set_defaults(run=_bench)

    t = commands.add_parser(
        "tune", help="find the fastest schedules on this machine's GPU", description=tune.DESCRIPTION
    )
    tune.add_arguments(t)
    t.set_defaults(run=_tune)

    v = commands.add_parser("validate", help="check kernels on this machine's GPU")
    v.add_argument("--ledger", help="JSON file to update")
    v.add_argument("--filter", default="", help="only cases whose name contains this")
    v.add_argument("--quick", action="store_true", help="a third of the cases")
    v.add_argument(
        "--stale", action="store_true", help="only cases that the ledger does not vouch for"
    )
    v.add_argument("--no-timing", action="store_true")
    v.add_argument("--seed", type=int, help="default: a fresh one")
    v.add_argument("--image", choices=("ptx", "cubin"), help="what is loaded")
    v.add_argument(
        "--sanitize",
        action="store_true",
        help="one launch of small cases, without torch, for compute-sanitizer",
    )
    v.add_argument("--report", help="with --sanitize: JSON file for the errors found")
    v.add_argument("--resume", help=argparse.SUPPRESS)  # a process that started itself again
    v.set_defaults(run=_validate)

    z = commands.add_parser("sanitize", help="validate --sanitize under compute-sanitizer")
    z.add_argument("--ledger", help="JSON file to update")
    z.add_argument("--filter", default="", help="only cases whose name contains this")
    z.add_argument("--seed", type=int, help="default: a fresh one")
    z.add_argument("--image", choices=("ptx", "cubin"), default="ptx", help="what is loaded")
    z.add_argument("--seconds", type=float, default=400, help="limit for all tools together")
    z.set_defaults(run=_sanitize)

    r = commands.add_parser("record", help="keep what this machine's GPU computes")
    r.add_argument("output", help="NumPy archive (.npz) to write")
    r.set_defaults(run=_record)

    p = commands.add_parser("predict", help="compare predicted times with a ledger's")
    p.add_argument("--ledger", required=True)
    p.set_defaults(run=_predict)

    s = commands.add_parser(
        "stale",
        help="list configurations that the ledger does not vouch for",
        description="Exit status: 0 for none, 1 for some or an empty ledger.",
    )
    s.add_argument("--ledger", required=True)
    s.set_defaults(run=_stale)
    return parser


def main(argv=None) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        if arguments.version:
            print(native.version())
            return 0
        if not hasattr(arguments, "run"):
            parser.print_help()
            return 2
        return arguments.run(arguments)
    except (ValueError, OSError, native.FlashmhfError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
