//! Debug information of artifacts, read by the tools for it, and by debuggers that watch compiled code. A test says so
//! on stderr and passes where its tool is not installed.

mod debuggers;
mod tools;

use debuggers::{gdb, lldb};
use engine::{Caller, Config, Engine, Extern, Linker, Listing, Module, Store, Tier};
use std::path::Path;
use tempfile::TempDir;
use tools::{Environment, expect_in_order, run_tool};

/// A module whose functions call each other through the host.
const MODULE: &str = r#"(module
    (import "host" "call_back" (func $call_back (param i32) (result i32)))
    (func $wasm_inner (export "inner") (param i32) (result i32)
        (i32.div_u (i32.mul (local.get 0) (i32.const 3)) (i32.const 7)))
    (func $wasm_middle (param i32) (result i32) (i32.add (call $call_back (local.get 0)) (i32.const 2)))
    (func (export "outer") (param i32) (result i32) (call $wasm_middle (local.get 0))))"#;

const TIERS: [Tier; 2] = [Tier::Speed, Tier::Quick];

/// A program in C that does the same as [`MODULE`], and more.
const PROGRAM: &str = include_str!("debuggers/program.c");

/// The process that debuggers watch: calls `outer` of [`MODULE`] or [`PROGRAM`].
#[test]
#[ignore = "run by other tests in a process of its own"]
fn debuggee() {
    let variable = |name| std::env::var(name).expect("the test sets the variable");
    let tier = TIERS.into_iter().find(|tier| format!("{tier:?}") == variable("TIER")).expect("a tier");
    let engine = Engine::new(Config::new().tier(tier).debug_info(variable("DEBUG_INFO") == "true")).unwrap();
    let input = variable("INPUT");
    let module = match input.ends_with(".cwasm") {
        true => Module::deserialize_file(&engine, input).unwrap(),
        false => Module::new(&engine, std::fs::read(input).unwrap()).unwrap(),
    };
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    let call_back = |mut caller: Caller<'_, ()>, n: i32| -> engine::Result<i32> {
        let inner = caller.get_export("inner").and_then(Extern::into_func).expect("the export");
        inner.typed::<i32, i32>(&caller)?.call(&mut caller, n)
    };
    linker.func_wrap("host", "call_back", call_back).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let outer = instance.get_typed_func::<i32, i32>(&mut store, "outer").unwrap();
    println!("outer returned {}", outer.call(&mut store, variable("ARGUMENT").parse().unwrap()).unwrap());
}

/// A folder with a module, its artifact and its listing.
struct Files {
    folder: TempDir,
    listing: Listing,
    tier: Tier,
    /// The argument of `outer`.
    argument: i32,
}

impl Files {
    /// The files of [`MODULE`].
    fn new(tier: Tier) -> Files {
        Files::of(tempfile::tempdir().unwrap(), tier, &wat::parse_str(MODULE).unwrap())
    }

    /// The files of [`PROGRAM`], compiled with these options; `None` if there is no compiler.
    fn of_program(tier: Tier, options: &[&str]) -> Option<Files> {
        Files::of_source(tier, "program.c", PROGRAM, options)
    }

    /// The files of a program in C.
    fn of_source(tier: Tier, name: &str, source: &str, options: &[&str]) -> Option<Files> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), source).unwrap();
        let target = ["-g", "--target=wasm32", "-nostdlib", "-Wl,--no-entry", name, "-o", "program.wasm"];
        run_tool(folder.path(), "wasm-ld", &["--version"], &[])?;
        let (output, is_success) = run_tool(folder.path(), "clang", &[options, &target].concat(), &[])?;
        assert!(is_success, "{output}");
        let wasm = std::fs::read(folder.path().join("program.wasm")).unwrap();
        Some(Files::of(folder, tier, &wasm))
    }

    fn of(folder: TempDir, tier: Tier, wasm: &[u8]) -> Files {
        let listing = Listing::of(wasm).unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("module.wasm", wasm);
        write("module.cwasm", &compile(tier, true, wasm));
        write(&listing.name, listing.text.as_bytes());
        Files { folder, listing, tier, argument: 14 }
    }

    /// The line of the only instruction that starts like this.
    fn line(&self, instruction: &str) -> usize {
        let line = self.listing.text.lines().position(|line| line.trim().starts_with(instruction));
        line.expect("the listing has the instruction") + 1
    }

    /// The place of the only instruction that starts like this, as debuggers show it: `FILE:LINE`.
    fn place(&self, instruction: &str) -> String {
        format!("{}:{}", self.listing.name, self.line(instruction))
    }

    /// Watches the module with a debugger, freshly compiled or reloaded. Returns the transcript.
    fn watch(
        &self,
        debugger: fn(&Path, &str, Environment<'_>, &[&str]) -> Option<String>,
        reload: bool,
        debug_info: bool,
        commands: &[&str],
    ) -> Option<String> {
        let environment = [
            ("TIER", &*format!("{:?}", self.tier)),
            ("DEBUG_INFO", if debug_info { "true" } else { "false" }),
            ("ARGUMENT", &self.argument.to_string()),
            ("INPUT", if reload { "module.cwasm" } else { "module.wasm" }),
        ];
        debugger(self.folder.path(), "debuggee", &environment, commands)
    }
}

