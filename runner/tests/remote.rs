//! The lanes `remote`: a worker shows all that this process shows, and what goes wrong with it is said.
#![cfg(feature = "engine")]

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

use common::{text, touchstone};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// The worker of this lane has a compiler, which tells nothing about artifacts but spares a build.
#[test]
fn a_worker_shows_what_this_process_shows() {
    let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests");
    let output = touchstone(&[scripts, "--lanes", "speed/fresh,faulty/remote", "--deny", "unsupported"]);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("faulty/remote with speed/fresh: 1"), "{said}");
    assert!(!said.contains("no-frames"), "{said}");
}

#[test]
fn a_worker_that_ends_is_a_crash_of_its_script() {
    let script = tempfile::Builder::new().suffix(".wast").tempfile().expect("a file");
    let invoke = "(assert_return (invoke \"f\") (i32.const 1))\n";
    let module = "(module (func (export \"f\") (result i32) (i32.const 1)))\n";
    fs::write(script.path(), format!("{module}{}", invoke.repeat(20))).expect("written");
    let path = script.path().display().to_string();
    let output = touchstone(&[&path, "--lanes", "faulty/remote-ends"]);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the worker's process died: exit status: 0"), "{said}");
    assert_eq!(touchstone(&[&path, "--lanes", "faulty/remote"]).status.code(), Some(0));
}

#[test]
fn a_wrong_worker_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, script: &str| {
        let path = directory.path().join(name);
        fs::write(&path, script).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("changed");
        path.display().to_string()
    };
    let other = write("other", "#!/bin/sh\necho '{\"build\":\"engine 0.0.1\",\"has_compiler\":false}'\ncat\n");
    let none = write("none", "#!/bin/sh\necho what >&2\n");
    let missing = directory.path().join("missing").display().to_string();
    let with_compiler = env!("CARGO_BIN_EXE_faulty").to_string();
    for (worker, reason) in [
        (&missing, "not installed: there is no "),
        (&none, "is not the worker of the lanes `remote`: exit status: 0; its last words: what"),
        (&with_compiler, "was built with the compiler; `cargo build -p lanes"),
        (&other, "is engine 0.0.1, and this is engine "),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
        let output = command.args(["spec:1.0", "--filter", "nop", "--lanes", "quick/remote"]);
        let output = output.env("TOUCHSTONE_REMOTE", worker).output().expect("it starts");
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(reason), "{said}");
    }
}
