//! The official programs of WASI preview 1, in each tier. The variable `WASI_TESTSUITE` names the checkout, which
//! `ci/fetch-wasi-testsuite.sh` makes; without it there is nothing to run.
#![cfg(all(feature = "engine", feature = "interp", feature = "wasi"))]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TIERS: [&str; 3] = ["speed", "quick", "interp"];

/// The number of programs.
const PROGRAMS: usize = 72;

/// Programs that are known to fail, each with the reason.
const KNOWN: &[(&str, &str)] = &[];

#[test]
fn the_official_programs_pass() {
    let Some(checkout) = std::env::var_os("WASI_TESTSUITE") else {
        eprintln!("skipped: WASI_TESTSUITE names no checkout; ci/fetch-wasi-testsuite.sh makes one");
        return;
    };
    let programs = programs(Path::new(&checkout));
    assert_eq!(programs.len(), PROGRAMS, "programs in {}", checkout.display());
    let mut failures = BTreeMap::new();
    for program in &programs {
        let name = program.file_stem().expect("a name").to_string_lossy().into_owned();
        for tier in TIERS {
            if let Err(why) = run(program, tier, &expectation(program)) {
                failures.entry(name.clone()).or_insert_with(Vec::new).push(format!("{tier}: {why}"));
            }
        }
    }
    eprintln!("{} of {PROGRAMS} programs pass in all of {TIERS:?}", PROGRAMS - failures.len());
    let known: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
    assert_eq!(failures.keys().collect::<Vec<_>>(), known, "{failures:#?}");

    // A wrong expectation is noticed.
    let success = programs.iter().find(|program| program.ends_with("proc_exit-success.wasm")).expect("it is there");
    assert_eq!(run(success, "speed", &json!({"exit_code": 0})), Ok(()));
    assert!(run(success, "speed", &json!({"exit_code": 1})).is_err());
    assert!(run(success, "speed", &json!({"stdout": "not this"})).is_err());
}

/// The expectations in the file beside a program.
fn expectation(program: &Path) -> Value {
    let text = fs::read_to_string(program.with_extension("json")).unwrap_or_else(|_| "{}".to_owned());
    serde_json::from_str(&text).expect("the format of the suite")
}

/// The binaries of preview 1 in a checkout.
fn programs(checkout: &Path) -> Vec<PathBuf> {
    let mut programs = Vec::new();
    for language in ["assemblyscript", "c", "rust"] {
        let folder = checkout.join("tests").join(language).join("testsuite/wasm32-wasip1");
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let files = entries.map(|entry| entry.expect("an entry").path());
        programs.extend(files.filter(|path| path.extension().is_some_and(|extension| extension == "wasm")));
    }
    programs.sort();
    programs
}

/// Runs a program as it is expected to run. The error tells what differs.
fn run(program: &Path, tier: &str, expected: &Value) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
    command.args(["run", "--tier", tier, "--timeout", "60", "--no-cache"]);
    for (name, value) in expected["env"].as_object().into_iter().flatten() {
        command.arg("--env").arg(format!("{name}={}", value.as_str().expect("a text")));
    }
    // A copy: programs write to their directory.
    let copy = tempfile::tempdir().expect("a folder");
    if let Some(root) = expected["root"].as_str() {
        copy_folder(&program.with_file_name(root), copy.path());
        command.arg("--dir").arg(format!("{}::/", copy.path().display()));
    }
    command.arg(program);
    let arguments = expected["args"].as_array().into_iter().flatten();
    command.args(arguments.map(|argument| argument.as_str().expect("a text")));

    let output = command.stdin(Stdio::null()).output().expect("touchstone starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let code = expected["exit_code"].as_i64().unwrap_or(0);
    if output.status.code().map(i64::from) != Some(code) {
        return Err(format!("{}, not code {code}: {stderr}", output.status));
    }
    let stdout = expected["stdout"].as_str().unwrap_or_default();
    if !stdout.is_empty() && output.stdout != stdout.as_bytes() {
        return Err(format!("it wrote {:?}, not {stdout:?}", String::from_utf8_lossy(&output.stdout)));
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the folder of the program") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