fn compile(tier: Tier, debug_info: bool, wasm: &[u8]) -> Vec<u8> {
    Engine::new(Config::new().tier(tier).debug_info(debug_info)).unwrap().compile(wasm).unwrap()
}

/// The sections of an artifact with their names.
fn sections(artifact: &[u8]) -> Vec<(String, &[u8])> {
    let sections = engine::inspect(artifact).unwrap().sections.into_iter();
    sections.map(|section| (section.name, &artifact[section.offset as usize..][..section.size as usize])).collect()
}

/// Checks that debug information changes no other section of a module's artifact.
fn compare_sections(tier: Tier, wasm: &[u8]) {
    let (with, without) = (compile(tier, true, wasm), compile(tier, false, wasm));
    let (with, without) = (sections(&with), sections(&without));
    assert_eq!(without.len(), 12);
    for (one, other) in without.iter().zip(&with) {
        assert_eq!(one.0, other.0);
        // The header has digests, and the metadata the setting.
        let differs = [".touchstone", ".touchstone.metadata"].contains(&one.0.as_str());
        assert_eq!(one.1 != other.1, differs, "{} in {tier:?}", one.0);
    }
    let more: Vec<&str> = with[without.len()..].iter().map(|(name, _)| name.as_str()).collect();
    let dwarf = [".debug_abbrev", ".debug_str", ".debug_line", ".debug_ranges", ".debug_loc", ".debug_info"];
    assert_eq!(more, [&dwarf[..], &[".touchstone.addresses"]].concat());
}

#[test]
fn debug_information_changes_nothing_else() {
    for tier in TIERS {
        compare_sections(tier, &wat::parse_str(MODULE).unwrap());
        for options in [["-O0"], ["-O1"], ["-O2"]] {
            let Some(files) = Files::of_program(tier, &options) else { continue };
            compare_sections(tier, &std::fs::read(files.folder.path().join("module.wasm")).unwrap());
        }
    }
}

#[test]
fn debug_information_is_a_part_of_the_configuration() {
    for made_with in [false, true] {
        let artifact = compile(Tier::Quick, made_with, MODULE.as_bytes());
        let load = |debug_info| {
            let engine = Engine::new(Config::new().tier(Tier::Quick).debug_info(debug_info)).unwrap();
            Module::deserialize(&engine, &artifact).map(|_| ())
        };
        load(made_with).unwrap();
        assert!(load(!made_with).unwrap_err().to_string().contains("debug information"));
    }
}

