#!/usr/bin/env bash
# Fetches the official test suite at pinned commits into target/official-suite, where the gate looks for it.
# `core/`, `custom/` and `legacy/` come from the repository of the specification. `proposals/` comes from the testsuite
# repository, which mirrors the proposals; its copy of the core scripts flattens folders and so loses some files.
# Usage: ci/fetch-official-suite.sh [DIRECTORY]
# Needs git and tar.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source ci/common.sh

# The commits of WebAssembly/spec and of WebAssembly/testsuite, and how many scripts they have.
readonly SPEC=285a9032950cbad6a9f84de11183008e286092a2
readonly TESTSUITE=193e551ff22663995b1ac95dc62344133669e14b
readonly SCRIPTS=289
readonly ORGANIZATION=https://github.com/WebAssembly

readonly DIRECTORY=${1:-target/official-suite}

fail() { echo "fetch-official-suite: $*" >&2; exit 1; }

main() {
  local version="spec $SPEC, testsuite $TESTSUITE" count
  if [[ $(cat "$DIRECTORY/VERSION" 2>/dev/null) == "$version" ]]; then echo "$DIRECTORY: $version is there"; return; fi
  rm -rf "$DIRECTORY"; mkdir -p "$DIRECTORY"
  fetch_commit "$DIRECTORY" "$ORGANIZATION/spec" "$SPEC" test/core test/custom test/legacy
  mv "$DIRECTORY"/test/* "$DIRECTORY"; rmdir "$DIRECTORY/test"
  fetch_commit "$DIRECTORY" "$ORGANIZATION/testsuite" "$TESTSUITE" proposals
  find "$DIRECTORY" \( -type f ! -name '*.wast' -o -type d -empty \) -delete
  count=$(find "$DIRECTORY" -name '*.wast' | wc -l)
  [[ $count -eq $SCRIPTS ]] || fail "$DIRECTORY has $count scripts, not $SCRIPTS"
  # The version comes last: an interrupted fetch starts again.
  echo "$version" >"$DIRECTORY/VERSION"
  echo "$DIRECTORY: $version, $count scripts"
}

main
