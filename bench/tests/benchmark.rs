//! The whole benchmark for a moment, with our engine on both sides, and the results of the kernels.

use bench::interpreters::{Interpreter, OurInterpreter};
use bench::kernels::{KERNELS, OBJECT_KERNELS};
use bench::lane_table::{self, LanePlan};
use bench::measure::Budget;
use bench::plan::{self, Binary, Outcome, Plan};
use bench::subject::{Check, Subject, Tier};
use bench::{Error, Ours, Result};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("now is after 1970")
}

fn binary(name: &str, text: &str) -> Binary {
    Binary { name: name.to_owned(), wasm: wat::parse_str(text).unwrap() }
}

fn run<T: Subject>(filter: &str) -> Result<Outcome> {
    let binaries = [
        binary("plain", r#"(module (import "a" "b" (func)) (memory 1) (data (i32.const 0) "x") (func (export "f")))"#),
        binary("closed", r#"(module (import "a" "m" (memory 1)))"#),
    ];
    let budget = Budget { sample: Duration::from_nanos(1), pair: Duration::ZERO, least: 2 };
    let scratch = tempfile::tempdir()?;
    let plan = Plan { clock: now, budget, filter, binaries: &binaries, full: false, v8: None, scratch: scratch.path() };
    let mut seen = 0;
    let outcome = plan::run::<Ours, T, OurInterpreter, OurInterpreter>(&plan, |_| seen += 1)?;
    assert_eq!(seen, outcome.rows.len());
    Ok(outcome)
}

#[test]
fn every_row_is_measured() {
    let outcome = run::<Ours>("").unwrap();
    let count = |group| outcome.rows.iter().filter(|row| row.group == group).count();
    // Two binaries; two tiers and two numbers of threads; three ways to load; two modules that
    // can be linked, in two ways to allocate; six kernels in two tiers; three kernels beside two collectors; six small
    // modules and nine kernels in the interpreter, of which three are not run by every other one.
    let counts = ["compile", "size", "load", "instantiate", "call", "run", "objects", "start", "interpret"].map(count);
    assert_eq!(counts, [8, 4, 6, 4, 4, 12, 6, 12, 15]);
    assert!(outcome.rows.iter().all(|row| row.ours.count() == row.theirs.count()));
    assert!(outcome.rows.iter().filter(|row| row.group == "size").all(|row| row.ours == row.theirs));
    assert_eq!(outcome.notes, ["instantiate/closed is not measured: a.m is not a function"]);
}

fn in_lanes(lanes: &str, filter: &str) -> Result<String> {
    let budget = Budget { sample: Duration::from_nanos(1), pair: Duration::ZERO, least: 2 };
    let plan = LanePlan { lanes, clock: now, budget, filter, full: false };
    Ok(lane_table::measure(&plan)?.to_string())
}

#[test]
fn lanes_are_measured_by_name() {
    let table = in_lanes("quick/fresh,interp", "").unwrap();
    assert_eq!(table.lines().count(), 2 + KERNELS.len() + OBJECT_KERNELS.len(), "{table}");
    assert!(
        table.starts_with("| kernel") && table.contains("| quick/fresh |") && table.contains("interp |"),
        "{table}"
    );
    assert!(!table.contains("unsupported"), "{table}");
    assert_eq!(in_lanes("interp", "float").unwrap().lines().count(), 3);
}

#[test]
fn lanes_that_are_not_there_are_named() {
    let error = |lanes| in_lanes(lanes, "float").unwrap_err().to_string();
    assert!(error("speed/fersh").contains("did you mean `speed/fresh`?"));
    assert!(error("interp,v8@1.2.3").contains("ci/install-engines.sh v8@1.2.3"));
    assert!(error("wasmtime-c@1.2.3?").contains("no lane to measure"));
}

#[test]
fn a_filter_picks_rows() {
    let outcome = run::<Ours>("call/host").unwrap();
    let names: Vec<&str> = outcome.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["host to WebAssembly, typed", "host to WebAssembly, untyped"]);
}

#[test]
fn kernels_compute_what_is_known() {
    for tier in Tier::ALL {
        let engine = Ours::new(tier).unwrap();
        for kernel in KERNELS.iter().chain(&OBJECT_KERNELS) {
            let artifact = engine.compile(&wat::parse_str(kernel.text).unwrap()).unwrap();
            let module = engine.load(&artifact, Check::Default).unwrap();
            let mut instance = engine.instantiate(&engine.link(&module).unwrap()).unwrap();
            let (argument, result) = kernel.known;
            assert_eq!(engine.run(&mut instance, "run", argument).unwrap(), result, "{}", kernel.name);
        }
    }
}

#[test]
fn the_interpreter_computes_what_is_known() {
    let interpreter = OurInterpreter::new();
    for kernel in KERNELS.iter().chain(&OBJECT_KERNELS) {
        let mut instance = interpreter.start(&wat::parse_str(kernel.text).unwrap()).unwrap();
        let (argument, result) = kernel.known;
        assert_eq!(interpreter.run(&mut instance, "run", argument).unwrap(), result, "{}", kernel.name);
    }
}

/// Our engine, except that every result is one too high.
struct Wrong(Ours);

impl Subject for Wrong {
    type Module = <Ours as Subject>::Module;
    type Linked = <Ours as Subject>::Linked;
    type Instance = <Ours as Subject>::Instance;

    fn new(tier: Tier) -> Result<Wrong> {
        Ours::new(tier).map(Wrong)
    }

    fn with_pool(tier: Tier) -> Result<Wrong> {
        Ours::with_pool(tier).map(Wrong)
    }

    fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>> {
        self.0.compile(wasm)
    }

    fn load(&self, artifact: &[u8], check: Check) -> Result<Self::Module> {
        self.0.load(artifact, check)
    }

    fn load_trusted_file(&self, path: &Path) -> Result<Self::Module> {
        self.0.load_trusted_file(path)
    }

    fn link(&self, module: &Self::Module) -> Result<Self::Linked> {
        self.0.link(module)
    }

    fn instantiate(&self, linked: &Self::Linked) -> Result<Self::Instance> {
        self.0.instantiate(linked)
    }

    fn call_typed(&self, instance: &mut Self::Instance, export: &str, times: u64) -> Result<()> {
        self.0.call_typed(instance, export, times)
    }

    fn call_untyped(&self, instance: &mut Self::Instance, export: &str, times: u64) -> Result<()> {
        self.0.call_untyped(instance, export, times)
    }

    fn run(&self, instance: &mut Self::Instance, export: &str, argument: i32) -> Result<i64> {
        Ok(self.0.run(instance, export, argument)? + 1)
    }
}

#[test]
fn engines_that_disagree_are_not_compared() {
    let error: Error = run::<Wrong>("run/float").unwrap_err();
    assert!(error.to_string().starts_with("run/float speed: the engines disagree"), "{error}");
}
