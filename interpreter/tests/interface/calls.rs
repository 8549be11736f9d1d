//! Calls in both directions: arguments and results, host functions, and re-entrance.

use crate::common::{call, call_any, frames, instance, linked};
use interpreter::{
    AnyRef, Backtrace, Caller, Error, ErrorKind, ExternRef, Func, FuncType, I31, Linker, Memory, Result, Store, Trap,
    Val, ValType,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn arguments_and_results_of_every_type() {
    let text = r#"(module
        (func (export "swap") (param i32 i64 f32 f64 v128 funcref externref anyref)
            (result anyref externref funcref v128 f64 f32 i64 i32)
            local.get 7 local.get 6 local.get 5 local.get 4 local.get 3 local.get 2 local.get 1 local.get 0))"#;
    let (mut store, instance) = instance(text);
    let swap = instance.get_func(&store, "swap").unwrap();
    let host = ExternRef::new(&mut store, 5_u32).unwrap();
    let arguments = [
        Val::I32(-1),
        Val::I64(-2),
        Val::F32(0x7fa0_0001),
        Val::F64(0x7ff4_0000_0000_0001),
        Val::V128(3 << 100 | 4),
        swap.into(),
        host.clone().into(),
        AnyRef::from_i31(&mut store, I31::wrapping_i32(-3)).into(),
    ];
    let mut results = call_any(&mut store, instance, "swap", &arguments).unwrap();
    results.reverse();
    assert_eq!(results, arguments);
    let Val::ExternRef(Some(back)) = &results[6] else { panic!("{results:?}") };
    assert_eq!(back.data(&store).unwrap().unwrap().downcast_ref(), Some(&5_u32));
}

#[test]
fn closures_take_and_return_rust_types() {
    type All = (i32, u64, f32, f64, u128, Option<Func>, Option<ExternRef>, Option<AnyRef>);
    let text = r#"(module
        (import "" "host" (func $host (param i32 i64 f32 f64 v128 funcref externref anyref)
            (result i32 i64 f32 f64 v128 funcref externref anyref)))
        (func (export "run") (param i32 i64 f32 f64 v128 funcref externref anyref)
            (result i32 i64 f32 f64 v128 funcref externref anyref)
            local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5 local.get 6 local.get 7
            call $host))"#;
    let (mut store, instance) = linked(text, |linker: &mut Linker<()>, _| {
        let host =
            |a: i32, b: u64, c: f32, d: f64, e: u128, f: Option<Func>, g: Option<ExternRef>, h: Option<AnyRef>| {
                (a + 1, b + 1, c + 1.0, d + 1.0, e + 1, f, g, h)
            };
        linker.func_wrap("", "host", host).unwrap();
    });
    let func = instance.get_func(&store, "run").unwrap();
    let host = ExternRef::new(&mut store, "mine").unwrap();
    let arguments: All = (1, 2, 3.0, 4.0, 5 << 64, Some(func), Some(host.clone()), Some(host.to_any()));
    let results = call::<_, All, All>(&mut store, instance, "run", arguments).unwrap();
    assert_eq!(results, (2, 3, 4.0, 5.0, 5 << 64 | 1, Some(func), Some(host.clone()), Some(host.to_any())));
    let nulls = (0, 0, 0.0, 0.0, 0, None, None, None);
    let results = call::<_, All, All>(&mut store, instance, "run", nulls).unwrap();
    assert_eq!(results, (1, 1, 1.0, 1.0, 1, None, None, None));
}

/// A host function that calls the caller's export `run` with one less.
fn down(mut caller: Caller<'_, u32>, count: i32) -> Result<i32> {
    *caller.data_mut() += 1;
    let run = caller.get_export("run").and_then(|item| item.into_func()).expect("the caller exports it");
    run.typed::<i32, i32>(&caller)?.call(&mut caller, count)
}

const DOWN: &str = r#"(module $m
    (import "" "down" (func $down (param i32) (result i32)))
    (func $run (export "run") (param i32) (result i32) (local i32 i32)
        (local.set 1 (i32.const 1))
        (if (result i32) (i32.eqz (local.get 0))
            (then (i32.const 0))
            (else (i32.add (local.get 1) (call $down (i32.sub (local.get 0) (local.get 1)))))))
    (func $tail (export "tail") (param i32) (result i32) (return_call $down (local.get 0))))"#;

#[test]
fn a_host_function_calls_back() {
    let (mut store, instance) = linked(DOWN, |linker, _| drop(linker.func_wrap("", "down", down)));
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "run", 50).unwrap(), 50);
    assert_eq!(*store.data(), 50);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "tail", 50).unwrap(), 50, "a tail call to the host");
}