#[test]
fn a_listing_has_each_instruction_on_the_line_of_its_offset() {
    let wasm = wat::parse_str(MODULE).unwrap();
    let listing = Listing::of(&wasm).unwrap();
    let lines: Vec<&str> = listing.text.lines().collect();
    let mut instructions = 0;
    for payload in wasmparser::Parser::new(0).parse_all(&wasm) {
        let wasmparser::Payload::CodeSectionEntry(body) = payload.unwrap() else { continue };
        assert!(lines[body.range().start as usize - 1].starts_with("  (func "));
        for operator in body.get_operators_reader().unwrap().into_iter_with_offsets() {
            let (operator, offset) = operator.unwrap();
            let line = lines[offset as usize - 1].trim();
            let expected = match operator {
                wasmparser::Operator::LocalGet { .. } => "local.get 0",
                wasmparser::Operator::I32Const { .. } => "i32.const",
                wasmparser::Operator::Call { .. } => "call $",
                wasmparser::Operator::I32Mul => "i32.mul",
                wasmparser::Operator::I32DivU => "i32.div_u",
                wasmparser::Operator::I32Add => "i32.add",
                wasmparser::Operator::End => ")",
                other => panic!("{other:?}"),
            };
            assert!(line.starts_with(expected), "{line:?} is not {expected:?}");
            instructions += 1;
        }
    }
    assert_eq!(instructions, 14);
    let other = wat::parse_str("(module)").unwrap();
    assert_ne!(Listing::of(&other).unwrap().name, listing.name);
    assert!(Listing::of(b"\0asm\x01\0\0\0\x01").is_err());
}

/// Lists the complaints of readelf and llvm-dwarfdump about an artifact's debug information; `None` if one is not
/// installed.
fn complaints(folder: &Path, artifact: &[u8]) -> Option<Vec<String>> {
    std::fs::write(folder.join("artifact"), artifact).unwrap();
    let readelf = run_tool(folder, "readelf", &["--debug-dump", "--wide", "artifact"], &[]);
    let verify = run_tool(folder, "llvm-dwarfdump", &["--verify", "artifact"], &[]);
    let mut found = Vec::new();
    let is_complaint =
        |line: &&str| ["warning", "error:", "corrupt"].iter().any(|word| line.to_lowercase().contains(word));
    for (text, is_success) in [readelf?, verify?] {
        found.extend(text.lines().filter(is_complaint).map(str::to_owned));
        if !is_success {
            found.push("the exit code says so".to_owned());
        }
    }
    Some(found)
}

#[test]
fn readers_of_dwarf_do_not_complain() {
    let folder = tempfile::tempdir().unwrap();
    for tier in TIERS {
        for module in [MODULE, "(module)", include_str!("../examples/gcd.wat")] {
            let artifact = compile(tier, true, &wat::parse_str(module).unwrap());
            if let Some(complaints) = complaints(folder.path(), &artifact) {
                assert_eq!(complaints, [""; 0], "{tier:?}");
            }
        }
    }
}

#[test]
fn readers_of_dwarf_do_not_complain_of_programs() {
    for options in [&["-O0"][..], &["-O2"], &["-O2", "-gdwarf-5"], &["-O1", "-ffunction-sections"]] {
        for tier in TIERS {
            let Some(files) = Files::of_program(tier, options) else { return };
            let artifact = std::fs::read(files.folder.path().join("module.cwasm")).unwrap();
            let Some(complaints) = complaints(files.folder.path(), &artifact) else { return };
            assert_eq!(complaints, [""; 0], "{tier:?} {options:?}");
        }
    }
}

#[test]
fn readers_of_dwarf_complain_of_wrong_ones() {
    let folder = tempfile::tempdir().unwrap();
    let artifact = compile(Tier::Speed, true, MODULE.as_bytes());
    let info = engine::inspect(&artifact).unwrap().sections.into_iter().find(|section| section.name == ".debug_info");
    let mut wrong = artifact.clone();
    // The offset of the abbreviations, in the unit's header.
    wrong[info.unwrap().offset as usize + 6] ^= 0x40;
    assert_ne!(complaints(folder.path(), &wrong), Some(Vec::new()));
}

