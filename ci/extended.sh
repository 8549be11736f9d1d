#!/usr/bin/env bash
# Checks that are too long or too heavy for the gate. Run them before a release and after large changes.
# Usage: ci/extended.sh [STEP]...   (all steps without arguments; their names are the functions below)
# FUZZ_SECONDS sets the length of each campaign, ROUNDS how often the thread scripts are repeated.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source ci/common.sh

readonly FUZZ_SECONDS=${FUZZ_SECONDS:-1200} ROUNDS=${ROUNDS:-200}
readonly STEPS=(debuggers build_runner every_suite checkout_gc_zeal checkout_baseline_cpu checkout_explicit_checks
  threads unwind_official fuzz_own_lanes fuzz_other_engines c_libraries bench_smoke official_programs c_memory_checkers
  c_standard_examples)

# gdb and lldb on code of both tiers, freshly compiled and reloaded.
debuggers() {
  install_tools gdb=gdb "lldb=lldb python3-lldb-14" clang=clang wasm-ld=lld
  TOUCHSTONE_REQUIRE_TOOLS=1 cargo test --locked --quiet --workspace --test debugging -- --ignored of_every_kind
}

# Every official suite in every lane, with the suites of proposals that the gate leaves out.
every_suite() { runner --lanes all --deny unsupported spec:all tests; }

# The official checkout under the axes that the gate applies to the data crate's suites only.
checkout_gc_zeal() { checkout_under gc_zeal --gc-zeal; }
checkout_baseline_cpu() { checkout_under baseline_cpu --cpu baseline; }
checkout_explicit_checks() { checkout_under explicit_checks --memory-checks explicit; }

# AXIS OPTION...
checkout_under() {
  if ! needs_checkout "checkout_$1"; then return 0; fi
  official_checkout_with "checkout_$1" "$LANES" "${@:2}"
}

# The unwind tables of the official scripts at every instruction, and whole walks by other unwinders.
unwind_official() {
  if ! needs_checkout unwind_official; then return 0; fi
  local directory lanes=${LANES%,interp}
  directory=$(checkout)
  touchstone verify-unwind "$directory" --lanes "$lanes"
  touchstone verify-unwind "$directory" --lanes "$lanes" --walks
  LD_PRELOAD=libunwind.so.1 touchstone verify-unwind "$directory" --lanes "$lanes" --walks
}

# Scripts with threads, again and again: a lost wake-up shows in one run of many.
threads() {
  local round
  for ((round = 1; round <= ROUNDS; round++)); do
    runner --lanes "$LANES" spec:proposals/threads tests/threads-*.wast tests/atomics.wast tests/shared-memory.wast \
      >"$OUT/threads.txt" || { cat "$OUT/threads.txt"; echo "in round $round of $ROUNDS" >&2; return 1; }
  done
}

# Campaigns with a seed that no campaign had before. A finding is written below target/gate/findings.
fuzz_own_lanes() { campaign all; }
fuzz_other_engines() { campaign speed/fresh,wasmtime,wasmi; }

campaign() {
  local seed=$((RANDOM << 15 | RANDOM))
  echo "lanes $1, seed $seed"
  touchstone fuzz --lanes "$1" --seconds "$FUZZ_SECONDS" --seed "$seed" --out "$OUT/findings"
}

# Wasmtime of several versions through its C interface: it agrees with our own lane but for what is listed. The older
# ones crash in two of our own scripts (a backtrace after a tail call; a table that grows beyond all memory).
c_libraries() {
  local newer=wasmtime-c@50,wasmtime-c@48 older=wasmtime-c@36,wasmtime-c@25
  local all=$newer,$older suites=(spec:1.0 spec:2.0 spec:3.0)
  ci/install-engines.sh ${all//,/ }
  TOUCHSTONE_REQUIRE_TOOLS=1 cargo test --locked --quiet --workspace --test c_library
  runner --lanes "speed/fresh,$newer" --expect ci/other-engines.txt "${suites[@]}" tests
  runner --lanes "speed/fresh,$older" --expect ci/other-engines.txt "${suites[@]}"
}

# The benchmark against Wasmtime starts, and both engines compute the same. The times of so short a run say nothing.
bench_smoke() {
  printf '\0asm\1\0\0\0' >"$OUT/empty.wasm"
  cargo run --locked --release --quiet -p bench --features wasmtime,wasmi -- --seconds 0.05 "$OUT/empty.wasm" \
    >"$OUT/bench.txt"
  grep -q 'run: float speed' "$OUT/bench.txt"
}

# The official programs of WASI preview 1 in each tier.
official_programs() {
  ci/fetch-wasi-testsuite.sh
  WASI_TESTSUITE=$PWD/target/wasi-testsuite cargo test --locked --quiet --workspace --test official_programs
}

# valgrind and the address sanitizer watch the test programs in C.
c_memory_checkers() {
  install_tools valgrind=valgrind cc=gcc
  TOUCHSTONE_REQUIRE_TOOLS=1 cargo test --locked --quiet --workspace --test c_programs -- --ignored
}

# The standard's own examples, compiled with its own header, and the functions of both headers side by side.
c_standard_examples() {
  install_tools cc=gcc perl=perl
  ci/fetch-wasm-c-api.sh
  local standard=$PWD/target/wasm-c-api prefix=$PWD/$OUT/prefix source name
  capi/install.sh --debug "$prefix"
  diff <(prototypes "$standard/include") <(prototypes capi/include)
  # Two empty lists would be equal too.
  [[ $(prototypes capi/include | grep -c '^extern ') -eq 280 ]]
  # This binary is of before 2020, when `ref.null` had no type.
  perl -0777 -pi -e 's/\x06\x85(\x80\x80\x80\x00\x01\x6f\x01\xd0)\x0b/\x06\x86$1\x6f\x0b/' \
    "$standard/example/hostref.wasm"
  for source in "$standard"/example/*.c; do
    name=$(basename "$source" .c)
    cc -w -I "$standard/include" "$source" -L "$prefix/lib" -ltouchstone -lpthread -Wl,-rpath,"$prefix/lib" \
      -o "$OUT/standard-$name"
    (cd "$standard/example" && "$OLDPWD/$OUT/standard-$name" >/dev/null) || { echo "$name fails" >&2; return 1; }
  done
}

# DIRECTORY: prints the functions that the header wasm.h there declares, with the types of their parameters.
prototypes() {
  local file=$OUT/prototypes.c
  echo '#include <wasm.h>' >"$file"
  gcc -std=c11 -I "$1" -aux-info "$file.txt" -fsyntax-only "$file"
  sed -n 's,^/\*[^*]*wasm\.h:[^*]*\*/ ,,p' "$file.txt" | grep wasm_ | sed 's,/\*.*\*/,,' | sort
}

run_steps STEPS "the extended checks pass" "$@"
