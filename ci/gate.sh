#!/usr/bin/env bash
# The gate: what must hold before a change is merged, beyond `cargo test --workspace`, which .ci/run calls first.
# Needs Rust and nothing else; fetches compilers, debuggers and readers of ELF where they are missing. One target
# directory, one release build. Checks that take longer are in ci/extended.sh.
# Usage: ci/gate.sh [STEP]...   (all steps without arguments; their names are the functions below)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source ci/common.sh

readonly OTHERS=wasmtime,wasmtime/none,wasmi
readonly STEPS=(tools format lints documentation dependencies debugging without_compiler build_runner own_scripts
  conformance explicit_checks baseline_cpu gc_zeal remote_lanes verify_unwind other_unwinders other_engines
  without_our_engine interpreter_alone without_wasi programs c_interface c_library_lane python_package
  official_checkout report_page action_steps canaries)

# The tools that tests hand artifacts to, compilers of C for this machine and for WASI, and LLVM's unwinder.
tools() {
  install_tools readelf=binutils gdb=gdb "lldb=lldb python3-lldb-14" llvm-dwarfdump=llvm clang=clang wasm-ld=lld \
    perf=linux-perf cc=gcc c++=g++ pkg-config=pkg-config
  [[ -e /usr/lib/wasm32-wasi/libc.a ]] || install_packages wasi-libc libclang-rt-dev-wasm32
  [[ $(ldconfig -p) == *'libunwind.so.1 '* ]] || install_packages libunwind-14
}

format() { cargo fmt --all --check; }

lints() {
  cargo clippy --locked --workspace --all-targets --features runner/wasmi,runner/wasmtime -- -D warnings
  cargo clippy --locked -p engine --no-default-features -- -D warnings
  # The benchmark's other half. The gate does not run it, but it must compile.
  cargo clippy --locked -p bench --all-targets --features wasmtime,wasmi -- -D warnings
}

documentation() { RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet; }

# The engine's runtime half does not depend on its compiler half.
dependencies() { engine_tree --no-default-features | check dependencies; }
engine_tree() { cargo tree --locked -p engine -e normal --prefix none "$@"; }

# Debug information, as gdb, lldb and readers of DWARF see it, and profiles, as perf sees them. Where the tools are
# missing, the tests show nothing.
debugging() { TOUCHSTONE_REQUIRE_TOOLS=1 cargo test --locked --quiet --workspace --test debugging --test profiling; }

# A program without a compiler loads an artifact, runs it, and traps with the same backtrace as a program with one.
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
  # The last call did trap, six levels deep, as division.wat says.
  grep -q 'integer divide by zero' "$OUT/without.txt"
  [[ $(grep -c 'division!1 $down @0x' "$OUT/without.txt") -eq 6 ]]
}

# Prints the output of a program on both streams, and its exit code. Succeeds even if the program fails.
outcome() { local code=0; "$@" 2>&1 || code=$?; echo "exit code $code"; }

