//! Tests of the loop on its own.

use super::*;
use crate::config::{Config, Engine};
use crate::module::Module;
use crate::rewrite::op::Op;
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
    store.reserve_stack(0).unwrap();
    store.stack[..arguments.len()].copy_from_slice(arguments);
    enter(store, func, 0).unwrap();
    assert!(matches!(run(store, 0), Exit::Returned));
    store.stack[0]
}

const FIBONACCI: &str = "(module (func $fib (param i32) (result i32)
    (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
        (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                       (call $fib (i32.sub (local.get 0) (i32.const 2))))))))";

#[test]
fn functions_call_themselves() {
    let mut store = instance(FIBONACCI);
    assert_eq!(call(&mut store, 0, &[20]), 6765);
}

#[test]
fn comparisons_decide_branches_and_constants_are_immediate() {
    let mut store = instance(FIBONACCI);
    let expected = [
        Op::BrI32GeSImm { a: 0, imm: 2, target: 3 },
        Op::Copy { d: 1, a: 0 },
        Op::Jump { target: 8 },
        Op::I32AddImm { d: 1, a: 0, imm: -1 },
        Op::Call { function: 0, base: 1 },
        Op::I32AddImm { d: 2, a: 0, imm: -2 },
        Op::Call { function: 0, base: 2 },
        Op::I32Add { d: 1, a: 1, b: 2 },
        Op::ReturnOne { a: 1 },
    ];
    assert_eq!(*store.code(0).unwrap().ops, expected);
}
