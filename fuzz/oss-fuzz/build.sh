#!/bin/bash
# Builds every libFuzzer target into $OUT, each with its seeds, dictionary and options, as OSS-Fuzz expects them.
#
# Usage: OUT=DIR build.sh, in the folder fuzz/. It needs cargo-fuzz and zip.
set -euo pipefail
readonly TRIPLE=${TRIPLE:-x86_64-unknown-linux-gnu} SEEDS=64
target_dir=$(realpath "${CARGO_TARGET_DIR:-../target}")
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

cargo fuzz build --fuzz-dir . --target "$TRIPLE" --target-dir "$target_dir"

# Eight bytes describe a whole case, so short seeds are as different from each other as long ones.
for ((seed = 1; seed <= SEEDS; seed++)); do
  printf '%08d' "$seed" >"$work/$seed"
done
(cd "$work" && zip --quiet seeds.zip -- [0-9]*)

for source in fuzz_targets/*.rs; do
  target=$(basename "$source" .rs)
  cp "$target_dir/$TRIPLE/release/$target" "$OUT/$target"
  cp "$work/seeds.zip" "$OUT/${target}_seed_corpus.zip"
  cp oss-fuzz/values.dict "$OUT/$target.dict"
  cp oss-fuzz/libfuzzer.options "$OUT/$target.options"
done
