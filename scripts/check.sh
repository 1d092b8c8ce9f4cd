#!/usr/bin/env bash
# Sets up and builds (scripts/setup.sh), then checks everything that needs no
# GPU: formatting, clang-tidy, the lit suite, pytest. Every step runs even where
# an earlier one failed; the exit code is 0 only if all of them passed.
#
#   --fast    leaves clang-tidy out

FLASHMHF_CHECKS=1
fast=0
for argument in "$@"; do
  case "$argument" in
  --fast) fast=1 ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
  esac
done
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

failed=()
step() { # step NAME COMMAND...
  local name="$1" start=$SECONDS
  shift
  say "$name"
  if "$@"; then
    say "$name: passed ($((SECONDS - start)) s)"
  else
    failed+=("$name")
    say "$name: FAILED ($((SECONDS - start)) s)"
  fi
}

sources() { # sources PATTERN...: our C and C++ files
  (cd "$ROOT" && find include lib tools test -type f \
    \( -name '*.cpp' -o -name '*.h' -o -name '*.c' \) | sort)
}

format() {
  (cd "$ROOT" && sources | xargs clang-format-22 --dry-run -Werror)
}

# Most of the time goes into the headers of MLIR, so the files of a directory are
# read eight at a time; and without the precompiled header, all of which would be
# looked through each time.
tidy() {
  local tidy="$BUILD/tidy"
  rm -rf "$tidy" && mkdir -p "$tidy" &&
    sed -E 's/-Winvalid-pch (-Xclang [^ ]+ )+//' "$BUILD/compile_commands.json" \
      >"$tidy/compile_commands.json" &&
    sources | grep -E '^(lib|tools)/.*\.cpp$' | awk -v root="$ROOT" '
      { directory = $0; sub("/[^/]*$", "", directory)
        batch = directory "/batch" int((count[directory]++) / 8) ".cpp"
        print batch, "#include \"" root "/" $0 "\"" }' |
    while read -r batch line; do
      mkdir -p "$tidy/${batch%/*}" && echo "$line" >>"$tidy/$batch"
    done &&
    find "$tidy" -name '*.cpp' -print0 |
    xargs -0 -P "$(nproc)" -n 1 clang-tidy-22 -p "$tidy" --quiet \
      --config-file="$ROOT/.clang-tidy"
}

lit_suite() { "$LIT" -sv "$BUILD/test"; }

round_trips() {
  FLASHMHF_VERIFY_ROUNDTRIP=1 "$LIT" -sv --filter '\.mlir$' "$BUILD/test"
}

python_tests() {
  PYTHONPATH="$ROOT/python" FLASHMHF_LIBRARY="$BUILD/lib/libflashmhf.so" \
    "$PYTHON" -m pytest -q -n auto -p no:cacheprovider "$ROOT/python"
}

if command -v clang-format-22 >/dev/null; then
  step "clang-format" format
else
  say "no clang-format-22: formatting is not checked"
fi
if [ "$fast" = 1 ]; then
  :
elif command -v clang-tidy-22 >/dev/null; then
  step "clang-tidy" tidy
else
  say "no clang-tidy-22: clang-tidy is not run"
fi
step "generated documentation" cmake --build "$BUILD" --target flashmhf-doc -- --quiet
step "lit" lit_suite
step "lit, every module printed and parsed again" round_trips
step "pytest" python_tests

if [ ${#failed[@]} -gt 0 ]; then
  say "failed: ${failed[*]}"
  exit 1
fi
say "everything passed"
