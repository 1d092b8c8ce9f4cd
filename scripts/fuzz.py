#!/usr/bin/env python3
"""Feeds mutated programs and pass options to flashmhf-opt. Any output and any
diagnostic will do; a signal or a hang is a finding.

    scripts/fuzz.py [--seconds 600] [--seed 0] [--opt build/bin/flashmhf-opt]
                    [--save DIRECTORY] [--grow]

Seeds are the .mlir tests, kernels made from them, and the programs of
test/fuzz/corpus.txt. A program that brings out a diagnostic not seen before
becomes a seed; with --grow, if it is new to the seeds too, it is kept in the
corpus. Findings are printed, and kept as files with --save. Exit code 1 if there
are any.
"""

import argparse
import math
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "test" / "fuzz" / "corpus.txt"
SEPARATOR = "\n// -----\n"
BATCH = 16  # programs in one process
TIMEOUT = 60  # seconds for one process; a single program takes far less

DYNAMIC = "-9223372036854775808"
NUMBERS = [
    "0", "1", "-1", "2", "7", "8", "16", "17", "48", "64", "128", "129", "256",
    "1000000", "2147483647", "2147483648", "4294967296",
    "9223372036854775807", DYNAMIC, "18446744073709551616",
]  # fmt: skip
WORDS = [
    "bf16", "f16", "f32", "f64", "i8", "index", "?", "tensor", "memref", "vector",
    "silu", "gelu", "relu", "relu2", "sigmoid", "identity", "true", "false", "ins",
    "outs", "up", "router", "schedule", "token_tile", "dff_tile", "stages",
    "consumers", "registers", "cluster", "persistent", "overlap", "transpose_b",
    "acc", "pending", "tiles", "over", "hopper.get", "hopper.put", "hopper.release",
    "hopper.wait", "hopper.wgmma", "hopper.take_turn", "hopper.pass_turn", "split",
    "push", "hopper.push", "hopper.expect", "hopper.await_cluster", "hopper.sum_pushed",
    "programmatic", "flashmhf.pick_variant", "otherwise", "tokens", "tile", "variant",
    "flashmhf.project", "exchange", "rotate", "producers", "fuse_tiles", "halve_q",
    "scale_sums", "late_columns", "turns", "hopper.thread", "warp", "hopper.add_scaled",
    "paced", "hopper.await_first", "shares", "hopper.push_shares", "hopper.sum_pushed_shares",
    "hold_q", "hopper.read", "stream_k", "hopper.work_range", "hopper.work_item", "givers",
    "hopper.leave_part", "hopper.add_parts", "whole", "steps", "resident", "flags",
]  # fmt: skip
SIZES = "batch=1 tokens=65 max-steps=20000"
COMMANDS = [
    ["--flashmhf-to-hopper"],
    ["--flashmhf-to-nvvm"],
    ["--flashmhf-to-cpu"],
    ["--pass-pipeline=builtin.module(func.func(flashmhf-decompose))"],
    ["--pass-pipeline=builtin.module(func.func(flashmhf-tile-tokens,flashmhf-tile-dff))"],
    [f"--flashmhf-emulate={SIZES}"],
    ["--flashmhf-to-hopper", f"--flashmhf-emulate={SIZES}"],
    ["--flashmhf-to-hopper=max-variants=3", f"--flashmhf-emulate={SIZES}"],
    ["--flashmhf-to-hopper=max-variants=3 programmatic=true", f"--flashmhf-emulate={SIZES}"],
]

TOKEN = re.compile(r"\s+|//[^\n]*|-?\d+|%?[\w.$]+|.", re.S)


def seed_programs(opt):
    """Each piece of each test, and the kernels of those that have any."""
    programs = []
    for path in sorted((ROOT / "test").rglob("*.mlir")):
        for piece in re.split(r"^// -----.*$", path.read_text(), flags=re.M):
            text = re.sub(r"^\s*//.*\n", "", piece, flags=re.M).strip()
            # What does not even verify would hide what lies behind the verifier.
            if 0 < len(text) < 8000 and run(opt, [text], []).returncode == 0:
                programs.append(text)
    kernels = {"flashmhf.mhffn": [], "flashmhf.project": []}
    for text in programs:
        for op, found in kernels.items():
            if op in text and len(found) < 20:
                result = run(opt, [text], ["--flashmhf-to-hopper"])
                if result and result.returncode == 0 and len(result.stdout) < 20000:
                    found.append(result.stdout)
    return programs + sum(kernels.values(), [])


