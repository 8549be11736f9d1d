#!/usr/bin/env bash
# Fetches the official test suite at pinned commits into target/official-suite, where the gate looks for it.
# `core/`, `custom/` and `legacy/` come from the repository of the specification. `proposals/` comes from the testsuite
# repository, which mirrors the proposals; its copy of the core scripts flattens folders and so loses some files.
# Usage: ci/fetch-official-suite.sh [DIRECTORY]
# Needs git and tar.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The commits of WebAssembly/spec and of WebAssembly/testsuite, and how many scripts they have.
readonly SPEC=285a9032950cbad6a9f84de11183008e286092a2
readonly TESTSUITE=193e551ff22663995b1ac95dc62344133669e14b
readonly SCRIPTS=289

readonly DIRECTORY=${1:-target/official-suite}

fail() { echo "fetch-official-suite: $*" >&2; exit 1; }

# REPOSITORY COMMIT PATH...: writes the paths of the commit to the directory.
fetch() {
  local repository=$1 commit=$2 clone; shift 2
  clone=$(mktemp -d)
  git init --quiet "$clone"
  git -C "$clone" fetch --quiet --depth 1 "https://github.com/WebAssembly/$repository" "$commit" ||
    fail "cannot fetch $commit of WebAssembly/$repository"
  git -C "$clone" archive FETCH_HEAD "$@" | tar -x -C "$DIRECTORY"
  rm -rf "$clone"
}

main() {
  local version="spec $SPEC, testsuite $TESTSUITE" count
  if [[ $(cat "$DIRECTORY/VERSION" 2>/dev/null) == "$version" ]]; then echo "$DIRECTORY: $version is there"; return; fi
  rm -rf "$DIRECTORY"; mkdir -p "$DIRECTORY"
  fetch spec "$SPEC" test/core test/custom test/legacy
  mv "$DIRECTORY"/test/* "$DIRECTORY"; rmdir "$DIRECTORY/test"
  fetch testsuite "$TESTSUITE" proposals
  find "$DIRECTORY" \( -type f ! -name '*.wast' -o -type d -empty \) -delete
  count=$(find "$DIRECTORY" -name '*.wast' | wc -l)
  [[ $count -eq $SCRIPTS ]] || fail "$DIRECTORY has $count scripts, not $SCRIPTS"
  # The version comes last: an interrupted fetch starts again.
  echo "$version" >"$DIRECTORY/VERSION"
  echo "$DIRECTORY: $version, $count scripts"
}

main