#[test]
fn calls_back_and_forth_end_before_the_native_stack_does() {
    let run = || {
        let (mut store, instance) = linked(DOWN, |linker, _| drop(linker.func_wrap("", "down", down)));
        let error = call::<_, i32, i32>(&mut store, instance, "run", 1_000_000).unwrap_err();
        assert_eq!(error.as_trap(), Some(Trap::StackOverflow));
        assert_eq!(frames(&error).len(), 200);
        assert_eq!(call::<_, i32, i32>(&mut store, instance, "run", 150).unwrap(), 150, "the store stays usable");
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_host_function_that_calls_itself_ends_too() {
    let mut store = Store::new(&crate::common::engine(), ());
    let table = interpreter::Table::new(
        &mut store,
        interpreter::TableType::new(interpreter::RefType::FUNC, 1, None),
        Val::FuncRef(None),
    )
    .unwrap();
    let again = move |mut caller: Caller<'_, ()>| -> Result<()> {
        let Some(Val::FuncRef(Some(own))) = table.get(&mut caller, 0)? else { panic!("no function") };
        own.call(&mut caller, &[], &mut [])
    };
    let func = Func::wrap(&mut store, again);
    table.set(&mut store, 0, func.into()).unwrap();
    assert_eq!(func.call(&mut store, &[], &mut []).unwrap_err().as_trap(), Some(Trap::StackOverflow));
}

#[test]
fn nested_calls_do_not_touch_the_slots_of_outer_ones() {
    let text = r#"(module
        (import "" "host" (func $host (param v128 i32) (result i32 v128)))
        (func (export "clobber") (param i64 i64 i64 i64 i64 i64) (result i64) (local i64 i64 i64 i64)
            (local.set 9 (i64.const -1)) (i64.add (local.get 0) (local.get 5)))
        (func (export "run") (param v128 i32) (result i32 v128) (return_call $host (local.get 0) (local.get 1)))
        (func (export "plain") (param v128 i32) (result i64 i32 v128)
            (i64.const 6) (call $host (local.get 0) (local.get 1))))"#;
    let (mut store, instance) = linked(text, |linker: &mut Linker<()>, _| {
        let ty = FuncType::new([ValType::V128, ValType::I32], [ValType::I32, ValType::V128]);
        let host = |mut caller: Caller<'_, ()>, arguments: &[Val], results: &mut [Val]| {
            let clobber = caller.get_export("clobber").and_then(|item| item.into_func()).unwrap();
            let sum = clobber
                .typed::<(i64, i64, i64, i64, i64, i64), i64>(&caller)?
                .call(&mut caller, (1, -1, -1, -1, -1, 2))?;
            assert_eq!((sum, &results[..]), (3, &[Val::I32(0), Val::V128(0)][..]));
            results.clone_from_slice(&[arguments[1].clone(), arguments[0].clone()]);
            Ok(())
        };
        linker.func_new("", "host", ty, host).unwrap();
    });
    let arguments = [Val::V128(1 << 64 | 2), Val::I32(3)];
    let swapped = [Val::I32(3), Val::V128(1 << 64 | 2)];
    assert_eq!(call_any(&mut store, instance, "run", &arguments).unwrap(), swapped);
    let results = call_any(&mut store, instance, "plain", &arguments).unwrap();
    assert_eq!((&results[0], &results[1..]), (&Val::I64(6), &swapped[..]));
}

#[test]
fn an_error_of_the_host_comes_back_with_frames() {
    let text = r#"(module $m (import "" "fail" (func $fail (param i32)))
        (func $inner (call $fail (i32.const 3))) (func $outer (export "run") (call $inner)))"#;
    let (mut store, instance) = linked(text, |linker: &mut Linker<()>, _| {
        linker
            .func_wrap("", "fail", |code: i32| -> Result<()> { Err(Error::host(std::fmt::Error).at(code as u64)) })
            .unwrap();
    });
    let error = call::<_, (), ()>(&mut store, instance, "run", ()).unwrap_err();
    assert_eq!(
        (error.kind(), error.offset(), error.downcast_ref()),
        (ErrorKind::Host, Some(3), Some(&std::fmt::Error))
    );
    assert_eq!(frames(&error), ["m!1 $inner @0x32", "m!2 $outer @0x37"]);
}

