"""Compiles configurations to PTX, assembles them, and reads what ptxas says.

    assemble.py presets|widths|splits|exchanged|early|projections PTXAS DIR

A kernel must assemble without serialised wgmma or ignored setmaxnreg (notes
C75xx), without spills and without a stack frame.
"""

import itertools
import os
import re
import subprocess
import sys

MODULE = """
!q = tensor<{batch}x{heads}x{tokens}x{width}x{dtype}>
!w = tensor<{groups}x2x{dff}x{width}x{dtype}>
!r = tensor<{batch}x{heads}x{tokens}x2xf32>
func.func @ffn({arguments}) -> !q {{
  %zero = arith.constant 0.0 : {dtype}
  %init = linalg.fill ins(%zero : {dtype}) outs(%o : !q) -> !q
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : !q, !w, !w) {up} {router}
      outs(%init : !q) -> !q
  return %0 : !q
}}
"""


def presets():
    """Name and arguments of flashmhf-compile for each shipped preset; with dynamic
    tokens all variants."""
    for preset, dtype, tokens in itertools.product(
            ("128m", "370m", "1.3b"), ("bf16", "f16"), ("dynamic", "512")):
        yield (f"{preset}-{dtype}-{tokens}",
               [f"--preset={preset}", f"--dtype={dtype}", f"--tokens={tokens}"])


def splits():
    """The presets with schedules for few tokens."""
    few = "token_tile = 64, consumers = 1, registers = [248, 248]"
    for preset, tiles, pieces in itertools.product(
            ("128m", "370m", "1.3b"),
            (f"{few}, dff_tile = 64, stages = [2, 2, 2]",
             f"{few}, dff_tile = 64, stages = [4, 4, 4]",
             f"{few}, dff_tile = 64, programmatic = true",
             f"{few}, dff_tile = 64, programmatic = true, overlap = true",
             f"{few}, dff_tile = 64, programmatic = true, push = true",
             "token_tile = 128, dff_tile = 64, overlap = true, registers = [40, 232], push = true",
             "token_tile = 128, dff_tile = 64, registers = [40, 232]",
             f"{few}, dff_tile = 64, cluster = 2, overlap = true",
             "token_tile = 64, consumers = 1, registers = [24, 232], dff_tile = 64",
             "token_tile = 128, overlap = true, registers = [40, 232], cluster = 2",
             "token_tile = 128, overlap = true",
             "token_tile = 128, overlap = true, halve_q = true, producers = 2"),
            (8, 16)):
        name = f"{preset}-{tiles}-{pieces}".replace(" ", "")
        yield name, [
            f"--preset={preset}",
            f"--schedule=#flashmhf.schedule<{tiles}, split = {pieces}>"
        ]
    # Pieces of one step.
    for tiles in ("token_tile = 64, consumers = 1, registers = [248, 248]",
                  "token_tile = 128, registers = [40, 232]"):
        yield f"128m-one-step-{tiles}".replace(" ", ""), [
            "--preset=128m",
            f"--schedule=#flashmhf.schedule<{tiles}, stages = [1, 1, 1], split = 16, push = true>"
        ]
    # Values of R for more sub-networks than there are registers for.
    for tiles in ("registers = [24, 240]", "registers = [40, 232], halve_q = true"):
        yield f"1.3b-{tiles}-2".replace(" ", ""), [
            "--preset=1.3b",
            f"--schedule=#flashmhf.schedule<{tiles}, overlap = true, split = 2>"
        ]


def exchanged():
    """The presets with exchanged roles, and what changes the ends of a tile."""
    for preset, tokens, (pieces, more) in itertools.product(
            ("128m", "370m", "1.3b"), (8, 16, 32),
            ((8, ""), (8, ", overlap = true"),
             (8, ", programmatic = true, overlap = true"), (1, ""),
             (6, ", push = true, registers = [40, 240], overlap = true"),
             (6, ", push = true, registers = [40, 240], programmatic = true"),
             (6, ", push = true, registers = [24, 240], programmatic = true"))):
        yield f"{preset}-{tokens}-{pieces}{more}".replace(" ", ""), [
            f"--preset={preset}",
            "--schedule=#flashmhf.schedule<consumers = 1, dff_tile = 64, "
            f"token_tile = {tokens}, split = {pieces}, exchange = true{more}>"
        ]


def early():
    """The presets with whole sums that start before the kernel in front has ended."""
    for preset, schedule in itertools.product(
            ("128m", "370m", "1.3b"),
            ("overlap = true", "overlap = true, persistent = true",
             "overlap = true, persistent = true, producers = 2, fuse_tiles = true, halve_q = true",
             "overlap = true, cluster = 2", "overlap = true, cluster = 2, split = 4",
             "overlap = true, split = 4, producers = 2", "dff_tile = 64",
             "overlap = true, split = 4",
             "dff_tile = 64, overlap = true, split = 6, push = true",
             "consumers = 1, token_tile = 16, dff_tile = 64, overlap = true, exchange = true")):
        yield f"{preset}-{schedule}".replace(" ", ""), [
            f"--preset={preset}",
            f"--schedule=#flashmhf.schedule<{schedule}, programmatic = true>"
        ]


