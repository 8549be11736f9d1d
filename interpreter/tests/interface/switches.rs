//! Code of several instances in turn: each sees its own memory, however control comes to it.

use crate::common::{call_any, engine, module};
use interpreter::{Caller, Error, Func, Linker, Store, Val};

const CALLEE: &str = r#"(module
    (import "host" "pass" (func $pass (param funcref) (result i32)))
    (memory 1)
    (data (i32.const 0) "\05")
    (tag $t (export "tag") (param i32))
    (func (export "load") (result i32) (i32.load8_u (i32.const 0)))
    (func (export "throw") (throw $t (i32.load8_u (i32.const 0))))
    (func (export "back") (param funcref) (result i32) (return_call $pass (local.get 0)))
    (func (export "grow") (result i32) (memory.grow (i32.const 3))))"#;

const CALLER: &str = r#"(module
    (import "callee" "load" (func $load (result i32)))
    (import "callee" "throw" (func $throw))
    (import "callee" "back" (func $back (param funcref) (result i32)))
    (import "callee" "grow" (func $grow (result i32)))
    (import "callee" "tag" (tag $t (param i32)))
    (memory 1)
    (data (i32.const 0) "\07")
    (elem declare func $own)
    (func $own (result i32) (i32.load8_u (i32.const 0)))
    (func $tail (result i32) (return_call $load))
    (func $there_and_back (result i32) (return_call $back (ref.func $own)))
    (func (export "f") (result i32 i32 i32 i32 i32 i32)
        (call $tail)
        (i32.load8_u (i32.const 0))
        (block $caught (result i32) (try_table (catch $t $caught) (call $throw)) (unreachable))
        (i32.load8_u (i32.const 0))
        (call $there_and_back)
        (drop (call $grow))
        (i32.load8_u (i32.const 0))))"#;

#[test]
fn each_instance_has_its_own_memory() {
    let engine = engine();
    let (mut store, mut linker) = (Store::new(&engine, ()), Linker::new(&engine));
    let pass = |mut caller: Caller<'_, ()>, func: Option<Func>| -> Result<i32, Error> {
        func.expect("a function").typed::<(), i32>(&caller)?.call(&mut caller, ())
    };
    linker.func_wrap("host", "pass", pass).unwrap();
    let callee = linker.instantiate(&mut store, &module(&engine, CALLEE)).unwrap();
    linker.instance(&mut store, "callee", callee).unwrap();
    let caller = linker.instantiate(&mut store, &module(&engine, CALLER)).unwrap();
    let results = call_any(&mut store, caller, "f", &[]).unwrap();
    assert_eq!(results, [5, 7, 5, 7, 7, 7].map(Val::I32));
}
