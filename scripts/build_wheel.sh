#!/usr/bin/env bash
# Builds dist/flashmhf-*-py3-none-linux_*.whl: the Python package with a
# libflashmhf.so that needs nothing but the C library (LLVM is linked into it).
# Uses a build tree of its own, build-wheel.

FLASHMHF_BUILD_DIR="${FLASHMHF_BUILD_DIR:-$(dirname "$0")/../build-wheel}"
FLASHMHF_NO_PTXAS=1
FLASHMHF_TARGET=flashmhf
CMAKE_ARGS="-DFLASHMHF_STATIC_LLVM=ON -DFLASHMHF_BUILD_TESTS=OFF ${CMAKE_ARGS:-}"
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

library="$BUILD/lib/libflashmhf.so"
say "checking $library"
needed="$("$LLVM/bin/llvm-readelf" --needed-libs "$library" | grep '\.so' || true)"
if foreign="$(grep -vE 'lib(c|m|dl|pthread|rt)\.so|ld-linux' <<<"$needed")"; then
  die "the library is not self-contained, it needs $foreign"
fi
exported="$("$LLVM/bin/llvm-nm" -D --defined-only --format=just-symbols "$library")"
if foreign="$(grep -vE '^(flashmhf|mlirGetDialectHandle__)' <<<"$exported")"; then
  die "the library exports $foreign"
fi

say "packing"
"$PYTHON" -m pip install --quiet --disable-pip-version-check 'setuptools>=70.1' wheel
FLASHMHF_LIBRARY="$library" "$PYTHON" -m pip wheel --quiet \
  --disable-pip-version-check --no-deps --no-build-isolation \
  --wheel-dir "$ROOT/dist" "$ROOT/python"
rm -rf "$ROOT/python/build" "$ROOT/python/"*.egg-info
ls -l "$ROOT"/dist/*.whl
