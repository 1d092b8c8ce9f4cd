#!/usr/bin/env python3
"""Fills README.md with what the tools print.

A block of the README looks like

    <!-- ir: flashmhf-opt docs/example.mlir --canonicalize [lines=FIRST-LAST] -->
    ```mlir
    ...
    ```

and gets the output of that command, run from the top of the source tree. With
lines= only those lines of it are shown.

    update_readme_ir.py --tools build/bin            rewrites the blocks
    update_readme_ir.py --tools build/bin --check    fails where one is stale
"""

import argparse
import difflib
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(
    r"(?P<head><!-- ir: (?P<command>.*?)(?: lines=(?P<first>\d+)-(?P<last>\d+))? -->\n```\w*\n)"
    r"(?P<body>.*?)(?P<tail>```\n)",
    re.DOTALL,
)


def output(command, tools):
    words = shlex.split(command)
    words[0] = str(tools / words[0])
    run = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"error: {command}\n{run.stderr}")
    # Blank lines only separate functions in what the printer writes.
    return [line for line in run.stdout.splitlines() if line.strip()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", type=Path, default=ROOT / "build" / "bin")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "README.md")
    options = parser.parse_args()
    tools = options.tools.resolve()
    old = options.file.read_text()

    def fill(block):
        lines = output(block["command"], tools)
        if block["first"]:
            lines = lines[int(block["first"]) - 1 : int(block["last"])]
        return block["head"] + "".join(line + "\n" for line in lines) + block["tail"]

    new, count = BLOCK.subn(fill, old)
    if not count:
        sys.exit(f"error: {options.file} has no block")
    if options.check and new != old:
        sys.stdout.writelines(
            difflib.unified_diff(
                old.splitlines(True), new.splitlines(True), "README.md", "what the tools print"
            )
        )
        sys.exit("README.md is stale: run scripts/update_readme_ir.py")
    if new != old:
        options.file.write_text(new)


main()
