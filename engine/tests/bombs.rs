//! Small modules that ask for much: what the compiler makes of them is in proportion to their size, or an error. All
//! assertions are about counts, none is about time.
#![cfg(feature = "compile")]

use engine::{Config, Engine, ErrorKind, Func, Inspection, Instance, Module, Result, Store, Tier, Val, inspect};
use std::fmt::Write;

fn engine(tier: Tier) -> Engine {
    Engine::new(Config::new().tier(tier).compile_threads(Some(1))).unwrap()
}

fn artifact(tier: Tier, text: &str) -> Result<Vec<u8>> {
    engine(tier).compile(wat::parse_str(text).unwrap())
}

fn inspection(tier: Tier, text: &str) -> Inspection {
    inspect(&artifact(tier, text).unwrap()).unwrap()
}

/// Returns the number of trampolines or functions of a kind.
fn count(inspection: &Inspection, kind: &str) -> usize {
    inspection.functions.iter().filter(|function| function.kind.starts_with(kind)).count()
}

fn unoptimized(inspection: &Inspection) -> usize {
    inspection.functions.iter().filter(|function| function.unoptimized).count()
}

/// Returns this many different function types of ten parameters.
fn types(count: usize) -> String {
    let param = |number: usize| move |bit: usize| if number >> bit & 1 == 1 { "i32 " } else { "i64 " };
    (0..count)
        .map(|number| format!("(type (func (param {})))", (0..10).map(param(number)).collect::<String>()))
        .collect()
}

#[test]
fn a_type_alone_costs_no_code() {
    let unused = inspection(Tier::Speed, &format!("(module {})", types(1000)));
    assert_eq!(unused.functions.len(), 0);
    let some = "(import \"\" \"f\" (func (type 1))) (func (export \"g\") (type 2) unreachable)
        (table 1 funcref) (func (type 0) local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5
            local.get 6 local.get 7 local.get 8 local.get 9 i32.const 0 call_indirect (type 0))";
    let used = inspection(Tier::Speed, &format!("(module {} {some})", types(1000)));
    assert_eq!((count(&used, "entry"), count(&used, "exit"), count(&used, "function")), (1, 2, 2), "{used}");
}

