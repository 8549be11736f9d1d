//! The calls of `Config::coverage`.

use crate::common::{call_any, module};
use interpreter::{Config, Engine, Instance, Store, Val};
use std::cell::RefCell;

thread_local! {
    static NOTED: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

const TEXT: &str = r#"(module
    (func (export "f") (param i32) (result i32)
        (block $end
            (br_if $end (i32.eqz (local.get 0)))
            (local.set 0 (i32.mul (local.get 0) (i32.const 3))))
        (i32.add (local.get 0) (i32.const 1))))"#;

/// Returns the result of a call of `f`, and the numbers of the straight code that it ran through.
fn run(coverage: Option<fn(u32)>, argument: i32) -> (Val, Vec<u32>) {
    let engine = Engine::new(Config::new().coverage(coverage).consume_fuel(true));
    let mut store = Store::new(&engine, ());
    store.set_fuel(100).unwrap();
    let instance = Instance::new(&mut store, &module(&engine, TEXT), &[]).unwrap();
    let result = call_any(&mut store, instance, "f", &[Val::I32(argument)]).unwrap().remove(0);
    assert_eq!(store.fuel().unwrap(), if argument == 0 { 94 } else { 90 }, "coverage takes no fuel");
    (result, NOTED.take())
}

#[test]
fn a_branch_shows_in_the_way() {
    let note = |name| NOTED.with_borrow_mut(|noted| noted.push(name));
    let (taken, short) = run(Some(note), 0);
    let (passed, long) = run(Some(note), 5);
    assert_eq!((taken, passed), (Val::I32(1), Val::I32(16)));
    assert_eq!((short.len(), long.len()), (2, 3), "{short:?} {long:?}");
    assert!(short.iter().all(|name| long.contains(name)));
    assert_eq!(run(Some(note), 5).1, long, "the numbers are the same in each run");
    assert_eq!(run(None, 5), (Val::I32(16), Vec::new()));
}
