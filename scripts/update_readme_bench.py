#!/usr/bin/env python3
"""Fills README.md with the table of a benchmark's report.

What stands between

    <!-- bench: docs/benchmark.json -->
    <!-- /bench -->

is replaced by the table of the JSON that `python -m flashmhf bench -o` wrote, named
from the top of the source tree; by nothing where there is no such file. Needs NumPy.

    update_readme_bench.py           rewrites the tables
    update_readme_bench.py --check   fails where one is stale
"""

import argparse
import difflib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python"))

from flashmhf.bench import report  # noqa: E402

BLOCK = re.compile(
    r"(?P<head><!-- bench: (?P<file>\S+) -->\n)(?P<body>.*?)(?P<tail><!-- /bench -->\n)", re.DOTALL
)


def table(file):
    """The table of a report. Ends the program where it is not fit to be shown."""
    if not (ROOT / file).exists():
        return ""
    try:
        found = report.from_json((ROOT / file).read_text())
    except (OSError, ValueError) as error:
        sys.exit(f"error: {file}: {error}")
    for case, row in found.wrong:
        sys.exit(f"error: {file}: {row.name} is wrong for {case.model}, {case.tokens} tokens")
    return report.markdown(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "README.md")
    options = parser.parse_args()
    old = options.file.read_text()
    new, count = BLOCK.subn(lambda block: block["head"] + table(block["file"]) + block["tail"], old)
    if not count:
        sys.exit(f"error: {options.file} has no block")
    if options.check and new != old:
        sys.stdout.writelines(
            difflib.unified_diff(
                old.splitlines(True), new.splitlines(True), str(options.file), "the report"
            )
        )
        sys.exit(f"error: {options.file} is stale: run scripts/update_readme_bench.py")
    if new != old:
        options.file.write_text(new)


main()