/// A function reference of the host is called with a type that no function of the module has.
#[test]
fn a_function_of_the_host_is_callable_with_every_type_that_is_called() {
    let calls = [
        ("call_indirect", "(call_indirect (type $t) (local.get 0) (i32.const 0))"),
        ("return_call_indirect", "(return_call_indirect (type $t) (local.get 0) (i32.const 0))"),
        ("call_ref", "(call_ref $t (local.get 0) (ref.cast (ref $t) (table.get 0 (i32.const 0))))"),
        ("return_call_ref", "(return_call_ref $t (local.get 0) (ref.cast (ref $t) (table.get 0 (i32.const 0))))"),
    ];
    for tier in [Tier::Speed, Tier::Quick] {
        for (name, call) in calls {
            let engine = engine(tier);
            let text = format!(
                "(module (type $t (func (param f64) (result f64))) (table (export \"table\") 1 funcref)
                    (func (export \"run\") (param f64) (result f64) {call}))"
            );
            let module = Module::new(&engine, text).unwrap();
            let mut store = Store::new(&engine, ());
            // The reference exists before any module is in the store.
            let half = Func::wrap(&mut store, |value: f64| value / 2.0);
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let table = instance.get_table(&mut store, "table").unwrap();
            table.set(&mut store, 0, Val::FuncRef(Some(half))).unwrap();
            let run = instance.get_typed_func::<f64, f64>(&mut store, "run").unwrap();
            assert_eq!(run.call(&mut store, 3.0).unwrap(), 1.5, "{name}");
        }
    }
}

/// Returns a function of nested loops that each change all locals once, and that returns the first.
fn nested_loops(loops: usize, locals: usize) -> String {
    let mut text = format!("(module (func (export \"run\") (result i32) (local {})", "i32 ".repeat(locals));
    text += &"(loop ".repeat(loops);
    for local in 0..locals {
        write!(text, "(local.set {local} (i32.add (local.get {local}) (i32.const 1)))").unwrap();
    }
    for _ in 0..loops {
        text += "(br_if 0 (i32.lt_u (local.get 0) (i32.const 3))))";
    }
    text + "(local.get 0)))"
}

fn run(tier: Tier, text: &str) -> i32 {
    let engine = engine(tier);
    let module = Module::new(&engine, text).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    instance.get_typed_func::<(), i32>(&mut store, "run").unwrap().call(&mut store, ()).unwrap()
}

#[test]
fn a_function_past_the_budget_is_compiled_quickly_and_says_so() {
    let (small, large) = (nested_loops(4, 100), nested_loops(40, 1000));
    assert_eq!(unoptimized(&inspection(Tier::Speed, &small)), 0);
    let past = inspection(Tier::Speed, &large);
    assert_eq!(unoptimized(&past), 1);
    assert!(past.is_sound() && past.to_string().contains("(not optimized: past the budget)"));
    // The tier `Quick` has nothing to fall back to.
    assert_eq!(unoptimized(&inspection(Tier::Quick, &large)), 0);
    for text in [&small, &large] {
        assert_eq!([Tier::Speed, Tier::Quick].map(|tier| run(tier, text)), [3, 3]);
    }
}

#[test]
fn the_budget_is_the_same_on_any_number_of_threads() {
    let wasm = wat::parse_str(nested_loops(20, 1000)).unwrap();
    let [one, four] = [1, 4].map(|threads| {
        let engine = Engine::new(Config::new().compile_threads(Some(threads))).unwrap();
        engine.compile(&wasm).unwrap()
    });
    assert!(one == four);
}

/// Returns a function in which branches leave one block with `locals` locals, each after a change of one.
fn branches(branches: usize, locals: usize) -> String {
    let mut text =
        format!("(module (global $g (mut i32) (i32.const 0)) (func (local {}) (block ", "i32 ".repeat(locals));
    for branch in 0..branches {
        write!(text, "(br_if 0 (local.tee {} (global.get $g)))", branch % locals).unwrap();
    }
    text += ")";
    for local in 0..locals {
        write!(text, "(global.set $g (local.get {local}))").unwrap();
    }
    text + "))"
}

#[test]
fn branches_that_carry_many_locals_are_past_the_budget_and_then_refused() {
    assert_eq!(unoptimized(&inspection(Tier::Speed, &branches(300, 300))), 0);
    assert_eq!(unoptimized(&inspection(Tier::Speed, &branches(500, 500))), 1);
    for tier in [Tier::Speed, Tier::Quick] {
        let error = artifact(tier, &branches(3000, 3000)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert!(error.message().contains("carry 8999999 values"), "{error}");
        // Refused before the intermediate code exists.
        let error = artifact(tier, &branches(20_000, 20_000)).unwrap_err();
        assert!(error.message().contains("too many branches for its many locals"), "{error}");
    }
}

#[test]
fn many_labels_of_one_table_are_one_branch_each() {
    let text = format!(
        "(module (func (param i32) (local {}) (block (br_table {} (local.get 0)))))",
        "i32 ".repeat(255),
        "0 ".repeat(20_000)
    );
    assert_eq!(unoptimized(&inspection(Tier::Speed, &text)), 0);
}

/// Returns a function that holds references across calls.
fn references(held: usize, calls: usize) -> String {
    let mut text = format!("(module (func $f) (func (param externref) (local {})", "externref ".repeat(held));
    for local in 1..=held {
        write!(text, "(local.set {local} (local.get 0))").unwrap();
    }
    text += &"(call $f)".repeat(calls);
    for local in 1..=held {
        write!(text, "(drop (local.get {local}))").unwrap();
    }
    text + "))"
}

#[test]
fn references_held_across_many_calls_are_refused() {
    for tier in [Tier::Speed, Tier::Quick] {
        artifact(tier, &references(100, 100)).unwrap();
        let error = artifact(tier, &references(6000, 6000)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert!(error.message().contains("too many calls for its many references"), "{error}");
    }
}

#[test]
fn locals_of_which_the_body_uses_few() {
    let text = "(module (func (export \"run\") (result i32) (local i64) (local {}) (local $last i32)
        (local.set $last (i32.add (local.get $last) (i32.const 7))) (local.get $last)))";
    let text = text.replace("{}", &"v128 ".repeat(40_000));
    assert_eq!([Tier::Speed, Tier::Quick].map(|tier| run(tier, &text)), [7, 7]);
}
