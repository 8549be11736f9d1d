# Shared by gate.sh and extended.sh: the runner, the official suites, and the loop over the steps.
# Usage: source ci/common.sh, from the root of the repository. Bash only.

readonly LANES=speed/fresh,speed/reload,quick/fresh,quick/reload,interp
readonly REMOTE_LANES=speed/remote,quick/remote
readonly OUT=target/gate

# Steps that did not run, each with its reason.
SKIPPED=()

build_runner() { cargo build --locked --release -p runner --features library,wasmi,wasmtime; }

touchstone() { target/release/touchstone "$@" </dev/null; }
runner() { touchstone --quiet "$@"; }

check() { cargo run --locked --quiet -p ci -- "$@"; }

# NAME LANES SUITES [OPTION]...: runs official suites in lanes, and checks that the report has all of their directives.
official() {
  local report=$OUT/$1.json lanes=$2 suites=$3; shift 3
  local names; IFS=, read -ra names <<<"$suites"
  runner --lanes "$lanes" "$@" --report "json=$report" "${names[@]/#/spec:}"
  check conformance "$report" --lanes "$lanes" --suites "$suites"
}

# NAME LANES [OPTION]...: the same for the official checkout, which has scripts that the data crate lacks.
official_checkout_with() {
  local report=$OUT/$1.json lanes=$2 directory; shift 2
  directory=$(checkout)
  runner --lanes "$lanes" "$@" --report "json=$report" "$directory"
  check conformance "$report" --lanes "$lanes" --suites checkout --checkout "$directory"
}

# DIRECTORY REPOSITORY COMMIT PATH...: writes these paths of a commit to the directory.
fetch_commit() {
  local directory=$1 repository=$2 commit=$3 clone; shift 3
  clone=$(mktemp -d)
  git init --quiet "$clone"
  git -C "$clone" fetch --quiet --depth 1 "$repository" "$commit" || fail "cannot fetch $commit of $repository"
  git -C "$clone" archive FETCH_HEAD "$@" | tar -x -C "$directory"
  rm -rf "$clone"
}

# "COMMAND=PACKAGE [PACKAGE]..."...: installs the packages of the commands that are missing.
install_tools() {
  local tool packages=()
  for tool; do
    command -v "${tool%%=*}" >/dev/null || packages+=(${tool#*=})
  done
  [[ ${#packages[@]} -eq 0 ]] || install_packages "${packages[@]}"
}

install_packages() {
  local sudo=(); [[ $(id -u) -eq 0 ]] || sudo=(sudo)
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" apt-get install -y -qq --no-install-recommends "$@"
}

# Prints the directory of the official checkout, and fails if there is none. SPEC_TESTSUITE names it; otherwise it is
# beside this repository, or where ci/fetch-official-suite.sh puts it.
checkout() {
  local places=(../shared/spec-testsuite target/official-suite) place
  [[ -z ${SPEC_TESTSUITE:-} ]] || places=("$SPEC_TESTSUITE")
  for place in "${places[@]}"; do
    if [[ -d $place ]]; then realpath "$place"; return; fi
  done
  echo "there is no official checkout at ${places[*]}: run ci/fetch-official-suite.sh, or set SPEC_TESTSUITE" >&2
  return 1
}

# STEP: true if the checkout is there. Without it the step fails where TOUCHSTONE_REQUIRE_CHECKOUT=1 or SPEC_TESTSUITE
# is set; anywhere else the step is skipped, which the last line of the run says.
needs_checkout() {
  if checkout >/dev/null 2>"$OUT/checkout.txt"; then return 0; fi
  cat "$OUT/checkout.txt" >&2
  if [[ ${TOUCHSTONE_REQUIRE_CHECKOUT:-0} == 1 || -n ${SPEC_TESTSUITE:-} ]]; then exit 1; fi
  SKIPPED+=("$1: no official checkout")
  return 1
}

# REASON COMMAND...: checks that the command fails, and for this reason. Another reason proves nothing.
refuses() {
  local reason=$1; shift
  if "$@" >"$OUT/canary.txt" 2>&1; then
    echo "not refused, though it should say: $reason" >&2
    return 1
  fi
  grep -m 1 -- "$reason" "$OUT/canary.txt" || { cat "$OUT/canary.txt" >&2; return 1; }
}

# STEPS NAME [STEP]...: runs the named steps, or all of the array STEPS, and then prints the seconds that each took.
run_steps() {
  local -n all=$1
  local name=$2; shift 2
  local steps=("$@") step times=()
  [[ $# -gt 0 ]] || steps=("${all[@]}")
  mkdir -p "$OUT"
  for step in "${steps[@]}"; do
    [[ " ${all[*]} " == *" $step "* ]] || { echo "unknown step $step; known are ${all[*]}" >&2; exit 2; }
  done
  for step in "${steps[@]}"; do
    echo "== $step"
    local start=$SECONDS
    "$step"
    times+=("$((SECONDS - start)) s  $step")
    echo "== $step: ok, $((SECONDS - start)) s"
  done
  printf '%8s %s  %s\n' $(printf '%s\n' "${times[@]}" | sort -rn) "$SECONDS" s total
  [[ ${#SKIPPED[@]} -eq 0 ]] || printf 'SKIPPED %s\n' "${SKIPPED[@]}"
  echo "$name: ${steps[*]}"
}