/// Watches [`MODULE`] with gdb: breakpoints by function and by line, a backtrace through the host, steps.
fn watch_with_gdb(tier: Tier, reload: bool) {
    let files = Files::new(tier);
    let (add, call) = (files.place("i32.add"), files.place("call $call_back"));
    let (mul, end) = (files.place("i32.mul"), files.place("call $wasm_middle"));
    let stop = format!("break {add}");
    let commands =
        ["break wasm_inner", "run", "backtrace", "step", "delete", &stop, "continue", "backtrace", "continue"];
    let Some(transcript) = files.watch(gdb, reload, true, &commands) else { return };
    let frames = [
        &*format!("wasm_inner (local0=14) at {mul}"),
        "i32.mul\n",
        &format!("#0  wasm_inner (local0=14) at {mul}"),
        "in entry(i32->i32) ()",
        "closure.rs",
        "in exit(i32->i32) ()",
        "in wasm_middle (local0=",
        &format!(") at {call}"),
        "in wasm function 3 (local0=",
        &format!(") at {end}"),
        "in entry(i32->i32) ()",
        "debuggee",
    ];
    expect_in_order(&transcript, &frames);
    // The optimizer made one instruction of the multiplication and another of the division: they may be one line.
    let step: &[&str] = if tier == Tier::Quick { &["i32.const 7\n"] } else { &[")\n"] };
    expect_in_order(&transcript, step);
    let second = [
        "wasm_middle (local0=",
        &*format!(") at {add}"),
        "i32.add\n",
        "in wasm function 3 (local0=",
        "exited normally",
    ];
    expect_in_order(&transcript, &second);
}

#[test]
fn gdb_watches_reloaded_code() {
    watch_with_gdb(Tier::Speed, true);
}

#[test]
#[ignore = "one case is enough for every run: ci/extended.sh runs this one"]
fn gdb_watches_code_of_every_kind() {
    watch_with_gdb(Tier::Speed, false);
    watch_with_gdb(Tier::Quick, false);
    watch_with_gdb(Tier::Quick, true);
}

/// Without debug information gdb has no name for compiled code, and so the checks of the other tests can fail.
#[test]
fn gdb_knows_nothing_without_debug_information() {
    let files = Files::new(Tier::Speed);
    let Some(transcript) = files.watch(gdb, false, false, &["break wasm_inner", "run"]) else { return };
    expect_in_order(&transcript, &["exited normally"]);
    assert!(!transcript.contains("hit Breakpoint"), "{transcript}");
}

/// The line of [`PROGRAM`] that contains a text, as debuggers show it.
fn program_line(text: &str) -> String {
    let line = PROGRAM.lines().position(|line| line.contains(text)).expect("the program has the text");
    format!("program.c:{}", line + 1)
}

/// Watches [`PROGRAM`] with gdb: the lines, functions and types are those of the source.
fn watch_program_with_gdb(tier: Tier, reload: bool, options: &[&str]) {
    let Some(files) = Files::of_program(tier, options) else { return };
    let (total, twice, call) = (program_line("total +="), program_line("int twice"), program_line("return call_back"));
    let stop = format!("break {total}");
    let commands = [
        "break wasm_inner",
        &stop,
        "run",
        "ptype struct point",
        "list",
        "backtrace",
        "delete 2",
        "continue",
        "backtrace",
        "step",
        "continue",
    ];
    let Some(transcript) = files.watch(gdb, reload, true, &commands) else { return };
    let texts = [
        "hit Breakpoint 2",
        &total,
        "total += p->x * i + p->y;",
        "type = struct point {\n    int x;\n    int y;\n}",
        "for (int i = 0; i < factor; i++) {",
        &format!("at {total}"),
        "in wasm_outer (n=",
        &format!("at {}", program_line("int weight =")),
        "in entry(i32->i32)",
        "hit Breakpoint 1",
        &format!("at {twice}"),
        "in exit(i32->i32)",
        "in wasm_outer (n=",
        &format!("at {call}"),
    ];
    expect_in_order(&transcript, &texts);
    // The optimizer makes one instruction of both lines of the function.
    let step = if tier == Tier::Quick { "return twice + 1;" } else { "entry(i32->i32)" };
    expect_in_order(&transcript, &["hit Breakpoint 1", "debuggee", step, "exited normally"]);
}

#[test]
fn gdb_watches_a_program_in_c() {
    watch_program_with_gdb(Tier::Quick, true, &["-O0"]);
}

#[test]
#[ignore = "one case is enough for every run: ci/extended.sh runs this one"]
fn gdb_watches_a_program_of_every_kind() {
    watch_program_with_gdb(Tier::Quick, false, &["-O0"]);
    watch_program_with_gdb(Tier::Speed, false, &["-O0"]);
    watch_program_with_gdb(Tier::Speed, true, &["-O0", "-gdwarf-5"]);
}

