//! Real programs in each tier: C programs that check themselves, and every function of WASI once.
//!
//! The C programs are in `tests/programs`. The lines at the top of each say how it is run and what is expected:
//! `arguments`, `options` (of `touchstone run`; DIR is an empty folder), `stdin` (a text, or `open` for a pipe that
//! stays open and empty), `exit`, lines of `stdout`, and texts in `stderr`. They are compiled by clang for WASI; where
//! it or the libraries are missing, the test says so and checks nothing, unless TOUCHSTONE_REQUIRE_CLANG=1.
#![cfg(all(feature = "engine", feature = "interp", feature = "wasi"))]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use wasi::{FUNCTIONS, NumType};

const TIERS: [&str; 3] = ["speed", "quick", "interp"];

/// The way a program is run, and what is expected of it.
#[derive(Default)]
struct Case {
    arguments: Vec<String>,
    options: Vec<String>,
    stdin: String,
    exit: i32,
    stdout: Vec<String>,
    stderr: Vec<String>,
}

impl Case {
    /// Reads the lines at the top of a source.
    fn read(source: &str) -> Case {
        let mut case = Case::default();
        for line in source.lines().map_while(|line| line.strip_prefix("// ")) {
            let Some((key, value)) = line.split_once(": ") else { continue };
            let words = || shlex::split(value).expect("words");
            match key {
                "arguments" => case.arguments = words(),
                "options" => case.options = words(),
                "stdin" => case.stdin = value.to_owned(),
                "exit" => case.exit = value.parse().expect("a code"),
                "stdout" => case.stdout.push(value.to_owned()),
                "stderr" => case.stderr.push(value.to_owned()),
                _ => panic!("unknown: {line}"),
            }
        }
        case
    }

    /// Runs the program in a tier, and returns what is wrong.
    fn check(&self, program: &Path, tier: &str) -> Result<(), String> {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().display().to_string();
        let mut command = touchstone();
        command.args(["run", "--tier", tier, "--timeout", "60"]);
        command.args(self.options.iter().map(|option| option.replace("DIR", &folder)));
        command.arg(program).args(&self.arguments);
        let output = self.feed(command);
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let complaint = if output.status.code() != Some(self.exit) {
            format!("it ended with {}, not code {}", output.status, self.exit)
        } else if stdout.lines().ne(self.stdout.iter().map(String::as_str)) {
            format!("it wrote {stdout:?}, not {:?}", self.stdout)
        } else if let Some(missing) = self.stderr.iter().find(|text| !stderr.contains(*text)) {
            format!("standard error lacks {missing:?}")
        } else {
            return Ok(());
        };
        Err(format!("{}, {tier}: {complaint}\n{stderr}", program.display()))
    }

    /// Runs a command with the standard input of this case.
    fn feed(&self, mut command: Command) -> Output {
        let mut child = spawn(command.stdin(Stdio::piped()));
        let mut pipe: Option<ChildStdin> = child.stdin.take();
        if self.stdin != "open" {
            let mut pipe = pipe.take().expect("it is piped");
            // A program need not read what it is sent.
            let _ = pipe.write_all(self.stdin.as_bytes());
        }
        let output = child.wait_with_output().expect("it ends");
        drop(pipe);
        output
    }
}

