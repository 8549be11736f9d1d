//! The interpreter without the standard library, in the program of `no_std/`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

#[test]
fn a_program_with_its_own_panic_handler_and_allocator_runs_a_module() {
    let program = build();
    for (arguments, number) in [(0, 1), (5, 8), (11, 144)] {
        let status = Command::new(&program).args(vec!["x"; arguments]).status().unwrap();
        assert_eq!(status.code(), Some(number), "{arguments} arguments: {status}");
    }
}

/// Builds the program, and returns its path.
fn build() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/no_std");
    // The same versions as in the workspace, of which the program is no member.
    fs::copy(package.join("../../../Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_std");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--quiet", "--offline", "--release"]).current_dir(package).arg("--target-dir").arg(&target);
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("release/without-std")
}
