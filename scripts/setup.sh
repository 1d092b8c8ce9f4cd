# Sets up and builds flashmhf: installs what is missing, makes the Python
# environment, configures and builds. Sourced by the other scripts; afterwards
# these are set:
#
#   ROOT    the source tree             BUILD   the build tree
#   PYTHON  the environment's python    LLVM    the prefix of LLVM 22
#   PTXAS   ptxas, or empty             LIT     the test runner
#
# Environment: MLIR_DIR (an MLIR 22 of your own: DIR/lib/cmake/mlir),
# CC and CXX, CMAKE_ARGS (more arguments for the configure step),
# FLASHMHF_BUILD_DIR, FLASHMHF_VENV_DIR, FLASHMHF_NO_PTXAS=1 (do not install
# the ptxas wheel).

set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
BUILD="$(realpath -m "${FLASHMHF_BUILD_DIR:-$ROOT/build}")"
VENV="${FLASHMHF_VENV_DIR:-$ROOT/.venv}"

say() { printf '== %s\n' "$*"; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# --- What the system must have ----------------------------------------------

missing=()
need() { # need PACKAGE TEST...: PACKAGE is missing unless TEST succeeds
  local package="$1"
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}
have() { command -v "$1"; }

find_missing() {
  missing=()
  need cmake have cmake
  need ninja-build have ninja
  need python3 have python3
  need python3-venv python3 -c 'import venv, ensurepip'
  if [ -z "${MLIR_DIR:-}" ]; then
    local llvm=/usr/lib/llvm-22
    need clang-22 test -n "${CXX:-$(command -v clang++-22)}"
    need lld-22 have ld.lld-22
    need llvm-22-dev test -e $llvm/lib/cmake/llvm/LLVMConfig.cmake
    need llvm-22-tools test -x $llvm/bin/FileCheck
    need libmlir-22-dev test -e $llvm/lib/cmake/mlir/MLIRConfig.cmake
    need mlir-22-tools test -x $llvm/bin/mlir-tblgen
    need libdlpack-dev test -e /usr/include/dlpack/dlpack.h
    need zlib1g-dev test -e /usr/include/zlib.h
    need libzstd-dev test -e /usr/include/zstd.h
    if [ "${FLASHMHF_CHECKS:-0}" = 1 ]; then
      need clang-format-22 have clang-format-22
      need clang-tidy-22 have clang-tidy-22
    fi
  fi
}

install_missing() {
  find_missing
  [ ${#missing[@]} -gt 0 ] || return 0
  local advice="install: ${missing[*]} (Debian names; LLVM and MLIR must be \
version 22), or point MLIR_DIR at the lib/cmake/mlir of an MLIR 22 and CC, CXX \
at a C++17 compiler"
  command -v apt-get >/dev/null || die "there is no apt-get here; $advice"
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "neither root nor sudo; $advice"
    sudo=(sudo)
  fi
  say "installing ${missing[*]}"
  local log
  log="$(mktemp)"
  if ! { "${sudo[@]}" apt-get update &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y \
      --no-install-recommends ca-certificates "${missing[@]}"; } \
    >"$log" 2>&1; then
    tail -20 "$log" >&2
    die "apt-get could not install everything; $advice"
  fi
  rm -f "$log"
  hash -r
  find_missing
  [ ${#missing[@]} -eq 0 ] || die "still missing after apt-get: ${missing[*]}"
}

# --- Python ------------------------------------------------------------------

find_ptxas() { # prints the path of ptxas, if there is one
  local candidate
  candidate="$(command -v ptxas || true)"
  for candidate in "${candidate}" "${CUDA_HOME:-/nonexistent}/bin/ptxas" \
    "${CUDA_PATH:-/nonexistent}/bin/ptxas" /usr/local/cuda/bin/ptxas \
    "$VENV"/lib/python3*/site-packages/nvidia/cu13/bin/ptxas; do
    if [ -x "$candidate" ]; then
      printf '%s' "$candidate"
      return
    fi
  done
}

setup_python() {
  PYTHON="$VENV/bin/python"
  if ! "$PYTHON" -c 'import pip' 2>/dev/null; then
    say "making $VENV"
    python3 -m venv --clear "$VENV"
  fi
  if ! cmp -s "$ROOT/scripts/requirements.txt" "$VENV/requirements.txt"; then
    say "installing the Python packages of scripts/requirements.txt"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check \
      -r "$ROOT/scripts/requirements.txt"
    cp "$ROOT/scripts/requirements.txt" "$VENV/requirements.txt"
  fi
  PTXAS="$(find_ptxas)"
  if [ -z "$PTXAS" ] && [ "${FLASHMHF_NO_PTXAS:-0}" != 1 ] &&
    [ ! -e "$VENV/no-ptxas" ]; then
    say "installing ptxas (the nvidia-cuda-nvcc wheel)"
    if "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps \
      nvidia-cuda-nvcc==13.0.88; then
      chmod +x "$VENV"/lib/python3*/site-packages/nvidia/cu13/bin/ptxas
    else
      say "no ptxas to be had: PTX will not be assembled"
      touch "$VENV/no-ptxas"
    fi
    PTXAS="$(find_ptxas)"
  fi
}

# --- Build -------------------------------------------------------------------

configure_and_build() {
  local args=(-G Ninja -S "$ROOT" -B "$BUILD" -DCMAKE_BUILD_TYPE=Release
    -DFLASHMHF_PTXAS="$PTXAS" -DFLASHMHF_PYTHON="$PYTHON")
  if [ -n "${MLIR_DIR:-}" ]; then
    args+=(-DMLIR_DIR="$MLIR_DIR")
    LLVM="$(cd "$MLIR_DIR/../../.." && pwd)"
  else
    args+=(-DCMAKE_PREFIX_PATH=/usr/lib/llvm-22)
    LLVM=/usr/lib/llvm-22
  fi
  LIT="$LLVM/bin/lit"
  if [ ! -x "$LIT" ]; then # an LLVM that was installed from its sources
    LIT="$VENV/bin/lit"
    [ -x "$LIT" ] || "$PYTHON" -m pip install --quiet \
      --disable-pip-version-check lit
  fi
  args+=(-DFLASHMHF_LIT="$LIT")
  if [ -z "${CXX:-}" ] && command -v clang++-22 >/dev/null; then
    # Absolute: with a bare name a second configure starts from an empty cache.
    args+=(-DCMAKE_C_COMPILER="$(command -v clang-22)"
      -DCMAKE_CXX_COMPILER="$(command -v clang++-22)")
    if command -v ld.lld-22 >/dev/null; then
      args+=(-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld
        -DCMAKE_SHARED_LINKER_FLAGS=-fuse-ld=lld)
    fi
  fi
  # shellcheck disable=SC2206 # CMAKE_ARGS is a list of words
  args+=(${CMAKE_ARGS:-})
  say "configuring $BUILD"
  local log
  log="$(mktemp)"
  if ! cmake "${args[@]}" >"$log" 2>&1; then
    tail -30 "$log" >&2
    die "cmake could not configure $BUILD"
  fi
  rm -f "$log"
  say "building"
  cmake --build "$BUILD" ${FLASHMHF_TARGET:+--target "$FLASHMHF_TARGET"} -- --quiet
}

install_missing
setup_python
configure_and_build
