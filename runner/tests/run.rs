//! `touchstone run` as its users meet it: functions and their results, limits, traps, artifacts, errors.
#![cfg(all(feature = "engine", feature = "interp", feature = "wasi"))]

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const TIERS: [&str; 3] = ["speed", "quick", "interp"];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with files, by their names.
struct Files(TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Files {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, contents) in files {
            fs::write(folder.path().join(name), contents).expect("a file");
        }
        Files(folder)
    }

    /// Replaces `@NAME` by the path of a file.
    fn words(&self, line: &str) -> Vec<String> {
        let path = |word: &str| word.replace('@', &format!("{}/", self.0.path().display()));
        line.split(' ').map(path).collect()
    }

    /// Runs the program, and returns the exit code and what it wrote.
    fn run(&self, line: &str) -> (Option<i32>, String, String) {
        let words = self.words(line);
        let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
        command.env("XDG_CACHE_HOME", self.0.path()).env("XDG_CONFIG_HOME", self.0.path());
        let output = command.args(words).output().expect("touchstone starts");
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    /// Checks the exit code and the results.
    #[track_caller]
    fn returns(&self, line: &str, results: &str) {
        let (code, stdout, stderr) = self.run(line);
        assert_eq!((code, stdout.as_str()), (Some(0), results), "{line}: {stderr}");
    }

    /// Checks that the program traps, and that standard error has these texts.
    #[track_caller]
    fn traps(&self, line: &str, says: &[&str]) {
        self.fails(line, 134, says);
    }

    /// Checks that the command line or a file is refused, and that standard error has these texts.
    #[track_caller]
    fn refuses(&self, line: &str, says: &[&str]) {
        self.fails(line, 2, says);
    }

    #[track_caller]
    fn fails(&self, line: &str, expected: i32, says: &[&str]) {
        let (code, stdout, stderr) = self.run(line);
        assert_eq!(code, Some(expected), "{line}: {stdout}{stderr}");
        for text in says {
            assert!(stderr.contains(text), "{line}: {text:?} is not in {stderr}");
        }
    }
}

