#!/usr/bin/env bash
# Sets up and builds (scripts/setup.sh), then does the main job once: compiles
# the paper's 370M feed-forward layer to PTX for an H100, assembles it where
# there is a ptxas, runs the layer on the CPU at 512 tokens and compares it with
# a float64 reference.

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
PYTHONPATH="$ROOT/python" FLASHMHF_LIBRARY="$BUILD/lib/libflashmhf.so" \
  exec "$PYTHON" "$ROOT/scripts/quickstart.py" --build "$BUILD" \
  ${PTXAS:+--ptxas "$PTXAS"} "$@"
