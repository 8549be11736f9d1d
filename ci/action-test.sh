#!/usr/bin/env bash
# Runs the steps of action.yml as a workflow would: an engine that passes, one that fails, and inputs that are wrong.
# Usage: ci/action-test.sh [PROGRAM]   (target/release/touchstone without arguments)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source ci/common.sh

readonly PROGRAM=$(realpath "${1:-target/release/touchstone}")
readonly WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# COMMAND...: prints the output and the exit code of a step, in an environment like that of a workflow.
step() {
  local code=0
  env RUNNER_TEMP="$WORK" GITHUB_STEP_SUMMARY="$WORK/summary.md" OUTPUT="$WORK/out" NAME=mine \
    ADAPTER="$PROGRAM adapter interp" SUITES="docs/examples/wrong.wast" "$@" 2>&1 || code=$?
  echo "exit code $code"
}

# TEXT COMMAND...: checks that the output of a step has this text.
shows() {
  local text=$1 output; shift
  output=$(step "$@")
  grep -qF -- "$text" <<<"$output" || { printf 'not shown: %s\n%s\n' "$text" "$output" >&2; return 1; }
}

# Every `run` of the action is a step that is tried here.
[[ $(grep -c '^    - run:' action.yml) -eq 3 ]]
for name in runner run page; do grep -qF "ci/action.sh\" $name'" action.yml; done

readonly ACTION=ci/action.sh
shows "exit code 0" RUNNER="$PROGRAM" "$ACTION" runner
shows "there is no runner at nowhere" RUNNER=nowhere "$ACTION" runner
shows "needs the input runner-sha256" RUNNER=https://example.invalid/touchstone "$ACTION" runner

# A failure is an annotation at its line, and the page and the summary are there all the same.
shows "::error file=docs/examples/wrong.wast,line=12,col=1,title=assert_return" "$ACTION" run
shows "exit code 1" "$ACTION" run
shows "exit code 1" LANES=interp "$ACTION" run
grep -q '"lane": "interp"' "$WORK/out/report.json"
cp "$WORK/out/report.json" "$WORK/old.json"
shows "exit code 0" AGAINST="$WORK/old.json" "$ACTION" page
grep -q '<title>Touchstone: failed' "$WORK/out/index.html"
grep -q '0 worse, 0 better, 0 other' "$WORK/summary.md"

# Options are quoted as in a shell, and are never code.
printf '%s\n' 'wrong.wast:12 a known bug' 'wrong.wast:13 another' >"$WORK/expected list.txt"
shows "exit code 0" OPTIONS="--expect '$WORK/expected list.txt'" "$ACTION" run
shows "exit code 2" OPTIONS="--filter \$(touch $WORK/owned)" "$ACTION" run
[[ ! -e $WORK/owned ]]

# An adapter that does not start is an error, and leaves no report of an earlier run.
shows "exit code 2" ADAPTER=false "$ACTION" run
[[ ! -e $WORK/out/report.json ]]
shows "exit code 0" "$ACTION" page
echo "the steps of the action do what they say"
