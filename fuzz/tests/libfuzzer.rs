//! The scripts in `libfuzzer/` that cargo calls for cargo-fuzz, with a command that prints its arguments in place of
//! rustc and of a target.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

/// The flags of cargo-fuzz, between others.
const FLAGS: [&str; 8] = [
    "--cfg",
    "feature=\"a b\"",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Zsanitizer=address",
    "-Cdebug-assertions",
    "-Copt-level=3",
];

/// Runs a script and returns the lines on standard output, and the text on standard error.
fn run(script: &str, setup: impl FnOnce(&mut Command), arguments: &[&str]) -> (Vec<String>, String) {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("libfuzzer").join(script));
    command.env_remove("ASAN_OPTIONS").args(arguments);
    setup(&mut command);
    let output = command.output().expect("the script is executable");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the script writes text");
    (text(output.stdout).lines().map(str::to_string).collect(), text(output.stderr))
}

fn keep_flags(manifest_dir: &str) -> Vec<String> {
    let mut arguments = vec!["printf", "%s\\n"];
    arguments.extend(FLAGS);
    run("instrument-own-crates", |command| _ = command.env("CARGO_MANIFEST_DIR", manifest_dir), &arguments).0
}

#[test]
fn only_our_own_crates_are_instrumented() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in the workspace").join("engine");
    let ours: Vec<_> = FLAGS.into_iter().filter(|flag| !flag.contains("trace")).collect();
    assert_eq!(keep_flags(engine.to_str().expect("a path in UTF-8")), ours);
    assert_eq!(keep_flags("/registry/cranelift-codegen"), ["--cfg", "feature=\"a b\"", "-Copt-level=3"]);
}

#[test]
fn options_override_the_defaults_of_a_target() {
    let in_fuzz = |command: &mut Command| _ = command.current_dir(env!("CARGO_MANIFEST_DIR"));
    let (lines, note) = run("run", in_fuzz, &["echo", "-entropic=1"]);
    assert_eq!(
        (lines.as_slice(), note.as_str()),
        (["-entropic=0 -detect_leaks=0 -max_len=16384 -len_control=0 -entropic=1".to_string()].as_slice(), "")
    );
}

#[test]
fn a_slow_build_is_pointed_out() {
    let elsewhere = |command: &mut Command| _ = command.current_dir("/");
    let (_, note) = run("run", elsewhere, &["echo"]);
    assert!(note.contains("run `cargo fuzz` in the folder fuzz/"), "{note}");
}

/// Makes a program that is a shell script.
fn install(folder: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/bash\n{script}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made executable");
}

/// The build script of OSS-Fuzz, with programs in place of cargo and zip that do what these would.
#[test]
fn the_build_for_oss_fuzz_has_all_parts_of_each_target() {
    let root = tempfile::tempdir().expect("a directory");
    let folder = |name: &str| {
        let path = root.path().join(name);
        fs::create_dir(&path).expect("made");
        path
    };
    let (programs, out, built) = (folder("programs"), folder("out"), folder("built"));
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    install(
        &programs,
        "cargo",
        "[[ $* == 'fuzz build --fuzz-dir . --target x86_64-unknown-linux-gnu --target-dir '* ]] || exit 3\n\
         folder=${@: -1}/x86_64-unknown-linux-gnu/release; mkdir -p \"$folder\"\n\
         for target in fuzz_targets/*.rs; do echo \"$target\" >\"$folder/$(basename \"$target\" .rs)\"; done",
    );
    install(&programs, "zip", "shift 3; cat \"$@\" >seeds.zip");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("a path"));
    let mut command = Command::new(fuzz.join("oss-fuzz/build.sh"));
    command.current_dir(fuzz).env("PATH", path).env("OUT", &out).env("CARGO_TARGET_DIR", &built);
    let output = command.output().expect("the script is executable");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut targets = 0;
    for entry in fs::read_dir(fuzz.join("fuzz_targets")).expect("a folder").flatten() {
        let name = entry.path().file_stem().expect("a name").to_str().expect("UTF-8").to_string();
        let read =
            |suffix: &str| fs::read_to_string(out.join(format!("{name}{suffix}"))).expect("a part of the target");
        assert_eq!(read(""), format!("fuzz_targets/{name}.rs\n"));
        assert_eq!(read("_seed_corpus.zip").len(), 64 * 8);
        assert!(read(".options").contains("entropic = 0"));
        assert!(read(".dict").contains("f32_nan="));
        targets += 1;
    }
    assert_eq!(targets, fuzz::oracle::ORACLES.len(), "each oracle has a target");
}
