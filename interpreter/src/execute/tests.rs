//! Tests of the loop on its own.

use super::*;
use crate::config::{Config, Engine};
use crate::module::Module;
use crate::store::{Function, FunctionKind, ModuleInstance, StoreInner};
use alloc::vec::Vec;

fn instance(text: &str) -> StoreInner {
    let engine = Engine::new(&Config::new());
    let module = Module::new(&engine, &wat::parse_str(text).unwrap()).unwrap();
    let mut store = StoreInner::new(&engine);
    let description = module.description();
    let types = store.types.intern(&description.types, &description.group_ends).unwrap();
    store.heap.learn_types(&store.types);
    for (index, (ty, _)) in description.functions.iter().enumerate() {
        let ty = types[ty.index()];
        store.functions.push(Function { ty, instance: 0, kind: FunctionKind::Wasm(index as u32), code: None });
    }
    let functions = (0..description.functions.len() as u32).collect();
    let none: Vec<u32> = Vec::new();
    store.instances.push(ModuleInstance {
        module,
        types,
        functions,
        tables: none.clone().into(),
        memories: none.clone().into(),
        globals: none.clone().into(),
        tags: none.into(),
        elements: Vec::new(),
        dropped_data: [].into(),
    });
    store
}

fn call(store: &mut StoreInner, func: u32, arguments: &[u64]) -> u64 {
    store.stack[..arguments.len()].copy_from_slice(arguments);
    enter(store, func, 0).unwrap();
    assert!(matches!(run(store, 0), Exit::Returned));
    store.stack[0]
}

#[test]
fn recursion() {
    let mut store = instance(
        "(module (func $fib (param i32) (result i32)
            (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
                (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                               (call $fib (i32.sub (local.get 0) (i32.const 2))))))))",
    );
    assert_eq!(call(&mut store, 0, &[20]), 6765);
    std::println!("{:?}", store.functions[0].code);
    let start = std::time::Instant::now();
    assert_eq!(call(&mut store, 0, &[30]), 832040);
    std::println!("{:?}", start.elapsed());
}

#[test]
#[ignore = "a benchmark"]
fn bench_loop() {
    let mut store = instance(
        "(module (func $sum (param i32) (result i32) (local i32 i32)
            (loop $l
                (local.set 1 (i32.add (local.get 1) (i32.mul (local.get 2) (i32.xor (local.get 0) (local.get 2)))))
                (local.set 2 (i32.add (local.get 2) (i32.const 1)))
                (br_if $l (i32.lt_u (local.get 2) (local.get 0))))
            (local.get 1))
          (func $fib (param i32) (result i32)
            (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
                (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                               (call $fib (i32.sub (local.get 0) (i32.const 2))))))))",
    );
    for (func, arg) in [(0, 20_000_000), (1, 32)] {
        call(&mut store, func, &[10]);
        std::println!("{:?}", store.functions[func as usize].code.as_ref().unwrap().ops);
        let start = std::time::Instant::now();
        call(&mut store, func, &[arg]);
        std::println!("{:?}", start.elapsed());
    }
}
