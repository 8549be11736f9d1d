#!/usr/bin/env bash
# The gate: what must hold before a change is merged, beyond `cargo test --workspace`, which .ci/run calls first.
# Needs Rust and nothing else; fetches binutils where they are missing. One target directory, one release build.
# Usage: ci/gate.sh [STEP]...   (all steps without arguments; their names are the functions below)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly LANES=speed/fresh,speed/reload,quick/fresh,quick/reload
readonly OTHERS=wasmtime,wasmtime/none,wasmi
readonly OUT=target/gate
readonly OFFICIAL=../shared/spec-testsuite
readonly STEPS=(tools format lints documentation dependencies without_compiler build_runner
  own_scripts conformance explicit_checks baseline_cpu gc_zeal other_engines without_our_engine official_checkout canaries)

# Readelf reads artifacts in a test; it comes with the linker, so it is missing only on odd machines.
tools() {
  command -v readelf >/dev/null && return
  local sudo=(); [[ $(id -u) -eq 0 ]] || sudo=(sudo)
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" apt-get install -y -qq --no-install-recommends binutils
}

format() { cargo fmt --all --check; }

lints() {
  cargo clippy --locked --workspace --all-targets --features runner/wasmi,runner/wasmtime -- -D warnings
  cargo clippy --locked -p engine --no-default-features -- -D warnings
  # The benchmark's other half. It is not part of the gate, but it compiles.
  cargo clippy --locked -p bench --all-targets --features wasmtime -- -D warnings
}

documentation() { RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet; }

# The engine's runtime half stands without the compiler half.
dependencies() { engine_tree --no-default-features | check dependencies; }
engine_tree() { cargo tree --locked -p engine -e normal --prefix none "$@"; }

# A program that has no compiler loads an artifact, runs it, and traps with the same backtrace as one that has.
without_compiler() {
  local run=(cargo run --locked --quiet -p engine --example run)
  cargo run --locked --quiet -p engine --example compile -- engine/examples/gcd.wat "$OUT/gcd.cwasm" >/dev/null
  cargo run --locked --quiet -p engine --example compile -- ci/division.wat "$OUT/division.cwasm" >/dev/null
  local call
  for call in "gcd.cwasm gcd 1071 462" "division.cwasm down 5 1" "division.cwasm down 5 0"; do
    local words; read -ra words <<<"$call"
    outcome "${run[@]}" -- "$OUT/${words[0]}" "${words[@]:1}" >"$OUT/with.txt"
    outcome "${run[@]}" --no-default-features -- "$OUT/${words[0]}" "${words[@]:1}" >"$OUT/without.txt"
    diff "$OUT/with.txt" "$OUT/without.txt"
  done
  # Of the last call: it did trap, six levels deep, at the frames that division.wat counts.
  grep -q 'integer divide by zero' "$OUT/without.txt"
  [[ $(grep -c 'division!1 $down @0x' "$OUT/without.txt") -eq 6 ]]
}

# What a program printed, on both outputs, and its exit code, whether it succeeded or not.
outcome() { local code=0; "$@" 2>&1 || code=$?; echo "exit code $code"; }

build_runner() { cargo build --locked --release -p runner --features wasmi,wasmtime; }

runner() { target/release/touchstone --quiet "$@" </dev/null; }