/// Alters each `stride`th byte of a module's DWARF: the module compiles, and functions whose DWARF cannot be read are
/// like those without.
fn alter_dwarf(stride: usize) {
    let Some(files) = Files::of_program(Tier::Quick, &["-O1", "-gdwarf-5"]) else { return };
    let wasm = std::fs::read(files.folder.path().join("module.wasm")).unwrap();
    let engine = Engine::new(Config::new().tier(Tier::Quick).debug_info(true)).unwrap();
    let uses_listing = |wasm: &[u8]| {
        let (artifact, name) = (engine.compile(wasm).unwrap(), Listing::of(wasm).unwrap().name);
        artifact.windows(name.len()).any(|bytes| bytes == name.as_bytes())
    };
    assert!(!uses_listing(&wasm), "all functions have lines of their own");
    let mut listings = 0;
    for payload in wasmparser::Parser::new(0).parse_all(&wasm) {
        let wasmparser::Payload::CustomSection(custom) = payload.unwrap() else { continue };
        if !custom.name().starts_with(".debug_") {
            continue;
        }
        for at in (custom.data_offset() as usize..custom.range().end as usize).step_by(stride) {
            for value in [0, 0xff, wasm[at] ^ 0x11] {
                let mut wasm = wasm.clone();
                wasm[at] = value;
                listings += usize::from(uses_listing(&wasm));
            }
        }
    }
    assert!(listings > 0);
}

#[test]
fn broken_dwarf_is_no_error() {
    alter_dwarf(16);
}

#[test]
#[ignore = "one case is enough for every run: ci/extended.sh runs this one"]
fn broken_dwarf_of_every_kind_is_no_error() {
    alter_dwarf(1);
}

/// Watches [`MODULE`] with lldb.
fn watch_with_lldb(tier: Tier, reload: bool) {
    let files = Files::new(tier);
    let (add, call) = (files.place("i32.add"), files.place("call $call_back"));
    let (mul, end) = (files.place("i32.mul"), files.place("call $wasm_middle"));
    let line = add.rsplit_once(':').expect("a line").1;
    let stop = format!("breakpoint set --file {} --line {line}", files.listing.name);
    let commands = [
        "breakpoint set --name wasm_inner",
        "run",
        "thread backtrace",
        "thread step-in",
        &stop,
        "continue",
        "continue",
    ];
    let Some(transcript) = files.watch(lldb, reload, true, &commands) else { return };
    let frames = [
        "stop reason = breakpoint 1.1",
        &*format!("`wasm_inner(local0=14) at {mul}"),
        "`entry(i32->i32)",
        "closure.rs",
        "`exit(i32->i32)",
        "`wasm_middle(local0=",
        &format!(") at {call}"),
        "`wasm function 3(local0=",
        &format!(") at {end}"),
        "stop reason = step in",
        "stop reason = breakpoint 2.1",
        "`wasm_middle(local0=",
        &format!(") at {add}"),
        "exited with status = 0",
    ];
    expect_in_order(&transcript, &frames);
}

#[test]
#[ignore = "one case is enough for every run: ci/extended.sh runs this one"]
fn lldb_watches_a_program_of_every_kind() {
    for (tier, reload) in [(Tier::Quick, false), (Tier::Speed, true)] {
        let Some(files) = Files::of_program(tier, &["-O0"]) else { return };
        let total = program_line("total +=");
        let stop = format!("breakpoint set --file program.c --line {}", &total["program.c:".len()..]);
        let commands = [&*stop, "run", "thread backtrace", "breakpoint delete 1", "continue"];
        let Some(transcript) = files.watch(lldb, reload, true, &commands) else { return };
        let caller = format!("program.c:{}", &program_line("int weight =")["program.c:".len()..]);
        let texts = ["`wasm_weigh", &*total, "`wasm_outer", &caller, "exited with status = 0"];
        expect_in_order(&transcript, &texts);
    }
}

#[test]
fn lldb_watches_fresh_code() {
    watch_with_lldb(Tier::Quick, false);
}

#[test]
#[ignore = "one case is enough for every run: ci/extended.sh runs this one"]
fn lldb_watches_code_of_every_kind() {
    watch_with_lldb(Tier::Speed, false);
    watch_with_lldb(Tier::Speed, true);
    watch_with_lldb(Tier::Quick, true);
}