def read_corpus():
    text = CORPUS.read_text() if CORPUS.exists() else ""
    return [program for program in text.split(SEPARATOR) if program.strip()]


def diagnostics(result, programs):
    """(program, message) for each error, without the names and numbers in it."""
    ends, line = [], 0
    for program in programs:
        line += program.count("\n") + 2
        ends.append(line)
    for place, message in re.findall(r"^<stdin>:(\d+):\d+: error: (.*)$", result.stderr, re.M):
        plain = re.sub(r"'[^']*'|\"[^\"]*\"|![\w.]+<.*>|#[\w.]+<.*>|\d+", "_", message)
        number = next((i for i, end in enumerate(ends) if int(place) <= end), None)
        if number is not None:
            yield programs[number], plain


def mutate(text, pool, rng):
    if rng.random() < 0.5:  # one size for another, everywhere
        number = rng.choice(re.findall(r"\d+", text) or ["0"])
        other = rng.choice(NUMBERS[:13] + [str(rng.randrange(300))])
        text = re.sub(rf"(?<![\w.%]){number}(?=\D)", other, text)
        text = re.sub(rf"(?<=x){number}(?=x)", other, text)
        if rng.random() < 0.7:
            return text
    tokens = TOKEN.findall(text)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        if not tokens:
            break
        i = rng.randrange(len(tokens))
        kind = rng.randrange(8)
        if kind <= 2:  # a number, where there is one
            places = [j for j, t in enumerate(tokens) if re.fullmatch(r"-?\d+", t)]
            sizes = [j for j, t in enumerate(tokens) if re.fullmatch(r"(\d+x|x)[\w]+", t)]
            if sizes and rng.random() < 0.3:
                j = rng.choice(sizes)
                tokens[j] = re.sub(r"\d+", lambda m: rng.choice(NUMBERS), tokens[j], count=1)
            elif places:
                tokens[rng.choice(places)] = rng.choice(NUMBERS)
        elif kind == 3:
            tokens[i] = rng.choice(WORDS)
        elif kind == 4:
            del tokens[i : i + rng.choice([1, 1, 2, 5])]
        elif kind == 5:
            j = rng.randrange(len(tokens))
            tokens[i], tokens[j] = tokens[j], tokens[i]
        elif kind == 6:  # one value for another
            values = [j for j, t in enumerate(tokens) if t.startswith("%")]
            if values:
                tokens[rng.choice(values)] = tokens[rng.choice(values)]
        else:  # a line dropped, doubled, or taken from another program
            lines = "".join(tokens).split("\n")
            j = rng.randrange(len(lines))
            what = rng.randrange(3)
            if what == 0:
                del lines[j]
            elif what == 1:
                lines.insert(rng.randrange(len(lines)), lines[j])
            else:
                lines.insert(j, rng.choice(rng.choice(pool).split("\n")))
            tokens = TOKEN.findall("\n".join(lines))
    return "".join(tokens)


NEGATIVE = re.compile(r"((?P<name>%[\w.$-]+) *= *arith\.constant )-(\d+ : index)")
APPLY = re.compile(r"(%[\w.$-]+)( *= *affine\.apply\b[^\n]*)")