const MATH: &str = r#"(module $math
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "swap") (param i64 f32) (result f32 i64) (local.get 1) (local.get 0))
    (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
    (func (export "same") (param v128) (result v128) (local.get 0))
    (func (export "null") (param externref) (result i32) (ref.is_null (local.get 0)))
    (func $self (export "self") (result funcref) (ref.func $self))
    (func $divide (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
    (func (export "divide") (param i32) (result i32) (call $divide (local.get 0))))"#;

#[test]
fn functions_are_called_by_their_types() {
    let files = Files::new(&[("math.wat", MATH)]);
    for tier in TIERS {
        let invoke = |line: &str| format!("run --tier {tier} --invoke {line}");
        files.returns(&invoke("add @math.wat 2 -3"), "-1\n");
        files.returns(&invoke("add @math.wat 0xffffffff 2"), "1\n");
        files.returns(&invoke("swap @math.wat -9 0.25"), "0.25\n-9\n");
        files.returns(&invoke("half @math.wat -0.5"), "-0.25\n");
        files.returns(&invoke("same @math.wat 0x1f"), "0x0000000000000000000000000000001f\n");
        files.returns(&invoke("null @math.wat null"), "1\n");
        files.returns(&invoke("self @math.wat"), "<funcref>\n");
        let frames = ["the program trapped: integer divide by zero", "math!6 $divide @0x", "math!7 @0x"];
        files.traps(&invoke("divide @math.wat 0"), &frames);
    }
}

#[test]
fn what_cannot_be_run_is_refused_with_a_way_out() {
    let import = |module: &str, name: &str| format!("(module (import \"{module}\" \"{name}\" (func)))");
    let files = Files::new(&[
        ("math.wat", MATH),
        ("empty.wat", "(module)"),
        ("bad.wat", "(module\n  (func $f (result i32)))\n"),
        ("typo.wat", "(module\n  (fnuc))\n"),
        ("sock.wat", &import("wasi_snapshot_preview1", "sock_open")),
        ("type.wat", &import("wasi_snapshot_preview1", "fd_close")),
        ("old.wat", &import("wasi_unstable", "fd_close")),
        ("env.wat", &import("env", "log")),
        ("component.wasm", "\0asm\x0d\0\x01\0"),
        ("threads.wat", "(module (memory 1 1 shared) (func (export \"_start\")))"),
    ]);
    files.refuses("run @none.wasm", &["cannot read ", "none.wasm"]);
    files.refuses("run @math.wat", &["exports no `_start`; --invoke calls one of `add`, `swap`"]);
    files.refuses("run @empty.wat", &["exports no `_start`; it exports no function at all"]);
    files.refuses("run --invoke sub @math.wat", &["exports no function `sub`; --invoke calls one of `add`"]);
    files.refuses("run --invoke add @math.wat 1", &["`add` takes 2 arguments (i32, i32), not 1"]);
    files.refuses("run --invoke add @math.wat 1 x", &["an argument of `add`: `x` is no i32"]);
    files.refuses("run --invoke null @math.wat 5", &["`5` is no reference (only null can be written)"]);
    files.refuses("run @bad.wat", &["bad.wat: type mismatch"]);
    files.refuses("run @typo.wat", &["typo.wat:2:4"]);
    files.refuses("run @sock.wat", &["imports `wasi_snapshot_preview1.sock_open`, which WASI preview 1 does not have"]);
    files.refuses("run @type.wat", &["type.wat: ", "wasi_snapshot_preview1.fd_close"]);
    files.refuses("run @old.wat", &["imports `wasi_unstable.fd_close`", "older WASI", "wasm32-wasip1"]);
    files.refuses("run @env.wat", &["imports `env.log`", "--preload env=FILE"]);
    files.refuses("run @component.wasm", &["a component, which is not supported"]);
    files.refuses("run @threads.wat", &["threads.wat: ", "threads"]);
    files.returns("run --features 3.0,threads @threads.wat", "");
    files.refuses("run --dir @none::/ @sock.wat", &["cannot open the directory "]);
    files.refuses("run --env NO_SUCH_VARIABLE @sock.wat", &["NO_SUCH_VARIABLE: environment variable not found"]);
    files.refuses("run --max-memory 1MB @sock.wat", &["expected a number of bytes, such as 1048576, 64KiB"]);
    files.refuses("run --preload x @sock.wat", &["expected NAME=MODULE"]);
}

#[test]
fn modules_are_preloaded_in_order() {
    let files = Files::new(&[
        ("one.wat", r#"(module (global (export "one") i32 (i32.const 1)))"#),
        (
            "two.wat",
            r#"(module (import "first" "one" (global i32)) (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
                (func (export "two") (result i32) (i32.add (global.get 0) (i32.const 1))))"#,
        ),
        (
            "main.wat",
            r#"(module (import "second" "two" (func (result i32))) (import "second" "two" (func (result i32)))
                (func (export "four") (result i32) (i32.add (call 0) (call 1))))"#,
        ),
    ]);
    for tier in TIERS {
        let preload = "--preload first=@one.wat --preload second=@two.wat";
        files.returns(&format!("run --tier {tier} {preload} --invoke four @main.wat"), "4\n");
        files.refuses(&format!("run --tier {tier} --preload second=@two.wat @main.wat"), &["two.wat: ", "`first.one`"]);
    }
}

/// A library has no start; what it exports to initialize itself runs before everything else.
#[test]
fn libraries_are_initialized() {
    let library = r#"(module (global $n (mut i32) (i32.const 0))
        (func (export "_initialize") (global.set $n (i32.const 5)))
        (func (export "get") (result i32) (global.get $n)))"#;
    let files = Files::new(&[("library.wat", library)]);
    for tier in TIERS {
        files.returns(&format!("run --tier {tier} --invoke get @library.wat"), "5\n");
        files.returns(&format!("run --tier {tier} @library.wat"), "");
    }
}

/// A program can stand where a subcommand stands, and then has all arguments that follow.
#[test]
fn a_program_alone_is_run() {
    let exit = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start") (drop (call $sizes (i32.const 0) (i32.const 4))) (call $exit (i32.load (i32.const 0)))))"#;
    let files = Files::new(&[("count.wat", exit)]);
    assert_eq!(files.run("@count.wat one --two -3").0, Some(4));
    assert_eq!(files.run("run --tier interp @count.wat --tier").0, Some(2));
    assert_eq!(files.run("run @count.wat").0, Some(1));
}

#[test]
fn a_bad_pointer_traps_where_it_was_passed() {
    let program = r#"(module $bad (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start") (drop (call $write (i32.const 1) (i32.const -8) (i32.const 1) (i32.const 0)))))"#;
    let without = program.replace("(memory (export \"memory\") 1)", "");
    let files = Files::new(&[("bad.wat", program), ("without.wat", &without)]);
    for tier in TIERS {
        for file in ["bad", "without"] {
            let line = format!("run --tier {tier} @{file}.wat");
            files.traps(&line, &["the program trapped: ", "out of bounds", "bad!1 @0x"]);
        }
    }
}

const LOOP: &str = r#"(module $forever (func $spin (loop $again (br $again))) (func (export "_start") (call $spin)))"#;

#[test]
fn fuel_ends() {
    let files = Files::new(&[("loop.wat", LOOP), ("math.wat", MATH)]);
    for tier in TIERS {
        files.traps(&format!("run --tier {tier} --fuel 1000 @loop.wat"), &["all fuel consumed", "forever!0 $spin"]);
        files.returns(&format!("run --tier {tier} --fuel 1000 --invoke add @math.wat 1 1"), "2\n");
    }
}