fn touchstone() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
    command.env("NOT_GIVEN", "to the program");
    // The cache of the tests, not that of the user.
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).env("XDG_CONFIG_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Compiles a program of `tests/programs`.
fn compile(source: &Path, folder: &Path) -> Result<PathBuf, String> {
    let program = folder.join(source.file_name().expect("a name")).with_extension("wasm");
    let flags = ["--target=wasm32-wasi", "--sysroot=/usr", "-O1", "-Wall", "-Wextra", "-Werror"];
    let output = Command::new("clang").args(flags).arg("-o").arg(&program).arg(source).output();
    let output = output.map_err(|error| format!("clang: {error}"))?;
    if output.status.success() { Ok(program) } else { Err(text(&output.stderr)) }
}

/// True if clang compiles for WASI here.
fn has_clang(folder: &Path) -> bool {
    let source = folder.join("empty.c");
    fs::write(&source, "#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }\n").expect("a file");
    let Err(why) = compile(&source, folder) else { return true };
    assert!(std::env::var_os("TOUCHSTONE_REQUIRE_CLANG").is_none(), "clang does not compile for WASI: {why}");
    eprintln!("skipped: clang does not compile for WASI. Debian: clang lld wasi-libc libclang-rt-dev-wasm32");
    false
}

#[test]
fn c_programs_pass_in_each_tier() {
    let folder = tempfile::tempdir().expect("a folder");
    if !has_clang(folder.path()) {
        return;
    }
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    let entries = fs::read_dir(sources).expect("the programs").map(|entry| entry.expect("an entry").path());
    let sources: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|name| name == "c")).collect();
    assert!(sources.len() >= 10, "{sources:?}");
    let mut complaints = Vec::new();
    for source in &sources {
        let program = compile(source, folder.path()).expect("the program is right");
        let case = Case::read(&fs::read_to_string(source).expect("the source"));
        complaints.extend(TIERS.iter().filter_map(|tier| case.check(&program, tier).err()));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// A program that fails, and a case that expects too much, are noticed.
#[test]
fn failures_of_programs_are_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    if !has_clang(folder.path()) {
        return;
    }
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/test.h");
    fs::copy(header, folder.path().join("test.h")).expect("the header");
    let source = folder.path().join("wrong.c");
    let code = "#include \"test.h\"\nint main(void) { CHECK(getenv(\"NOT_GIVEN\") != NULL); return 0; }\n";
    fs::write(&source, code).expect("a file");
    let program = compile(&source, folder.path()).expect("the program is right");
    let complaint = Case::default().check(&program, "speed").expect_err("the program fails");
    assert!(complaint.contains("not code 0") && complaint.contains("NOT_GIVEN"), "{complaint}");
    let case = |head: &str| Case::read(head).check(&program, "speed");
    assert_eq!(case("// exit: 1"), Ok(()));
    assert!(case("// exit: 1\n// stdout: ok").is_err() && case("// exit: 1\n// stderr: nonsense").is_err());
}

/// Arguments for one call of each function, in the order of the table, and the expected error number. The memory is
/// empty, 3 is an empty folder, and 9 is no descriptor.
#[rustfmt::skip]
const CALLS: &[(&str, &[i64], i32)] = &[
    ("args_get", &[64, 128], 0), ("args_sizes_get", &[64, 68], 0),
    ("environ_get", &[64, 128], 0), ("environ_sizes_get", &[64, 68], 0),
    ("clock_res_get", &[1, 64], 0), ("clock_time_get", &[0, 1, 64], 0),
    ("fd_advise", &[9, 0, 0, 0], 8), ("fd_allocate", &[1, 0, 1], 58), ("fd_close", &[9], 8),
    ("fd_datasync", &[9], 8), ("fd_fdstat_get", &[1, 64], 0), ("fd_fdstat_set_flags", &[9, 0], 8),
    ("fd_fdstat_set_rights", &[1, 0, 0], 58), ("fd_filestat_get", &[3, 64], 0),
    ("fd_filestat_set_size", &[9, 0], 8), ("fd_filestat_set_times", &[3, 0, 0, 2], 0),
    ("fd_pread", &[9, 0, 0, 0, 64], 8), ("fd_prestat_get", &[3, 64], 0), ("fd_prestat_dir_name", &[3, 64, 1], 0),
    ("fd_pwrite", &[9, 0, 0, 0, 64], 8), ("fd_read", &[1, 0, 0, 64], 8), ("fd_readdir", &[3, 64, 64, 0, 60], 0),
    ("fd_renumber", &[9, 1], 8), ("fd_seek", &[0, 0, 1, 64], 70), ("fd_sync", &[9], 8), ("fd_tell", &[9, 64], 8),
    ("fd_write", &[0, 0, 0, 64], 8), ("path_create_directory", &[3, 0, 0], 44),
    ("path_filestat_get", &[3, 0, 0, 0, 64], 44), ("path_filestat_set_times", &[3, 0, 0, 0, 0, 0, 0], 44),
    ("path_link", &[3, 0, 0, 0, 3, 0, 0], 44), ("path_open", &[3, 0, 0, 0, 0, 0, 0, 0, 64], 44),
    ("path_readlink", &[3, 0, 0, 64, 8, 72], 44), ("path_remove_directory", &[3, 0, 0], 44),
    ("path_rename", &[3, 0, 0, 3, 0, 0], 44), ("path_symlink", &[0, 0, 3, 0, 0], 44),
    ("path_unlink_file", &[3, 0, 0], 44), ("poll_oneoff", &[0, 64, 0, 128], 28),
    // These two do not return.
    ("proc_exit", &[7], -1), ("proc_raise", &[6], -1),
    ("sched_yield", &[], 0), ("random_get", &[64, 8], 0), ("sock_accept", &[1, 0, 64], 57),
    ("sock_recv", &[1, 0, 0, 0, 64, 68], 57), ("sock_send", &[1, 0, 0, 0, 64], 57), ("sock_shutdown", &[1, 1], 57),
];

