#!/usr/bin/env bash
# The steps of action.yml, which names their environment. `runner` builds or downloads the runner, `run` runs the suites
# and annotates, `page` makes the page and the summary.
# Usage: action.sh runner|run|page   (in the folder of the project that is tested)
set -euo pipefail

readonly HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly PROGRAM=${RUNNER_TEMP:-$HERE/target}/touchstone

fail() { echo "::error title=touchstone::$*"; exit 2; }

# A runner without our compiler is enough for an adapter. The interpreter is there to be compared with.
runner() {
  case ${RUNNER:-} in
    "")
      cargo build --locked --release --manifest-path "$HERE/Cargo.toml" -p runner \
        --no-default-features --features interp
      RUNNER=${CARGO_TARGET_DIR:-$HERE/target}/release/touchstone ;;
    http://* | https://*)
      [[ -n ${RUNNER_SHA256:-} ]] || fail "a runner from a URL needs the input runner-sha256"
      curl --fail --silent --show-error --location --output "$PROGRAM.part" "$RUNNER" || fail "cannot download $RUNNER"
      echo "$RUNNER_SHA256  $PROGRAM.part" | sha256sum --check --status ||
        fail "$RUNNER has not the digest $RUNNER_SHA256"
      RUNNER=$PROGRAM.part ;;
  esac
  [[ -f $RUNNER ]] || fail "there is no runner at $RUNNER"
  mkdir -p "$(dirname "$PROGRAM")"
  [[ $RUNNER -ef $PROGRAM ]] || install -m 755 "$RUNNER" "$PROGRAM"
  "$PROGRAM" --version
}

run() {
  local suites options=()
  read -ra suites <<<"$SUITES"
  # xargs reads quotes as a shell does, and runs nothing of what they hold.
  [[ -z ${OPTIONS:-} ]] || mapfile -t options < <(xargs -n 1 printf '%s\n' <<<"$OPTIONS")
  mkdir -p "$OUTPUT"
  rm -f "$OUTPUT/report.json"
  "$PROGRAM" "${suites[@]}" --lanes "$NAME${LANES:+,$LANES}" --lane "$NAME=$ADAPTER" --report github \
    --report "json=$OUTPUT/report.json" "${options[@]}"
}

# Runs after a failure too. If the run was refused, there is no report and nothing to show.
page() {
  [[ -f $OUTPUT/report.json ]] || return 0
  local against=()
  [[ -z ${AGAINST:-} ]] || against=(--against "$AGAINST")
  "$PROGRAM" report "$OUTPUT/report.json" -o "$OUTPUT" "${against[@]}" | tee "$OUTPUT/summary.txt"
  {
    echo '### Touchstone'; echo; echo '```text'; cat "$OUTPUT/summary.txt"
    [[ -z ${AGAINST:-} ]] || "$PROGRAM" diff "$AGAINST" "$OUTPUT/report.json" | head -n 200 || true
    echo '```'
  } >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
}

case ${1:-} in
  runner | run | page) "$1" ;;
  *) sed -n 's/^# Usage: /usage: /p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
