//! Fuel and deadlines.

use crate::common::module;
use interpreter::{Config, Engine, ErrorKind, Instance, Store, Trap};
use std::time::Duration;

/// Returns a store with fuel.
fn fueled(fuel: u64) -> (Engine, Store<()>) {
    let engine = Engine::new(Config::new().consume_fuel(true));
    let mut store = Store::new(&engine, ());
    store.set_fuel(fuel).unwrap();
    (engine, store)
}

/// Returns the fuel that the instantiation of a module takes.
fn price(text: &str) -> u64 {
    let (engine, mut store) = fueled(10_000);
    Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    10_000 - store.fuel().unwrap()
}

#[test]
fn instantiation_takes_fuel_by_what_it_writes() {
    assert_eq!(price("(module (memory 100) (table 1000 funcref))"), 0);
    assert_eq!(price("(module (global i32 (i32.const 1)) (global i32 (i32.add (i32.const 1) (i32.const 2))))"), 4);
    assert_eq!(price("(module (table 87 funcref (ref.null func)))"), 10 + 1);
    assert_eq!(price("(module (func $f) (elem func $f $f))"), 0, "a segment of functions has no expressions");
    assert_eq!(price("(module (func $f) (elem funcref (ref.func $f) (ref.null func)))"), 2);
    assert_eq!(price("(module (func $f) (table 20 funcref) (elem (i32.const 1) $f $f $f $f $f $f $f $f))"), 1 + 1);
    let data = "a".repeat(100);
    // Prices of bytes are rounded down for each segment.
    let text = format!(
        "(module (memory 1) (data (i32.const 0) \"{data}\") (data (i32.const 0) \"{data}\") (data \"{data}\"))"
    );
    assert_eq!(price(&text), 2 + 2);
    assert_eq!(price("(module (func $f (drop (i32.const 1)) (nop)) (start $f))"), 1);
    assert_eq!(
        price("(module (type $a (array i8)) (global (ref $a) (array.new $a (i32.const 0) (i32.const 8000))))"),
        {
            let (instructions, object, elements) = (3, (8000 + 8) / 64, 8000 / 8);
            instructions + object + elements
        }
    );
}

#[test]
fn fuel_runs_out() {
    let text = r#"(module
        (func (export "loop") (param i32) (result i32)
            (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (local.get 0)))"#;
    let (engine, mut store) = fueled(54);
    let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    let run = instance.get_typed_func::<i32, i32>(&store, "loop").unwrap();
    assert_eq!(run.call(&mut store, 5).unwrap(), 0);
    assert_eq!(store.fuel().unwrap(), 54 - (5 * 5 + 1));
    assert_eq!(run.call(&mut store, 100).unwrap_err().as_trap(), Some(Trap::OutOfFuel));
    assert_eq!(store.fuel().unwrap(), 0);
    store.set_fuel(26).unwrap();
    assert_eq!(run.call(&mut store, 5).unwrap(), 0);
    assert_eq!(store.fuel().unwrap(), 0);
    let (engine, mut store) = fueled(1);
    let module = module(&engine, "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))");
    let error = Instance::new(&mut store, &module, &[]).unwrap_err();
    assert_eq!((error.as_trap(), error.backtrace()), (Some(Trap::OutOfFuel), None));
}

/// The check at the entry of a function is at its first instruction, and that of a loop at the loop.
#[test]
fn fuel_runs_out_at_an_instruction() {
    let text = r#"(module
        (func $entry (export "entry") (return_call $entry))
        (func (export "loop") (nop) (loop (br 0))))"#;
    let (engine, mut store) = fueled(5);
    let module = module(&engine, text);
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    for (name, opcode, after) in [("entry", 0x12, 0), ("loop", 0x03, 1)] {
        store.set_fuel(5).unwrap();
        let run = instance.get_typed_func::<(), ()>(&store, name).unwrap();
        let error = run.call(&mut store, ()).unwrap_err();
        let offset = error.backtrace().unwrap().frames[0].module_offset as usize;
        assert_eq!(module.bytes()[offset], opcode, "{name}");
        // The number of locals of the function is zero, and stands before its first instruction.
        assert_eq!(module.bytes()[offset - 1 - after], 0, "{name}");
    }
}

#[test]
fn fuel_that_is_not_counted_is_misuse() {
    let mut store = Store::new(&Engine::new(&Config::new()), ());
    assert_eq!(store.fuel().unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(store.set_fuel(1).unwrap_err().message(), "this engine does not count fuel: set Config::consume_fuel");
}

#[test]
fn another_thread_stops_a_store() {
    let engine = Engine::new(Config::new().epoch_interruption(true).features(Config::SUPPORTED_FEATURES));
    let text = r#"(module $m
        (func $endless (export "loop") (loop (br 0)))
        (func $recursion (export "recursion") (return_call $recursion))
        (memory 1 1 shared)
        (func $wait (export "wait") (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))"#;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    for name in ["loop", "recursion", "wait"] {
        let run = instance.get_typed_func::<(), ()>(&store, name).unwrap();
        store.set_epoch_deadline(2);
        let error = std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..2 {
                    std::thread::sleep(Duration::from_millis(20));
                    engine.increment_epoch();
                }
            });
            run.call(&mut store, ()).unwrap_err()
        });
        assert_eq!(error.as_trap(), Some(Trap::Interrupted), "{name}");
        assert_eq!(error.backtrace().unwrap().frames.len(), 1, "{name}");
    }
}