/// A module that imports all functions. For each it exports a function that calls it with the arguments of `CALLS`.
fn calls() -> String {
    let name = |ty: &NumType| match ty {
        NumType::I32 => "i32",
        NumType::I64 => "i64",
    };
    let (mut imports, mut exports) = (String::new(), String::new());
    for (function, (_, arguments, _)) in FUNCTIONS.iter().zip(CALLS) {
        let params: String = function.params.iter().map(|ty| format!(" {}", name(ty))).collect();
        let result = function.result.map(|ty| format!("(result {})", name(&ty))).unwrap_or_default();
        let constants = function.params.iter().zip(*arguments);
        let constants: String = constants.map(|(ty, n)| format!(" ({}.const {n})", name(ty))).collect();
        let function = function.name;
        imports +=
            &format!("(import \"{}\" \"{function}\" (func ${function} (param{params}) {result}))\n", wasi::MODULE);
        exports += &format!("(func (export \"{function}\") {result} (call ${function}{constants}))\n");
    }
    format!("(module $calls {imports} (memory (export \"memory\") 1) {exports})")
}

#[test]
fn every_function_is_called() {
    let names: Vec<&str> = CALLS.iter().map(|(name, _, _)| *name).collect();
    assert_eq!(names, FUNCTIONS.iter().map(|function| function.name).collect::<Vec<_>>());
    let folder = tempfile::tempdir().expect("a folder");
    let (module, given) = (folder.path().join("calls.wat"), folder.path().join("given"));
    fs::write(&module, calls()).expect("a module");
    fs::create_dir(&given).expect("a folder");
    let dir = format!("{}::/", given.display());
    let mut wrong = Vec::new();
    for (name, arguments, errno) in CALLS {
        assert_eq!(arguments.len(), FUNCTIONS[names.iter().position(|n| n == name).expect("above")].params.len());
        for tier in ["interp", "quick"] {
            let mut command = touchstone();
            command.args(["run", "--tier", tier, "--dir", &dir, "--invoke", name]).arg(&module).stdin(Stdio::piped());
            let output = spawn(&mut command).wait_with_output().expect("it ends");
            let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
            let is_right = match *name {
                "proc_exit" => output.status.code() == Some(7),
                "proc_raise" => output.status.code() == Some(134) && stderr.contains("proc_raise unsupported"),
                _ => output.status.code() == Some(0) && stdout == format!("{errno}\n"),
            };
            if !is_right {
                wrong.push(format!("{name}, {tier}: expected {errno}, got {stdout}{stderr}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
