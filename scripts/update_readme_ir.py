#!/usr/bin/env python3
"""Fills README.md with what the tools print.

A block of the README looks like

    <!-- ir: flashmhf-opt docs/example.mlir --cse; from=scf.forall; to=in_parallel -->
    ```mlir
    ...
    ```

and gets the output of the command, run from the top of the source tree. Then
come, in any number and order, steps that choose among its lines:

    from=REGEX   drops what stands before the first line that matches
    to=REGEX     drops what stands after the first line that matches
    grep=REGEX   keeps the lines that match

    update_readme_ir.py --tools build/bin            rewrites the blocks
    update_readme_ir.py --tools build/bin --check    fails where one is stale
"""

import argparse
import difflib
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(
    r"(?P<head><!-- ir: (?P<recipe>.*?) -->\n```\w*\n)(?P<body>.*?)(?P<tail>```\n)", re.DOTALL
)


def run(command, tools):
    words = shlex.split(command)
    if words[0] != "cat":
        words[0] = str(tools / words[0])
    result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"error: {command}\n{result.stderr}")
    return result.stdout.splitlines()


def index_of(pattern, lines):
    for index, line in enumerate(lines):
        if re.search(pattern, line):
            return index
    sys.exit(f"error: no line matches '{pattern}'")


def produce(recipe, tools):
    """The lines that a block's recipe stands for."""
    command, *steps = (step.strip() for step in recipe.replace("\n", " ").split(";"))
    lines = run(command, tools)
    for step in steps:
        kind, _, pattern = step.partition("=")
        if kind == "from":
            lines = lines[index_of(pattern, lines) :]
        elif kind == "to":
            lines = lines[: index_of(pattern, lines) + 1]
        elif kind == "grep":
            lines = [line for line in lines if re.search(pattern, line)]
        else:
            sys.exit(f"error: unknown step '{step}'")
    return textwrap.dedent("\n".join(lines).strip("\n")) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", type=Path, default=ROOT / "build" / "bin")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "README.md")
    options = parser.parse_args()
    tools = options.tools.resolve()
    old = options.file.read_text()
    new, count = BLOCK.subn(
        lambda block: block["head"] + produce(block["recipe"], tools) + block["tail"], old
    )
    if not count:
        sys.exit(f"error: {options.file} has no block")
    if options.check and new != old:
        sys.stdout.writelines(
            difflib.unified_diff(
                old.splitlines(True), new.splitlines(True), "README.md", "what the tools print"
            )
        )
        sys.exit("error: README.md is stale: run scripts/update_readme_ir.py")
    if new != old:
        options.file.write_text(new)


main()