# The scripts of interpreter/tests/ahead have features that only the interpreter has so far.
own_scripts() {
  runner --lanes all --deny unsupported tests/*.wast
  runner --lanes interp --deny unsupported interpreter/tests/ahead/*.wast
  runner --lanes interp --gc-zeal interpreter/tests/ahead/*.wast
}

# Every version of the official suite in every lane. All 130,776 directives of each lane must execute.
conformance() { official report "$LANES" 1.0,2.0,3.0; }
explicit_checks() { official explicit "$LANES" 1.0,2.0,3.0 --memory-checks explicit; }
baseline_cpu() { official baseline "$LANES" 1.0,2.0,3.0 --cpu baseline; }
gc_zeal() { official zeal "$LANES" 3.0 --gc-zeal; }

# A worker without compiler and parser runs all of it, from artifacts alone. Our own scripts run beside a lane of this
# process, which must see the same.
remote_lanes() {
  local only=(--no-default-features --features remote-worker)
  cargo clippy --locked -p lanes "${only[@]}" -- -D warnings
  worker_tree "${only[@]}" | check dependencies
  cargo build --locked --release -p lanes "${only[@]}"
  official remote "$REMOTE_LANES" 1.0,2.0,3.0
  runner --lanes "speed/fresh,$REMOTE_LANES" --deny unsupported tests/*.wast
}
worker_tree() { cargo tree --locked -p lanes -e normal --prefix none "$@"; }

# The unwind tables are right at every instruction that our own scripts execute.
verify_unwind() { touchstone verify-unwind tests --lanes "${LANES%,interp}"; }

# Frame pointers, libgcc and LLVM's unwinder find the same frames at each trap and host call.
other_unwinders() {
  local walks=(verify-unwind tests --walks --lanes "${LANES%,interp}")
  touchstone "${walks[@]}" | tee "$OUT/libgcc.txt"
  grep -q 'by .*libgcc_s.so.1: 0 differ' "$OUT/libgcc.txt"
  LD_PRELOAD=libunwind.so.1 touchstone "${walks[@]}" | tee "$OUT/llvm.txt"
  grep -q 'by .*libunwind.so.1: 0 differ' "$OUT/llvm.txt"
}

# Linked engines execute all of it too, and so do engines of other processes where they are installed, except for
# features that they lack and for listed failures. This shows that the harness drives engines that are not ours, that
# others find the same frames, and that the list of their failures is true.
other_engines() {
  official others "speed/fresh,$OTHERS" 1.0,2.0
  runner --lanes "speed/fresh,$OTHERS,v8?,jsc?,spidermonkey?" --expect ci/other-engines.txt \
    spec:1.0 spec:2.0 spec:3.0 tests
}

# A runner for other engines alone contains neither our engine nor Cranelift.
without_our_engine() {
  local only=(--no-default-features --features wasmi)
  cargo clippy --locked -p runner "${only[@]}" -- -D warnings
  local tree; tree=$(cargo tree --locked -p runner -e normal --prefix none "${only[@]}")
  grep -q '^wasmi v' <<<"$tree"
  if grep -E '^(engine|interpreter|cranelift[a-z-]*) v' <<<"$tree"; then return 1; fi
}

# A runner with the interpreter alone contains no compiler and no unsafe code of ours, and runs a whole suite.
interpreter_alone() {
  local only=(--no-default-features --features interp)
  cargo clippy --locked -p runner "${only[@]}" -- -D warnings
  runner_tree "${only[@]}" | check_no_compiler
  grep -q '^#!\[forbid(unsafe_code)\]' interpreter/src/lib.rs
  cargo run --locked --quiet -p runner "${only[@]}" -- --quiet --deny unsupported spec:1.0 </dev/null |
    grep '^ok: 73 scripts in 1 lane, 19245 directives passed'
}
runner_tree() { cargo tree --locked -p runner -e normal --prefix none "$@"; }

# Reads the dependency tree of a runner that has the interpreter.
check_no_compiler() {
  local tree; tree=$(cat)
  grep -q '^interpreter v' <<<"$tree" || { echo "the interpreter is not in the tree" >&2; return 1; }
  if grep -E '^(engine|fuzz|cranelift[a-z-]*) v' <<<"$tree" >&2; then
    echo "a compiler is in the tree" >&2
    return 1
  fi
}

# WASI is a feature that is off by default: it is not in the tree, and a program that imports it hears how to get it.
without_wasi() {
  cargo clippy --locked -p runner -- -D warnings
  if runner_tree | grep '^wasi-common v'; then return 1; fi
  runner_tree --features wasi | grep -q '^wasi-common v'
  printf '(module (import "wasi_snapshot_preview1" "sched_yield" (func (result i32))) (func (export "_start")))' \
    >"$OUT/yield.wat"
  refuses 'which this build does not have. Build one that has it: `cargo install --path runner --features wasi`' \
    touchstone run "$OUT/yield.wat"
  refuses '--dir and --env are of WASI, which this build does not have' touchstone run --dir . "$OUT/yield.wat"
}

# C programs that clang compiles for WASI, in each tier. `cargo test` leaves them out where clang was missing.
programs() { TOUCHSTONE_REQUIRE_CLANG=1 cargo test --locked --quiet --workspace --test programs; }

# Programs in C call every function of the library. An installed library, shared and static, serves a program that finds
# it by pkg-config.
c_interface() {
  TOUCHSTONE_REQUIRE_TOOLS=1 cargo test --locked --quiet --workspace --test c_programs --test headers
  local prefix=$PWD/$OUT/prefix config
  capi/install.sh --debug "$prefix"
  config=(env PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config touchstone)
  cc capi/examples/hello.c $("${config[@]}" --cflags --libs) -Wl,-rpath,"$prefix/lib" -o "$OUT/hello"
  "$OUT/hello" | diff capi/examples/hello.out -
  cc capi/examples/hello.c $("${config[@]}" --cflags) "$prefix/lib/libtouchstone.a" \
    $("${config[@]}" --static --libs | sed 's/-ltouchstone//') -o "$OUT/hello-static"
  "$OUT/hello-static" | diff capi/examples/hello.out -
  # The first needs the library under its name, the other none.
  [[ $(ldd "$OUT/hello") == *"$prefix/lib/libtouchstone.so.0"* && $(ldd "$OUT/hello-static") != *touchstone* ]]
}

# The library that the step before has installed runs the suites through the standard interface: no failure, and no
# disagreement with the lane of the same engine. It cannot express what 50 directives ask for.
c_library_lane() {
  local library=$PWD/$OUT/prefix/lib/libtouchstone.so
  runner --lanes speed/fresh,library --lane "library=$PWD/target/release/touchstone adapter --library $library" \
    --min-passed library=132355 spec:1.0 spec:2.0 spec:3.0 tests
}

# The Python package without the script runner compiles. The wheel is built, installed into a fresh virtual environment,
# and tested, with the code of its document. The build needs no Python.
python_package() {
  PYO3_NO_PYTHON=1 cargo clippy --locked -p python --no-default-features -- -D warnings
  install_tools python3=python3
  python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
  python/test.sh
}

# The page of reports in a browser, with a planted wrong cell that must be noticed.
report_page() { ci/page.sh; }

# The steps of the action for other projects.
action_steps() { ci/action-test.sh; }

# The data crate lacks exactly the files of the checkout that it says, and all of the checkout's scripts execute with no
# failure but the listed ones.
official_checkout() {
  if ! needs_checkout official_checkout; then return 0; fi
  SPEC_TESTSUITE=$(checkout) cargo test --locked --quiet -p spec-testsuite --test checkout
  official_checkout_with checkout "$LANES"
  official_checkout_with remote_checkout "$REMOTE_LANES"
  refuses 'custom-descriptors/ in .*: 4 expected to fail, not 5' check_unlisted
}

# Alters a report so that a listed failure counts as a pass.
check_unlisted() {
  sed '0,/"expected": *2/s//"expected": 1/' "$OUT/checkout.json" >"$OUT/altered.json"
  check conformance "$OUT/altered.json" --lanes "$LANES" --suites checkout --checkout "$(checkout)"
}

# Every check must be able to fail: each of these faults must be refused.
canaries() {
  refuses 'depends on cranelift-codegen' check_dependencies_of_compiler
  refuses 'depends on cranelift-codegen' check_worker_with_compiler
  refuses 'not the dependency tree' check_nothing
  refuses 'a compiler is in the tree' check_runner_with_compiler
  refuses '19003 directives, not 73 with 19245' check_altered '0,/"directives": *243/s//"directives": 1/'
  refuses 'report is of the lanes .*swift' check_altered 's/quick/swift/g'
  refuses 'disagreements: 1' check_altered 's/"disagreements": *0/"disagreements": 1/'
  refuses 'address.wast .*crash' check_altered 's/"pass"/"crash"/'
  printf '(module (func (export "one") (result i32) (i32.const 1)))\n(assert_return (invoke "one") (i32.const 2))\n' \
    >"$OUT/wrong.wast"
  refuses 'wrong.wast:2:1: .*expected \[i32 2\]' runner --lanes all "$OUT/wrong.wast"
  printf ';;! features: 3.0, stack-switching\n(module)\n(module (type $f (func)) (type (cont $f)))\n' \
    >"$OUT/lacking.wast"
  refuses '4 directives are unsupported, which --deny forbids' runner --lanes all --deny unsupported "$OUT/lacking.wast"
  refuses 'condition.wast:15:1: .*expected \[i32 5\], got \[i32 1\]' runner --lanes wasmi tests/select-condition.wast
  refuses 'report is of the lanes .*wasmi' check conformance "$OUT/others.json" --lanes "$LANES" --suites 1.0,2.0
  refuses 'no official checkout' check_required_checkout
  refuses 'Memory.grow is not present in stub' check_stubs_without_a_method
}

# A subshell, because the step ends the gate.
check_required_checkout() (
  checkout() { echo "no official checkout" >&2; return 1; }
  TOUCHSTONE_REQUIRE_CHECKOUT=1
  official_checkout
)

# The stubs are those that the step `python_package` has installed.
check_stubs_without_a_method() {
  sed -i 's/def grow/def grows/' target/python/venv/lib/python3*/site-packages/touchstone/_native.pyi
  target/python/venv/bin/stubtest touchstone
}

check_dependencies_of_compiler() { engine_tree | check dependencies; }
check_worker_with_compiler() { worker_tree | check dependencies; }
check_nothing() { check dependencies </dev/null; }
check_runner_with_compiler() { runner_tree | check_no_compiler; }
check_altered() {
  sed "$1" "$OUT/report.json" >"$OUT/altered.json"
  if cmp -s "$OUT/report.json" "$OUT/altered.json"; then return 0; fi
  check conformance "$OUT/altered.json" --lanes "$LANES" --suites 1.0,2.0,3.0
}

run_steps STEPS "the gate is open" "$@"
