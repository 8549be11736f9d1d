#!/usr/bin/env bash
# Builds libtouchstone and installs it with its headers, and a file for pkg-config.
# Usage: capi/install.sh [--debug] PREFIX
#   --debug   builds without optimization of our own crates, which is faster
set -euo pipefail

usage() { sed -n '3,4s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }

profile=release
if [[ ${1:-} == --debug ]]; then profile=dev; shift; fi
[[ $# -eq 1 && $1 != -* ]] || usage
mkdir -p "$1"
prefix=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The flag prints the libraries that a program needs which links the static one.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cargo rustc --locked --package touchstone-capi --lib --profile "$profile" -- --print native-static-libs 2>&1 |
  tee "$log" >&2
private=$(sed -n 's/^note: native-static-libs: //p' "$log" | tail -n 1)
[[ -n $private ]] || { echo "install.sh: the compiler does not say what the static library needs" >&2; exit 1; }

built=${CARGO_TARGET_DIR:-target}/${profile/dev/debug}
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
install -d "$prefix/lib/pkgconfig" "$prefix/include"
install -m 755 "$built/libtouchstone.so" "$prefix/lib/libtouchstone.so.$version"
# The name that programs ask for, which build.rs gives to the library, and the one that the linker looks for.
ln -sf "libtouchstone.so.$version" "$prefix/lib/libtouchstone.so.0"
ln -sf libtouchstone.so.0 "$prefix/lib/libtouchstone.so"
install -m 644 "$built/libtouchstone.a" "$prefix/lib/"
install -m 644 capi/include/wasm.h capi/include/touchstone.h "$prefix/include/"
cat >"$prefix/lib/pkgconfig/touchstone.pc" <<EOF
prefix=$prefix
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: touchstone
Description: WebAssembly engine with the standard C interface
Version: $version
Libs: -L\${libdir} -ltouchstone
Libs.private: $private
Cflags: -I\${includedir}
EOF
echo "installed libtouchstone $version in $prefix"
