//! Calls in both directions: arguments and results, host functions, and re-entrance.

mod common;

use common::{instance, module};
use interpreter::{Caller, Config, Engine, Linker, Result, Store, Trap, Val};

#[test]
fn arguments_and_results_of_every_type() {
    let text = r#"(module
        (func (export "swap") (param i32 i64 f32 f64 v128 funcref externref)
            (result externref funcref v128 f64 f32 i64 i32)
            local.get 6 local.get 5 local.get 4 local.get 3 local.get 2 local.get 1 local.get 0))"#;
    let (mut store, instance) = instance(text);
    let swap = instance.get_func(&store, "swap").unwrap();
    let host = interpreter::ExternRef::new(&mut store, 5_u32).unwrap();
    let arguments = [
        Val::I32(-1),
        Val::I64(-2),
        Val::F32(0x7fa0_0001),
        Val::F64(0x7ff4_0000_0000_0001),
        Val::V128(3 << 100 | 4),
        swap.into(),
        host.into(),
    ];
    let mut results = vec![Val::I32(0); 7];
    swap.call(&mut store, &arguments, &mut results).unwrap();
    results.reverse();
    assert_eq!(results, arguments);
}

#[test]
fn a_host_function_calls_back() {
    let engine = Engine::new(&Config::new());
    let text = r#"(module
        (import "" "down" (func $down (param i32) (result i32)))
        (func (export "run") (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0))
                (then (i32.const 0))
                (else (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1))))))))"#;
    let mut linker = Linker::new(&engine);
    let down = |mut caller: Caller<'_, u32>, count: i32| -> Result<i32> {
        *caller.data_mut() += 1;
        let run = caller.get_export("run").and_then(|item| item.into_func()).expect("the caller exports it");
        run.typed::<i32, i32>(&caller)?.call(&mut caller, count)
    };
    linker.func_wrap("", "down", down).unwrap();
    let mut store = Store::new(&engine, 0);
    let instance = linker.instantiate(&mut store, &module(&engine, text)).unwrap();
    let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
    assert_eq!(run.call(&mut store, 50).unwrap(), 50);
    assert_eq!(*store.data(), 50);
    let error = run.call(&mut store, 1_000_000).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::StackOverflow));
    assert_eq!(run.call(&mut store, 50).unwrap(), 50, "the store stays usable");
}
