#!/usr/bin/env bash
# Installs engines of ci/engines.toml from their registries into target/engines, where the runner looks for them: the
# lanes v8, jsc and spidermonkey, and lanes of one version such as wasmtime-c@25. Nothing is installed into the system.
# An engine that is there stays.
# Usage: ci/install-engines.sh [NAME[@VERSION]]...   (v8, jsc and spidermonkey without arguments)
# Needs npm for the kind npm, python3 with pip for wheels, apt-get and dpkg-deb (Debian 12) for SpiderMonkey, and
# minutes for a crate, which is built; x86-64 Linux.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly ENGINES=${CARGO_TARGET_DIR:-target}/engines

fail() { echo "install-engines: $*" >&2; exit 1; }

need() { command -v "$1" >/dev/null || fail "$2 needs \`$1\`, which is not installed"; }

# FILE DIGEST: checks what was downloaded.
verify() {
  echo "$2  $1" | sha256sum --check --status || fail "$1 has not the digest that ci/engines.toml says: $2"
}

# Each of these downloads a package into the current folder and unpacks it there. PACKAGE VERSION DIGEST FILE RECORD
npm_package() {
  need npm "$1"
  npm pack --silent "$1@$2" >/dev/null || fail "npm cannot download $1@$2"
  verify ./*.tgz "$3"
  tar -xzf ./*.tgz --strip-components=1 && rm ./*.tgz
}

library_package() { wheel_package "$@"; }
python_package() { wheel_package "$@"; }

wheel_package() {
  need python3 "$1"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: "$1==$2" >/dev/null ||
    fail "pip cannot download $1==$2"
  verify ./*.whl "$3"
  python3 -m zipfile -e ./*.whl . && rm ./*.whl
  # The files of an archive may lack their run bit.
  chmod +x "$4" "$(dirname "$4")"/*
}

# Builds the library of a crate: a crate around it exports all that it exports. Cargo verifies what it downloads.
crate_package() {
  local features
  # A list in JSON is one in TOML.
  features=$(sed 's/.*"features":\(\[[^]]*\]\).*/\1/' <<<"$5")
  mkdir src
  cat >Cargo.toml <<TOML
[package]
name = "library"
version = "0.0.0"
edition = "2024"

[lib]
crate-type = ["cdylib"]

[dependencies]
engine = { package = "$1", version = "=$2", default-features = false, features = $features }

[workspace]
TOML
  echo 'pub use engine::*;' >src/lib.rs
  cargo build --quiet --release --target-dir target || fail "cargo cannot build $1 $2"
  mv "target/release/$4" . && rm -r target
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

# NAME VERSION KIND PACKAGE DIGEST FILE PLACE RECORD: installs one engine. The record goes into the file `installed`,
# which says what is there and is written last: an interrupted installation starts again.
install() {
  local name=$1 version=$2 kind=$3 package=$4 digest=$5 file=$6 place=$7 record=$8
  local folder=$ENGINES/$name@$version
  if [[ $(cat "$folder/installed" 2>/dev/null) == "$record" ]]; then
    echo "$name: $version is there"
  else
    rm -rf "$folder"; mkdir -p "$folder"
    (cd "$folder" && "${kind}_package" "$package" "$version" "$digest" "$file" "$record")
    [[ -f $folder/$file ]] || fail "$package $version has no file $file"
    [[ $file == *.so ]] || "$folder/$file" --version </dev/null >/dev/null || fail "$folder/$file does not run"
    echo "$record" >"$folder/installed"
    echo "$name: $version in $folder"
  fi
  if [[ $place == first && ( $kind == npm || $kind == debian ) ]]; then
    ln -sfn "../$name@$version/$file" "$ENGINES/bin/$(basename "$file")"
  fi
}

main() {
  [[ $(uname -sm) == "Linux x86_64" ]] || fail "there are packages for x86-64 Linux only"
  mkdir -p "$ENGINES/bin"
  local lines name version kind package digest file place record
  lines=$(cargo run --locked --quiet -p ci -- engines "$@")
  # The programs must not read the lines that are left.
  while read -r name version kind package digest file place record <&3; do
    install "$name" "$version" "$kind" "$package" "$digest" "$file" "$place" "$record"
  done 3<<<"$lines"
}

main "$@"
