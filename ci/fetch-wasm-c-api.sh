#!/usr/bin/env bash
# Fetches the standard C interface, its header and examples, at a pinned commit into target/wasm-c-api.
# Usage: ci/fetch-wasm-c-api.sh [DIRECTORY]
# Needs git and tar.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source ci/common.sh

# A commit, and how many examples in C it has.
readonly COMMIT=debd0908627e3028b1aa460a4934732c2c3b00a6
readonly EXAMPLES=13

readonly DIRECTORY=${1:-target/wasm-c-api}
readonly REPOSITORY=${WASM_C_API_REPOSITORY:-https://github.com/WebAssembly/wasm-c-api}

fail() { echo "fetch-wasm-c-api: $*" >&2; exit 1; }

main() {
  if [[ $(cat "$DIRECTORY/VERSION" 2>/dev/null) == "$COMMIT" ]]; then echo "$DIRECTORY: $COMMIT is there"; return; fi
  rm -rf "$DIRECTORY"; mkdir -p "$DIRECTORY"
  local count
  fetch_commit "$DIRECTORY" "$REPOSITORY" "$COMMIT" include example
  count=$(find "$DIRECTORY" -name '*.c' | wc -l)
  [[ $count -eq $EXAMPLES ]] || fail "$DIRECTORY has $count examples, not $EXAMPLES"
  # The version comes last: an interrupted fetch starts again.
  echo "$COMMIT" >"$DIRECTORY/VERSION"
  echo "$DIRECTORY: $COMMIT, $count examples"
}

main
