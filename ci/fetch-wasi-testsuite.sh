#!/usr/bin/env bash
# Fetches the official programs of WASI preview 1, prebuilt, at a pinned commit into target/wasi-testsuite.
# Usage: ci/fetch-wasi-testsuite.sh [DIRECTORY]
# Needs git and tar.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source ci/common.sh

# A commit of the branch prod/testsuite-base, and how many programs of preview 1 it has.
readonly COMMIT=9f80ca35444cfd9e63100725615140a346652e6c
readonly PROGRAMS=72

readonly DIRECTORY=${1:-target/wasi-testsuite}
readonly REPOSITORY=${WASI_TESTSUITE_REPOSITORY:-https://github.com/WebAssembly/wasi-testsuite}

fail() { echo "fetch-wasi-testsuite: $*" >&2; exit 1; }

main() {
  if [[ $(cat "$DIRECTORY/VERSION" 2>/dev/null) == "$COMMIT" ]]; then echo "$DIRECTORY: $COMMIT is there"; return; fi
  rm -rf "$DIRECTORY"; mkdir -p "$DIRECTORY"
  local count
  fetch_commit "$DIRECTORY" "$REPOSITORY" "$COMMIT" tests/{assemblyscript,c,rust}/testsuite/wasm32-wasip1
  count=$(find "$DIRECTORY" -name '*.wasm' | wc -l)
  [[ $count -eq $PROGRAMS ]] || fail "$DIRECTORY has $count programs, not $PROGRAMS"
  # The version comes last: an interrupted fetch starts again.
  echo "$COMMIT" >"$DIRECTORY/VERSION"
  echo "$DIRECTORY: $COMMIT, $count programs"
}

main
