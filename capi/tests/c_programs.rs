//! The C programs in tests/c and examples, compiled by the system's compiler and run.
//!
//! A function of the library that none of them calls is a failure. Without a compiler the tests say so and pass, unless
//! `TOUCHSTONE_REQUIRE_TOOLS=1`.

use engine::Trap;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::mem::offset_of;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use tempfile::TempDir;
use touchstone::touchstone::limits::touchstone_store_limits_t;
use touchstone::touchstone::wide::touchstone_limits_t;
use touchstone::types::{WASM_EXTERN_MEMORY, WASM_VAR, wasm_limits_t};
use touchstone::val::{WASM_F64, WASM_FUNCREF, wasm_val_t};
use touchstone::vec::wasm_byte_vec_t;

/// Compilers of C, the first of which is taken.
const COMPILERS: &[&str] = &["cc", "gcc", "clang"];
const TESTS: &[&str] = &["families", "layout", "objects", "extensions"];
const EXAMPLES: &[&str] = &["callback", "hello", "memory", "serialize", "table", "threads", "trap", "wasi"];

/// All programs, compiled once; `None` without a compiler.
static BUILT: LazyLock<Option<Built>> = LazyLock::new(|| {
    let compiler = tool(COMPILERS)?;
    let built = Built::new();
    let sources = TESTS.iter().map(|name| source("tests/c", name, "c"));
    let examples = EXAMPLES.iter().map(|name| source("examples", name, "c"));
    let sources: Vec<PathBuf> = sources.chain(examples).collect();
    std::thread::scope(|scope| {
        for source in &sources {
            let built = &built;
            scope.spawn(move || built.compile(compiler, source, &["-std=gnu11"]));
        }
    });
    Some(built)
});

/// A folder of compiled programs, and of the library under the names that they ask for.
struct Built {
    folder: TempDir,
}

impl Built {
    fn new() -> Built {
        let folder = tempfile::tempdir().expect("there is room");
        // Cargo builds the library beside the test, under one name.
        let test = std::env::current_exe().expect("a test is a file");
        let library = test.parent().expect("in a folder").join("libtouchstone.so");
        assert!(library.is_file(), "{} is missing", library.display());
        for name in ["libtouchstone.so", "libtouchstone.so.0"] {
            symlink(&library, folder.path().join(name)).expect("there is room");
        }
        Built { folder }
    }

