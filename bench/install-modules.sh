#!/usr/bin/env bash
# Installs the modules that the benchmark compiles from registry packages into target/bench-modules. Needs npm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly MODULES=${CARGO_TARGET_DIR:-target}/bench-modules

mkdir -p "$MODULES"
npm install --prefix "$MODULES" --no-save --ignore-scripts --no-audit --no-fund \
  @jitl/quickjs-wasmfile-release-sync@0.32.0 sql.js@1.16.0 @resvg/resvg-wasm@2.6.2

# A C interpreter, full of indirect calls; a C database; a Rust renderer.
ln -sf node_modules/@jitl/quickjs-wasmfile-release-sync/dist/emscripten-module.wasm "$MODULES/quickjs.wasm"
ln -sf node_modules/sql.js/dist/sql-wasm.wasm "$MODULES/sqljs.wasm"
ln -sf node_modules/@resvg/resvg-wasm/index_bg.wasm "$MODULES/resvg.wasm"
ls -lL "$MODULES"/*.wasm
