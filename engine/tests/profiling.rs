//! Tells profilers of loaded code: reads the files that the engine writes, and asks perf where it is installed.

#![expect(unsafe_code, reason = "a trusted file is loaded by an unsafe function")]

mod tools;

use engine::{Config, Engine, Error, ErrorKind, Module, ProfilingStrategy, Store};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use tools::{expect_in_order, run_tool, skip};

/// A module that computes for a while.
const MODULE: &str = r#"(module
    (func $"spin round" (param i64) (result i64) (local i64)
        (loop $again
            (local.set 1 (i64.rotl (i64.mul (local.get 1) (i64.const 7)) (local.get 0)))
            (br_if $again (i64.ne (i64.const 0) (local.tee 0 (i64.sub (local.get 0) (i64.const 1))))))
        (local.get 1))
    (func (export "run") (param i64) (result i64) (call $"spin round" (local.get 0))))"#;

/// The names of all code of [`MODULE`].
const NAMES: [&str; 3] = ["wasm[0]::spin_round", "wasm[1]", "entry(i64->i64)"];

const ROUTES: [&str; 3] = ["fresh", "file", "trusted file"];

/// The process that is profiled: loads [`MODULE`] by the route and calls it.
#[test]
#[ignore = "run by other tests in a process of its own"]
fn profiled() {
    let variable = |name| std::env::var(name).expect("the test sets the variable");
    let strategy = match variable("STRATEGY").as_str() {
        "perf map" => ProfilingStrategy::PerfMap,
        "jitdump" => ProfilingStrategy::JitDump,
        _ => ProfilingStrategy::None,
    };
    let engine = Engine::new(Config::new().profiler(strategy)).unwrap();
    let module = match variable("ROUTE").as_str() {
        "fresh" => Module::new(&engine, MODULE),
        "file" => Module::deserialize_file(&engine, "module.cwasm"),
        // SAFETY: the test has just written the file, and nobody changes it.
        "trusted file" => unsafe { Module::deserialize_trusted_file(&engine, "module.cwasm") },
        other => panic!("{other} is no route"),
    };
    let mut store = Store::new(&engine, ());
    let instance = engine::Instance::new(&mut store, &module.unwrap(), &[]).unwrap();
    let run = instance.get_typed_func::<i64, i64>(&mut store, "run").unwrap();
    let rounds = variable("ROUNDS").parse().unwrap();
    let result = run.call(&mut store, rounds).unwrap();
    println!("process {} computed {result}", std::process::id());
}

/// Runs `profiled` in a folder, under a command, which may be none. Returns what it prints.
fn profile(folder: &Path, command: &[&str], strategy: &str, route: &str, rounds: &str) -> Option<String> {
    let artifact = Engine::new(&Config::new()).unwrap().compile(MODULE).unwrap();
    std::fs::write(folder.join("module.cwasm"), artifact).unwrap();
    let binary = std::env::current_exe().unwrap();
    let test = [binary.to_str().expect("a path of UTF-8"), "--exact", "profiled", "--ignored", "--nocapture"];
    let words = [command, &test].concat();
    let environment = [("STRATEGY", strategy), ("ROUTE", route), ("ROUNDS", rounds)];
    let (output, is_success) = run_tool(folder, words[0], &words[1..], &environment)?;
    if !is_success && ["perf_event_paranoid", "not permitted"].iter().any(|refusal| output.contains(refusal)) {
        return skip("perf may not record here");
    }
    assert!(is_success, "{output}");
    Some(output)
}

/// The number of the process that printed this.
fn process_of(output: &str) -> u32 {
    let rest = output.split("process ").nth(1).expect("the process says its number");
    rest.split(' ').next().expect("a number").parse().expect("a number")
}

/// The code of each function of [`MODULE`], by name, as the artifact has it.
fn expected_code() -> BTreeMap<String, Vec<u8>> {
    let artifact = Engine::new(&Config::new()).unwrap().compile(MODULE).unwrap();
    let inspection = engine::inspect(&artifact).unwrap();
    let text = inspection.sections.iter().find(|section| section.name == ".text").expect("the text").offset as usize;
    let code =
        inspection.functions.iter().map(|function| &artifact[text..][function.start as usize..function.end as usize]);
    NAMES.into_iter().map(str::to_owned).zip(code.map(<[u8]>::to_vec)).collect()
}