    fn program(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Compiles a program without a warning. Its name is that of the source.
    fn compile(&self, compiler: &str, source: &Path, options: &[&str]) {
        let name = source.file_stem().and_then(|name| name.to_str()).expect("a source has a name");
        let mut command = Command::new(compiler);
        command.args(["-g", "-Wall", "-Wextra", "-Werror"]).args(options).args(layouts());
        command.arg("-I").arg(root().join("include")).arg("-o").arg(self.program(name)).arg(source);
        command.arg("-L").arg(self.folder.path()).args(["-ltouchstone", "-lpthread"]);
        command.arg(format!("-Wl,-rpath,{}", self.folder.path().display()));
        let output = command.output().expect("the compiler runs");
        assert!(output.status.success(), "{}:\n{}", source.display(), String::from_utf8_lossy(&output.stderr));
    }

    fn run(&self, name: &str) -> Output {
        Command::new(self.program(name)).output().expect("the program runs")
    }

    /// Returns the names of the library that programs refer to.
    fn called(&self, programs: &[&str]) -> BTreeSet<String> {
        programs.iter().flat_map(|program| symbols(&["--undefined-only"], &self.program(program))).collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn source(folder: &str, name: &str, extension: &str) -> PathBuf {
    root().join(folder).join(name).with_extension(extension)
}

/// Returns the first of these commands that is installed. Without any, says so.
fn tool(names: &[&'static str]) -> Option<&'static str> {
    let found = names.iter().find(|name| Command::new(name).arg("--version").output().is_ok());
    if found.is_none() {
        assert!(std::env::var_os("TOUCHSTONE_REQUIRE_TOOLS").is_none(), "none of {names:?} is installed");
        eprintln!("none of {names:?} is installed: this test shows nothing");
    }
    found.copied()
}

/// Returns the layouts of the library's structures as macros.
fn layouts() -> Vec<OsString> {
    let sizes = [
        ("VAL_SIZE", size_of::<wasm_val_t>()),
        ("VAL_OF", align_of::<wasm_val_t>()),
        ("VEC_SIZE", size_of::<wasm_byte_vec_t>()),
        ("VEC_DATA", offset_of!(wasm_byte_vec_t, data)),
        ("LIMITS_SIZE", size_of::<wasm_limits_t>()),
        ("LIMITS_MAX", offset_of!(wasm_limits_t, max)),
        ("WIDE_LIMITS_SIZE", size_of::<touchstone_limits_t>()),
        ("WIDE_LIMITS_LAST", offset_of!(touchstone_limits_t, page_size_log2)),
        ("STORE_LIMITS_SIZE", size_of::<touchstone_store_limits_t>()),
        ("STORE_LIMITS_LAST", offset_of!(touchstone_store_limits_t, tables)),
        ("F64", WASM_F64.into()),
        ("FUNCREF", WASM_FUNCREF.into()),
        ("EXTERN_MEMORY", WASM_EXTERN_MEMORY.into()),
        ("VAR", WASM_VAR.into()),
    ];
    sizes.iter().map(|(name, value)| format!("-DRUST_{name}={value}").into()).collect()
}

/// Returns the names of the interface among the dynamic symbols of a file.
fn symbols(options: &[&str], file: &Path) -> BTreeSet<String> {
    let mut nm = Command::new("nm");
    let output = nm.arg("--dynamic").args(options).arg(file).output().expect("nm comes with a compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names are text");
    let names = text.lines().filter_map(|line| line.split_whitespace().last());
    names.filter(|name| name.starts_with("wasm_") || name.starts_with("touchstone_")).map(str::to_owned).collect()
}

/// Checks that a program ends well and prints a text.
fn expect(name: &str, output: &Output, text: &str) {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {}\n{stdout}{stderr}", output.status);
    assert_eq!(stdout, text, "{name}:\n{stderr}");
}

#[test]
fn test_programs_find_no_fault() {
    let Some(built) = &*BUILT else { return };
    for name in TESTS {
        expect(name, &built.run(name), &format!("{name}: ok\n"));
    }
}

#[test]
fn examples_print_what_is_beside_them() {
    let Some(built) = &*BUILT else { return };
    for name in EXAMPLES {
        let text = fs::read_to_string(source("examples", name, "out")).expect("the text is beside the example");
        expect(name, &built.run(name), &text);
    }
}

/// Returns the guide.
fn guide() -> String {
    fs::read_to_string(root().join("../docs/c.md")).expect("the guide is there")
}

#[test]
fn the_first_program_of_the_guide_runs() {
    let Some(built) = &*BUILT else { return };
    let guide = guide();
    let (_, rest) = guide.split_once("```c\n").expect("the guide has a program");
    let source = built.program("first.c");
    fs::write(&source, rest.split_once("```").expect("the program has an end").0).expect("there is room");
    built.compile(tool(COMPILERS).expect("the programs are built"), &source, &[]);
    expect("first", &built.run("first"), "2 + 3 = 5\n");
}

#[test]
fn the_guide_lists_the_traps() {
    let listed: Vec<String> = Trap::ALL.iter().map(|trap| format!("| {} | {trap} |", trap.code())).collect();
    assert!(guide().contains(&listed.join("\n")), "docs/c.md must list these traps:\n{}", listed.join("\n"));
}

#[test]
fn every_program_is_listed() {
    for (folder, listed) in [("examples", EXAMPLES), ("tests/c", TESTS)] {
        for entry in fs::read_dir(root().join(folder)).expect("the folder is there") {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a source has a name");
            let is_program = path.extension().is_some_and(|extension| extension == "c") && name != "leak";
            assert!(!is_program || listed.contains(&name), "{} is not run", path.display());
        }
    }
}

#[test]
fn every_function_is_called() {
    let Some(built) = &*BUILT else { return };
    let exported = symbols(&["--defined-only"], &built.program("libtouchstone.so"));
    assert!(exported.len() > 350, "the library has more functions than {}", exported.len());
    let called = built.called(TESTS);
    let uncalled: Vec<&String> = exported.difference(&called).collect();
    assert_eq!(uncalled, Vec::<&String>::new(), "no test program calls these");
    // The check can fail: without a program, its functions are uncalled.
    let fewer = built.called(&TESTS[..2]);
    assert!(exported.contains("wasm_func_call") && !fewer.contains("wasm_func_call"));
}

#[test]
fn a_program_in_cpp_runs() {
    let Some(compiler) = tool(&["c++", "g++", "clang++"]) else { return };
    let built = Built::new();
    built.compile(compiler, &source("tests/c", "program", "cc"), &["-std=c++20"]);
    expect("program", &built.run("program"), "program: ok\n");
}

#[test]
#[ignore = "takes a minute"]
fn valgrind_finds_nothing() {
    let (Some(built), Some(compiler), Some(_)) = (&*BUILT, tool(COMPILERS), tool(&["valgrind"])) else { return };
    built.compile(compiler, &source("tests/c", "leak", "c"), &["-std=gnu11"]);
    let run = |name: &str| {
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=definite,indirect"]);
        command.arg("--errors-for-leak-kinds=definite,indirect");
        command.arg(format!("--suppressions={}", root().join("tests/c/valgrind.supp").display()));
        // Traps need the exact registers of the instruction that faults.
        command.arg("--vex-iropt-register-updates=allregs-at-each-insn");
        command.env("TOUCHSTONE_TEST_VALGRIND", "1").arg(built.program(name)).output().expect("valgrind runs")
    };
    for name in TESTS {
        expect(name, &run(name), &format!("{name}: ok\n"));
    }
    // The check can fail.
    assert_eq!(run("leak").status.code(), Some(9));
}

#[test]
#[ignore = "takes a minute"]
fn address_sanitizer_finds_nothing() {
    let Some(compiler) = tool(COMPILERS) else { return };
    let built = Built::new();
    for name in TESTS.iter().chain(&["leak"]) {
        built.compile(compiler, &source("tests/c", name, "c"), &["-std=gnu11", "-fsanitize=address"]);
    }
    for name in TESTS {
        expect(name, &built.run(name), &format!("{name}: ok\n"));
    }
    // The check can fail.
    let leak = built.run("leak");
    assert!(!leak.status.success() && String::from_utf8_lossy(&leak.stderr).contains("LeakSanitizer"));
}