#[test]
fn profiles_are_folded_stacks() {
    const SPIN: &str = r#"(module $spinner
        (func $spin (param i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
        (func $main (export "main") (param i32) (call $spin (local.get 0))))"#;
    let files = Files::new(&[("spin.wat", SPIN), ("loop.wat", LOOP)]);
    let profile = || fs::read_to_string(files.0.path().join("out")).expect("a profile");
    for tier in ["speed", "quick"] {
        files.returns(&format!("run --tier {tier} --profile guest,@out --invoke main @spin.wat 300000000"), "");
        assert!(profile().starts_with("spinner!1 $main;spinner!0 $spin "), "{}", profile());
    }
    // Also of a program that traps, from the cache.
    files.traps("run --timeout 0.3 --profile guest,@out,4ms @loop.wat", &["interrupted"]);
    assert!(profile().starts_with("forever!1;forever!0 $spin "), "{}", profile());
    files.refuses("run --profile guest,@absent/out @loop.wat", &["cannot write the profile", "absent/out"]);
    files.refuses(
        "run --tier interp --profile guest @loop.wat",
        &["--profile is of compiled code. Name another --tier"],
    );
    files.refuses("run --profile vtune @loop.wat", &["expected guest, perfmap or jitdump"]);
}

#[test]
fn time_ends() {
    let files = Files::new(&[("loop.wat", LOOP), ("math.wat", MATH)]);
    for tier in TIERS {
        let started = Instant::now();
        files.traps(&format!("run --tier {tier} --timeout 0.2 @loop.wat"), &["interrupted", "forever!0 $spin"]);
        assert!(started.elapsed() >= Duration::from_millis(200));
        files.returns(&format!("run --tier {tier} --timeout 60 --invoke add @math.wat 1 1"), "2\n");
    }
}

/// A program that waits for the system does not see its deadline. It is ended all the same.
#[test]
fn time_ends_for_a_program_that_waits() {
    let program = r#"(module (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\40\00\00\00\08\00\00\00")
        (func (export "_start") (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;
    let files = Files::new(&[("read.wat", program)]);
    for tier in TIERS {
        let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
        command.args(files.words(&format!("run --no-cache --tier {tier} --timeout 0.2 @read.wat")));
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("touchstone starts");
        // The pipe stays open, and nothing comes.
        let _pipe = child.stdin.take();
        assert_eq!(child.wait().expect("it ends").code(), Some(134));
        let mut stderr = String::new();
        child.stderr.take().expect("it is piped").read_to_string(&mut stderr).expect("text");
        assert!(stderr.contains("or waits for the system, 0.2 s after its start"), "{stderr}");
    }
}

#[test]
fn memories_are_limited() {
    let program = r#"(module (memory 1)
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#;
    let files = Files::new(&[("grow.wat", program)]);
    for tier in TIERS {
        let grow = |size: &str, pages: u32| format!("run --tier {tier} {size} --invoke grow @grow.wat {pages}");
        files.returns(&grow("--max-memory 1MiB", 15), "1\n");
        files.returns(&grow("--max-memory 1MiB", 16), "-1\n");
        files.returns(&grow("--fuel 100", 16), "1\n");
        files.refuses(&grow("--max-memory 65535", 0), &["grow.wat: ", "memory"]);
    }
}

#[test]
fn artifacts_are_run_if_they_are_trusted() {
    let files = Files::new(&[("math.wat", MATH), ("loop.wat", LOOP)]);
    for tier in ["speed", "quick"] {
        files.returns(&format!("compile --tier {tier} @math.wat -o @{tier}.cwasm"), "");
        let call = format!("--invoke add @{tier}.cwasm 2 3");
        files.returns(&format!("run --allow-precompiled {call}"), "5\n");
        files.refuses(&format!("run {call}"), &["machine code", "give --allow-precompiled"]);
        files.refuses(&format!("run --tier interp --allow-precompiled {call}"), &["Leave `--tier interp` out"]);
        files.refuses(&format!("run --fuel 10 --allow-precompiled {call}"), &["counts no fuel", "leave --fuel out"]);
        files.returns(&format!("run --tier {tier} --timeout 60 --allow-precompiled {call}"), "5\n");
    }
    files.refuses("run --tier quick --allow-precompiled --invoke add @speed.cwasm 2 3", &["of the tier speed"]);
    files.refuses("run --tier speed --allow-precompiled --invoke add @quick.cwasm 2 3", &["of the tier quick"]);
    // Its code does not look at the time, so that it is ended without a backtrace.
    files.returns("compile @loop.wat -o @loop.cwasm", "");
    files.traps("run --timeout 0.2 --allow-precompiled @loop.cwasm", &["0.2 s after its start"]);
    fs::write(files.0.path().join("elf"), "\x7fELF and nothing else").expect("a file");
    files.refuses("run --allow-precompiled @elf", &["elf: "]);
}