def widths(directory):
    """For each head width one kernel, without U, without R, with G < H and with F = 40."""
    variants = {"full": {}, "no-up": {"up": False}, "no-router":
                {"router": False}, "groups": {"groups": 2}, "short":
                {"dff": 40}}
    # 224 columns are the most that share tiles.
    kernels = [*itertools.product((64, 96, 128, 256), variants.items()),
               *itertools.product((224, 240), [("full", {})])]
    for width, (name, variant) in kernels:
        up = variant.get("up", True)
        router = variant.get("router", True)
        arguments = ["%q: !q", "%k: !w", "%v: !w", "%o: !q"]
        arguments += ["%u: !w"] * up + ["%r: !r"] * router
        text = MODULE.format(
            batch="?", heads=4, tokens="?", width=width,
            dff=variant.get("dff", 256),
            dtype="f16" if name == "groups" else "bf16",
            groups=variant.get("groups", 4), arguments=", ".join(arguments),
            up="up(%u : !w)" if up else "",
            router="router(%r : !r)" if router else "")
        path = os.path.join(directory, f"{width}-{name}.mlir")
        with open(path, "w") as file:
            file.write(text)
        yield f"{width}-{name}", [path, "--max-variants=1"]
    # R on the sum of a sub-network, which takes registers of its own.
    many = "persistent = true, overlap = true, fuse_tiles = true, producers = 2"
    three = "token_tile = 192, consumers = 3, registers = [24, 160]"
    for width, (name, more) in itertools.product(
            (64, 96, 128),
            (("narrow", f"dff_tile = 64, {many}, halve_q = true"),
             ("late", f"dff_tile = 64, {many}, halve_q = true, late_columns = 32"),
             ("wide", f"dff_tile = {128 if width == 64 else 80}, {many}"),
             ("split", "dff_tile = 64, overlap = true, registers = [40, 232], split = 3"),
             ("push", "dff_tile = 64, registers = [40, 232], split = 3, push = true"))):
        yield f"{width}-sums-{name}", [
            os.path.join(directory, f"{width}-full.mlir"), "--max-variants=1",
            f"--schedule=#flashmhf.schedule<{more}, scale_sums = true>"]
    # Multicast transfers by a thread of 24 registers.
    for width, stages in ((96, "3, 2, 3"), (128, "2, 1, 2")):
        yield f"{width}-clustered", [
            os.path.join(directory, f"{width}-full.mlir"), "--max-variants=1",
            f"--schedule=#flashmhf.schedule<cluster = 2, stages = [{stages}], {many}, "
            "halve_q = true>"]
    for late in (0, 48):
        yield f"64-sums-three-{late}", [
            os.path.join(directory, "64-full.mlir"), "--max-variants=1",
            f"--schedule=#flashmhf.schedule<{three}, dff_tile = 64, {many}, "
            f"scale_sums = true, late_columns = {late}>"]


def projections(directory):
    """Those of the models for a few numbers of tokens, and some of other shapes; of one
    every form of a schedule."""
    models = [(1, width, width // 64, 64, tokens)
              for width in (768, 1024, 2048) for tokens in (1, 64, 256)]
    others = [(8, 128, 16, 64, "?"), (3, 48, 5, 16, 7), (12, 64, 3, 256, 40), (1, 80, 4, 96, 130)]
    for groups, depth, heads, columns, tokens in models + others:
        x = f"tensor<1x{groups}x{tokens}x{depth}xbf16>"
        w = f"tensor<{heads}x{groups}x{columns}x{depth}xbf16>"
        o = f"tensor<1x{heads}x{tokens}x{columns}xbf16>"
        text = f"""func.func @project(%x: {x}, %w: {w}, %out: {o}) -> {o} {{
          %o = flashmhf.project ins(%x, %w : {x}, {w}) outs(%out : {o}) -> {o}
          return %o : {o}
        }}"""
        name = f"{groups}x{depth}-{heads}x{columns}-{tokens}".replace("?", "any")
        path = os.path.join(directory, name + ".mlir")
        with open(path, "w") as file:
            file.write(text)
        yield name, [path, "--programmatic"]
        if tokens != "?":
            continue
        exchanged = "consumers = 1, exchange = true, registers = [64, 64], token_tile"
        for form, pieces, early in itertools.product(
                (f"{exchanged} = 8", f"{exchanged} = 16", f"{exchanged} = 32",
                 "consumers = 1, registers = [128, 128], token_tile = 64",
                 "registers = [40, 232], token_tile = 128"),
                ("split = 1", "split = 4", "split = 4, push = true", "split = 5, push = true",
                 "split = 16, push = true", "cluster = 2", "cluster = 4"),
                ("false", "true")):
            keys = f"{form}, dff_tile = 64, {pieces}, programmatic = {early}, stages = [1, 1, 1]"
            yield f"{name}-{keys}".replace(" ", ""), [path, f"--schedule=#flashmhf.schedule<{keys}>"]


def complaints(log):
    """The lines of ptxas's log that a kernel must not cause."""
    found = [line for line in log.splitlines() if re.search(r"C75\d\d", line)]
    sizes = re.findall(r"(\d+) bytes (stack frame|spill stores|spill loads)",
                       log)
    kernels = log.count("Compiling entry function")
    if not kernels or len(sizes) != 3 * kernels:
        found.append("ptxas reported no stack frame and spills of each kernel")
    return found + [f"{n} bytes {what}" for n, what in sizes if n != "0"]


def main():
    kind, ptxas, directory = sys.argv[1:]
    os.makedirs(directory, exist_ok=True)
    failures = count = 0
    cases = {"presets": presets, "splits": splits, "exchanged": exchanged,
             "early": early,
             "widths": lambda: widths(directory),
             "projections": lambda: projections(directory)}
    for name, arguments in cases[kind]():
        count += 1
        ptx = os.path.join(directory, name + ".ptx")
        subprocess.run(["flashmhf-compile", *arguments, "--emit=ptx", "-o", ptx],
                       check=True)
        result = subprocess.run(
            [ptxas, "-arch=sm_90a", "-v", ptx, "-o", os.devnull],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        found = complaints(result.stdout)
        if result.returncode:
            found = result.stdout.splitlines()
        failures += bool(found)
        print(name + ":", "; ".join(found) or "clean")
    print(f"{count - failures} of {count} configurations are clean")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