#[test]
fn perf_maps_have_the_address_of_each_function() {
    let folder = tempfile::tempdir().unwrap();
    for route in ROUTES {
        let output = profile(folder.path(), &[], "perf map", route, "3").expect("no tool is needed");
        let path = format!("/tmp/perf-{}.map", process_of(&output));
        let map = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        let lines: Vec<Vec<&str>> = map.lines().map(|line| line.splitn(3, ' ').collect()).collect();
        assert_eq!(lines.iter().map(|line| line[2]).collect::<Vec<_>>(), NAMES, "{route}");
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let mut free = 0;
        for line in &lines {
            let (start, size) = (number(line[0]), number(line[1]));
            assert!(start >= free, "functions do not overlap");
            assert_eq!(size, expected_code()[line[2]].len() as u64);
            free = start + size;
        }
    }
}

#[test]
fn jitdumps_have_the_code_of_each_function() {
    let folder = tempfile::tempdir().unwrap();
    for route in ROUTES {
        let output = profile(folder.path(), &[], "jitdump", route, "3").expect("no tool is needed");
        let process = process_of(&output);
        let dump = std::fs::read(folder.path().join(format!("jit-{process}.dump"))).unwrap();
        let word = |at: usize| u32::from_le_bytes(dump[at..at + 4].try_into().unwrap());
        let long = |at: usize| u64::from_le_bytes(dump[at..at + 8].try_into().unwrap());
        assert_eq!([0, 4, 8, 12, 20].map(word), [0x4a69_5444, 1, 40, 62, process]);
        let (mut at, mut found, mut last) = (word(8) as usize, BTreeMap::new(), long(24));
        while at < dump.len() {
            let size = word(at + 4) as usize;
            assert_eq!((word(at), word(at + 16), long(at + 48)), (0, process, found.len() as u64));
            assert_eq!(long(at + 24), long(at + 32));
            assert!(long(at + 8) >= last, "time goes on");
            last = long(at + 8);
            let (name, code) =
                dump[at + 56..at + size].split_at(dump[at + 56..].iter().position(|&byte| byte == 0).unwrap());
            assert_eq!(code.len() as u64 - 1, long(at + 40));
            found.insert(String::from_utf8(name.to_vec()).unwrap(), code[1..].to_vec());
            at += size;
        }
        assert_eq!(found, expected_code(), "{route}");
    }
}

#[test]
fn a_module_does_not_load_without_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let test = ["--exact", "without_a_file", "--ignored", "--nocapture"];
    let output = Command::new(std::env::current_exe().unwrap()).args(test).current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    expect_in_order(&text, &["cannot write jit-", ".dump for profilers: "]);
}

#[test]
#[ignore = "run by another test in a process of its own"]
fn without_a_file() {
    let path = format!("jit-{}.dump", std::process::id());
    std::fs::create_dir(path).unwrap();
    let engine = Engine::new(Config::new().profiler(ProfilingStrategy::JitDump)).unwrap();
    let error: Error = Module::new(&engine, MODULE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    println!("{error}");
}

/// The report of perf about `profiled`; `None` if perf cannot be used here.
fn report(strategy: &str, route: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let record = ["perf", "record", "--event=cpu-clock", "--clockid=mono", "--output=perf.data"];
    let output = profile(folder.path(), &record, strategy, route, "200000000")?;
    let process = process_of(&output);
    let mut data = "perf.data";
    if strategy == "jitdump" {
        let inject = ["inject", "--jit", "--input=perf.data", "--output=perf.jit.data"];
        let (text, is_success) = run_tool(folder.path(), "perf", &inject, &[])?;
        assert!(is_success, "{text}");
        data = "perf.jit.data";
    }
    let report = ["report", "--stdio", "--sort=symbol", "--input", data];
    let (text, _) = run_tool(folder.path(), "perf", &report, &[])?;
    // It need not be there: not every strategy writes it.
    let _ = std::fs::remove_file(format!("/tmp/perf-{process}.map"));
    Some(text)
}

#[test]
fn perf_names_the_function_by_the_map() {
    let Some(report) = report("perf map", "file") else { return };
    expect_in_order(&report, &["wasm[0]::spin_round"]);
}

#[test]
fn perf_names_the_function_by_the_jitdump() {
    let Some(report) = report("jitdump", "fresh") else { return };
    expect_in_order(&report, &["wasm[0]::spin_round"]);
}

#[test]
fn perf_names_the_function_of_a_mapped_artifact() {
    let Some(report) = report("none", "trusted file") else { return };
    expect_in_order(&report, &["wasm[0]::spin_round"]);
}

/// Without a file perf has no name for code that no file on disk has, so the other tests can fail.
#[test]
fn perf_knows_nothing_without_a_file() {
    let Some(report) = report("none", "fresh") else { return };
    assert!(!report.contains("spin_round"), "{report}");
}
