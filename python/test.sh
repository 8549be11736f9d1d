#!/usr/bin/env bash
# Builds the wheel in the development profile, installs it into a fresh virtual environment below the target directory,
# and runs the tests, the document's examples and the type checks.
# Needs Python 3.11 or newer with its module venv, and the network for pip.
# Usage: python/test.sh [PYTEST OPTION]...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly TARGET=${CARGO_TARGET_DIR:-$PWD/../target}
readonly VENV=$TARGET/python/venv WHEELS=$TARGET/python/wheels

rm -rf "$VENV" "$WHEELS"
python3 -m venv "$VENV"
"$VENV/bin/pip" install --quiet 'maturin>=1.9,<2' pytest mypy
"$VENV/bin/maturin" build --quiet --locked --profile dev --out "$WHEELS"
"$VENV/bin/pip" install --quiet "$WHEELS"/*.whl

# The tests run outside of this folder, so that they import what is installed.
tests=$PWD
cd "$TARGET/python"
"$VENV/bin/pytest" --rootdir "$tests" -c "$tests/pyproject.toml" "$tests/tests" "$@"
"$VENV/bin/mypy" --config-file "$tests/pyproject.toml" -p touchstone
"$VENV/bin/mypy" --config-file "$tests/pyproject.toml" "$tests/tests"
# Python 3.11 has buffers, but no method for them.
"$VENV/bin/stubtest" touchstone --ignore-unused-allowlist --allowlist <(echo 'touchstone._native.Memory.__buffer__')