def without_known(text):
    """MLIR's own parser allocates one entry for each result below %x#N, its verifier
    follows the operands of affine.apply around a circle for ever, its printer looks for
    an operand where a static tile size is the number that stands for a dynamic one, and
    its canonicalizer takes a negative constant for the index of a dimension."""
    text = re.sub(r"#\d{4,}", "#1", text)
    text = re.sub(r"tile_sizes \[[^\]]*\]", lambda m: m[0].replace(DYNAMIC, "1"), text)

    def make_positive(match):
        is_index = re.search(rf"\.dim .*, {re.escape(match['name'])}\b", text)
        return match[1] + match[3] if is_index else match[0]

    text = NEGATIVE.sub(make_positive, text)

    def cut(match):
        region = text[match.start() :].partition("}")[0]
        later = {name for name, _ in APPLY.findall(region)}
        if later & set(re.findall(r"%[\w.$-]+", match[2])):
            return match[1] + "_" + match[2]
        return match[0]

    return APPLY.sub(cut, text)


SHAPE = re.compile(r"(?:tensor|memref)<((?:\d+x)+)")
MOST_ELEMENTS = 1 << 23


def takes_long(text):
    """Whether to emulate it would take a minute: one size for another, everywhere, makes
    tensors of 128x128x128x64."""
    return any(
        math.prod(int(size) for size in shape.split("x")[:-1]) > MOST_ELEMENTS
        for shape in SHAPE.findall(text)
    )


def mutate_options(command, rng):
    """Now and then another value of a pass's option."""
    if rng.random() > 0.1:
        return command
    # A kernel of few steps is emulated for a million tokens, which takes a minute.
    numbers = [number for number in NUMBERS if number != "1000000"]
    return [
        re.sub(r"\d+", lambda m: rng.choice(numbers), c) if "=batch" in c else c
        for c in command
    ]


def run(opt, programs, command):
    """The finished process, or None if it hung."""
    try:
        return subprocess.run(
            [opt, "-", "--split-input-file", *command],
            input=SEPARATOR.join(programs),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return None


def is_finding(result):
    return result is None or result.returncode < 0 or result.returncode > 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--opt", default=str(ROOT / "build" / "bin" / "flashmhf-opt"))
    parser.add_argument("--save", type=Path)
    parser.add_argument("--grow", action="store_true")
    arguments = parser.parse_args()
    os.environ["LLVM_DISABLE_SYMBOLIZATION"] = "1"
    rng = random.Random(arguments.seed)
    corpus = read_corpus()
    pool = seed_programs(arguments.opt)
    seeds = len(pool) + len(corpus)
    seen = set()
    for command in COMMANDS if arguments.grow else []:
        for start in range(0, seeds, BATCH):
            programs = (pool + corpus)[start : start + BATCH]
            result = run(arguments.opt, programs, command)
            if result:
                seen.update(message for _, message in diagnostics(result, programs))
    pool += corpus
    end = time.monotonic() + arguments.seconds
    tried, findings, grown = 0, 0, 0
    while time.monotonic() < end:
        command = mutate_options(rng.choice(COMMANDS), rng)
        programs = [
            without_known(mutate(rng.choice(pool), pool, rng)) for _ in range(BATCH)
        ]
        if any("emulate" in word for word in command):
            programs = [program for program in programs if not takes_long(program)]
        tried += len(programs)
        result = run(arguments.opt, programs, command)
        if not is_finding(result):
            for program, message in diagnostics(result, programs):
                if message in seen or len(program) > 4000:
                    continue
                seen.add(message)
                pool.append(program)
                grown += 1
                if arguments.grow:
                    corpus.append(program)
            continue
        for program in programs:
            result = run(arguments.opt, [program], command)
            if not is_finding(result):
                continue
            findings += 1
            how = "hangs" if result is None else f"exit code {result.returncode}"
            print(f"== finding {findings}: {how}: flashmhf-opt {' '.join(command)}")
            print(program, flush=True)
            if arguments.save:
                arguments.save.mkdir(parents=True, exist_ok=True)
                name = f"seed{arguments.seed}-{findings}.mlir"
                text = f"// RUN: flashmhf-opt {' '.join(command)}\n{program}\n"
                (arguments.save / name).write_text(text)
    if arguments.grow:
        CORPUS.parent.mkdir(parents=True, exist_ok=True)
        CORPUS.write_text(SEPARATOR.join(corpus))
    print(
        f"{tried} programs from {seeds} seeds, {len(seen)} kinds of diagnostics, "
        f"{grown} of them new, {findings} findings"
    )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
