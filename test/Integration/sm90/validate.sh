#!/usr/bin/env bash
# On a machine with a Hopper GPU: validates every configuration, runs the
# sanitizers, and brings ledger.json and outputs.npz beside this script up to
# date.
#
# Needs python3 with numpy and torch, the CUDA toolkit's compute-sanitizer, and
# the wheel of scripts/build_wheel.sh in dist/ (or FLASHMHF_LIBRARY naming a
# libflashmhf.so that loads here). No network. Arguments go to
# `python -m flashmhf validate`, such as --quick or --filter=370m.

set -uo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
if [ -n "${FLASHMHF_LIBRARY:-}" ]; then
  export PYTHONPATH="$root/python"
else
  unpacked="$(mktemp -d)"
  trap 'rm -rf "$unpacked"' EXIT
  python3 -m zipfile -e "$root"/dist/flashmhf-*.whl "$unpacked" || exit 1
  export PYTHONPATH="$unpacked"
fi
status=0
python3 -u -m flashmhf validate --ledger "$here/ledger.json" "$@" || status=1
python3 -u -m flashmhf sanitize --ledger "$here/ledger.json" --seconds 240 || status=1
python3 -u -m flashmhf record "$here/outputs.npz" || status=1
exit $status