own_scripts() { runner --lanes all tests/*.wast; }

# All versions of the official suite in every lane: 130,776 directives each, all of them executed, none refused.
conformance() { official report "$LANES" 1.0,2.0,3.0; }
explicit_checks() { official explicit "$LANES" 1.0,2.0,3.0 --memory-checks explicit; }
baseline_cpu() { official baseline "$LANES" 1.0,2.0,3.0 --cpu baseline; }
gc_zeal() { official zeal "$LANES" 3.0 --gc-zeal; }

official() {
  local report=$OUT/$1.json lanes=$2 suites=$3; shift 3
  local names; IFS=, read -ra names <<<"$suites"
  runner --lanes "$lanes" "$@" --report "json=$report" "${names[@]/#/spec:}"
  check conformance "$report" --lanes "$lanes" --suites "$suites"
}

# The linked engines execute all of it too, and so do those of other processes where they are installed, but for what they
# lack and for what is known: so the harness drives engines that are not ours, our frames are what others find, and the
# list of what they get wrong is true.
other_engines() {
  official others "speed/fresh,$OTHERS" 1.0,2.0
  runner --lanes "speed/fresh,$OTHERS,v8,jsc,spidermonkey" --expect ci/other-engines.txt \
    spec:1.0 spec:2.0 spec:3.0 tests
}

# A runner of other engines only has neither our engine nor Cranelift in it.
without_our_engine() {
  local only=(--no-default-features --features wasmi)
  cargo clippy --locked -p runner "${only[@]}" -- -D warnings
  local tree; tree=$(cargo tree --locked -p runner -e normal --prefix none "${only[@]}")
  grep -q '^wasmi v' <<<"$tree"
  if grep -E '^(engine|cranelift[a-z-]*) v' <<<"$tree"; then return 1; fi
}

# Where a checkout of the official suite lies beside this one: is what the data crate lacks as it is said to be, and are
# all of its scripts executed, with no failure but those that are listed, which still are ones.
official_checkout() {
  if [[ ! -d $OFFICIAL ]]; then
    echo "no checkout at $OFFICIAL: nothing to do"
    return
  fi
  SPEC_TESTSUITE=$(realpath "$OFFICIAL") cargo test --locked --quiet -p spec-testsuite --test checkout
  runner --lanes "$LANES" --report "json=$OUT/checkout.json" "$OFFICIAL"
  check conformance "$OUT/checkout.json" --lanes "$LANES" --suites checkout
  refuses 'custom-descriptors/ in .*: 4 expected to fail, not 5' check_unlisted
}

# One failure that is listed counted as a pass.
check_unlisted() {
  sed '0,/"expected": *2/s//"expected": 1/' "$OUT/checkout.json" >"$OUT/altered.json"
  check conformance "$OUT/altered.json" --lanes "$LANES" --suites checkout
}

# Each check above must be able to fail: here is what it has to refuse.
canaries() {
  refuses 'depends on cranelift-codegen' check_dependencies_of_compiler
  refuses 'not the dependency tree' check_nothing
  refuses '19003 directives, not 73 with 19245' check_altered '0,/"directives": *243/s//"directives": 1/'
  refuses 'report is of the lanes .*swift' check_altered 's/quick/swift/g'
  refuses 'disagreements: 1' check_altered 's/"disagreements": *0/"disagreements": 1/'
  refuses 'address.wast .*crash' check_altered 's/"pass"/"crash"/'
  printf '(module (func (export "one") (result i32) (i32.const 1)))\n(assert_return (invoke "one") (i32.const 2))\n' \
    >"$OUT/wrong.wast"
  refuses 'wrong.wast:2:1: .*expected \[i32 2\]' runner --lanes all "$OUT/wrong.wast"
  refuses 'condition.wast:15:1: .*expected \[i32 5\], got \[i32 1\]' runner --lanes wasmi tests/select-condition.wast
  refuses 'report is of the lanes .*wasmi' check conformance "$OUT/others.json" --lanes "$LANES" --suites 1.0,2.0
}

check_dependencies_of_compiler() { engine_tree | check dependencies; }
check_nothing() { check dependencies </dev/null; }
check_altered() {
  sed "$1" "$OUT/report.json" >"$OUT/altered.json"
  if cmp -s "$OUT/report.json" "$OUT/altered.json"; then return 0; fi
  check conformance "$OUT/altered.json" --lanes "$LANES" --suites 1.0,2.0,3.0
}

# Whether a command fails, and for this reason: a check that fails for another one has proved nothing.
refuses() {
  local reason=$1; shift
  if "$@" >"$OUT/canary.txt" 2>&1; then
    echo "not refused, though it should say: $reason" >&2
    return 1
  fi
  grep -m 1 -- "$reason" "$OUT/canary.txt" || { cat "$OUT/canary.txt" >&2; return 1; }
}

check() { cargo run --locked --quiet -p ci -- "$@"; }

main() {
  mkdir -p "$OUT"
  local steps=("$@") name
  [[ $# -gt 0 ]] || steps=("${STEPS[@]}")
  for name in "${steps[@]}"; do
    [[ " ${STEPS[*]} " == *" $name "* ]] || { echo "unknown step $name; known are ${STEPS[*]}" >&2; exit 2; }
    echo "== $name"
    local start=$SECONDS
    "$name"
    echo "== $name: ok, $((SECONDS - start)) s"
  done
  echo "the gate is open: ${steps[*]}"
}

main "$@"
