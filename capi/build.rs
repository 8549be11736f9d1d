//! Gives the shared library its name for the dynamic linker, which `install.sh` installs it under.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libtouchstone.so.0");
}