#[test]
fn a_panic_leaves_the_store_usable() {
    let text = r#"(module (import "" "maybe" (func $maybe (param i32) (result i32)))
        (func $deep (param i32 i32) (result i32)
            (if (result i32) (local.get 0)
                (then (call $deep (i32.sub (local.get 0) (i32.const 1)) (local.get 1)))
                (else (call $maybe (local.get 1)))))
        (func (export "run") (param i32) (result i32) (call $deep (i32.const 10) (local.get 0))))"#;
    let (mut store, instance) = linked(text, |linker: &mut Linker<()>, _| {
        linker.func_wrap("", "maybe", |value: i32| if value == 0 { panic!("on demand") } else { value }).unwrap();
    });
    // More often than activations may be nested.
    for _ in 0..300 {
        let panic = catch_unwind(AssertUnwindSafe(|| call::<_, i32, i32>(&mut store, instance, "run", 0))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"on demand"));
    }
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "run", 7).unwrap(), 7);
    assert!(Backtrace::capture(&store).frames.is_empty());
}

#[test]
fn a_panic_that_a_host_function_catches_ends_the_inner_call_only() {
    let text = r#"(module (import "" "outer" (func $outer (param i32) (result i32)))
        (import "" "inner" (func $inner (result i32)))
        (func (export "again") (result i32) (i32.add (call $inner) (i32.const 1)))
        (func (export "run") (param i32) (result i32) (i32.add (call $outer (local.get 0)) (local.get 0))))"#;
    let (mut store, instance) = linked(text, |linker: &mut Linker<()>, _| {
        let outer = |mut caller: Caller<'_, ()>, value: i32| -> i32 {
            let again = caller.get_export("again").and_then(|item| item.into_func()).unwrap();
            let panic = catch_unwind(AssertUnwindSafe(|| again.call(&mut caller, &[], &mut [Val::I32(0)])));
            assert!(panic.is_err());
            Backtrace::capture(&caller).frames.len() as i32 * 1000 + value
        };
        linker.func_wrap("", "outer", outer).unwrap();
        linker.func_wrap("", "inner", || -> i32 { panic!("on demand") }).unwrap();
    });
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "run", 5).unwrap(), 1010);
}

#[test]
fn a_caller_shows_the_frames_and_exports_of_its_instance() {
    let text = r#"(module $m (import "" "look" (func $look (param i32)))
        (memory (export "mem") 1) (data (i32.const 8) "hello")
        (func $inner (call $look (i32.const 8))) (func $outer (export "run") (nop) (call $inner))
        (func (export "tail") (return_call $look (i32.const 9))))"#;
    let look = |mut caller: Caller<'_, Vec<String>>, at: i32| -> Result<()> {
        let memory: Memory = caller.get_export("mem").and_then(|item| item.into_memory()).unwrap();
        assert!(caller.get_export("absent").is_none());
        let mut bytes = [0; 4];
        memory.read(&caller, at as u64, &mut bytes)?;
        let frames = Backtrace::capture(&caller).frames;
        caller.data_mut().push(String::from_utf8_lossy(&bytes).into());
        caller.data_mut().extend(frames.iter().map(ToString::to_string));
        Ok(())
    };
    let (mut store, instance) = linked(text, |linker, _| {
        linker.func_wrap("", "look", look).unwrap();
    });
    call::<_, (), ()>(&mut store, instance, "run", ()).unwrap();
    call::<_, (), ()>(&mut store, instance, "tail", ()).unwrap();
    assert_eq!(store.data(), &["hell", "m!1 $inner @0x45", "m!2 $outer @0x4b", "ello"]);
}

#[test]
fn the_embedder_calls_a_host_function() {
    let mut store = Store::new(&crate::common::engine(), 1);
    let add = Func::wrap(&mut store, |mut caller: Caller<'_, i32>, value: i32| {
        assert!(caller.get_export("anything").is_none());
        *caller.data_mut() += value;
        *caller.data()
    });
    assert_eq!(add.typed::<i32, i32>(&store).unwrap().call(&mut store, 4).unwrap(), 5);
    assert_eq!(add.ty(&store).unwrap(), FuncType::new([ValType::I32], [ValType::I32]));
    assert_eq!(store.into_data(), 5);
}

#[test]
fn a_result_of_the_host_is_checked() {
    let text =
        r#"(module (import "" "host" (func $host (result i32))) (func (export "run") (result i32) (call $host)))"#;
    let (mut store, instance) = linked(text, |linker: &mut Linker<()>, _| {
        let host = |_: Caller<'_, ()>, _: &[Val], results: &mut [Val]| {
            results[0] = Val::I64(0);
            Ok(())
        };
        linker.func_new("", "host", FuncType::new([], [ValType::I32]), host).unwrap();
    });
    let error = call::<_, (), i32>(&mut store, instance, "run", ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(error.message(), "a result of the host function must be of type i32, but is of type i64");
}
