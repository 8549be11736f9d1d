//! Host functions: calls from WebAssembly and from the host, and the way of their errors and panics.

use engine::{
    AsContextMut, Backtrace, Caller, Config, Engine, Error, ErrorKind, Extern, ExternRef, Func, FuncType, Instance,
    Linker, Module, Result, Store, Table, TableType, Trap, Val, ValType,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn engine() -> Engine {
    Engine::new(&Config::new()).unwrap()
}

/// Returns a store with an instance of a module whose imports `define` adds to a linker.
fn link<T: 'static>(data: T, text: &str, define: impl FnOnce(&mut Linker<T>)) -> (Store<T>, Instance) {
    let engine = engine();
    let mut linker = Linker::new(&engine);
    define(&mut linker);
    let mut store = Store::new(&engine, data);
    let module = Module::new(&engine, text).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    (store, instance)
}

const CALLS_H: &str = r#"(module $m
    (import "" "h" (func $h (param i32) (result i32)))
    (func $run (export "run") (param i32) (result i32) (call $h (local.get 0))))"#;

#[test]
fn closures_see_arguments_data_and_exports() {
    let text = r#"(module
        (import "" "log" (func $log (param i32 i32)))
        (memory (export "memory") 1) (data (i32.const 16) "hello")
        (func (export "run") (call $log (i32.const 16) (i32.const 5))))"#;
    let (mut store, instance) = link(String::new(), text, |linker| {
        linker
            .func_wrap("", "log", |mut caller: Caller<'_, String>, at: u32, len: u32| -> Result<()> {
                let memory = caller.get_export("memory").and_then(Extern::into_memory).expect("the caller's memory");
                assert_eq!(caller.get_export("nothing"), None);
                let (bytes, data) = memory.data_and_store_mut(&mut caller)?;
                data.push_str(std::str::from_utf8(&bytes[at as usize..][..len as usize]).map_err(Error::host)?);
                Ok(())
            })
            .unwrap();
    });
    instance.get_typed_func::<(), ()>(&mut store, "run").unwrap().call(&mut store, ()).unwrap();
    assert_eq!(store.data(), "hello");
}

#[test]
fn all_types_pass_both_ways() {
    let params = [ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::V128, ValType::EXTERNREF];
    let ty = FuncType::new(params, params);
    let text = r#"(module
        (type $t (func (param i32 i64 f32 f64 v128 externref) (result i32 i64 f32 f64 v128 externref)))
        (import "" "untyped" (func $u (type $t))) (import "" "typed" (func $w (type $t)))
        (func (export "run") (type $t) local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5
            call $u call $w))"#;
    let (mut store, instance) = link((), text, |linker| {
        linker
            .func_new("", "untyped", ty, |_, params, results| {
                results.copy_from_slice(params);
                Ok(())
            })
            .unwrap();
        linker
            .func_wrap("", "typed", |a: i32, b: u64, c: f32, d: f64, e: u128, f: Option<ExternRef>| {
                (a + 1, b, c, d, e, f)
            })
            .unwrap();
    });
    let value = ExternRef::new(&mut store, 5u8).unwrap();
    let params = [Val::I32(1), Val::I64(-2), Val::F32(3), Val::F64(u64::MAX), Val::V128(1 << 100), value.into()];
    let mut results = [Val::I32(0); 6];
    instance.get_func(&mut store, "run").unwrap().call(&mut store, &params, &mut results).unwrap();
    assert_eq!(results[0], Val::I32(2));
    assert_eq!(results[1..5], params[1..5]);
    let Val::ExternRef(Some(result)) = results[5] else { panic!("an extern reference") };
    assert!(result.ref_eq(&value, &store).unwrap());
}

#[derive(Debug)]
struct Refused(i32);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "refused {}", self.0)
    }
}

impl std::error::Error for Refused {}

#[test]
fn errors_come_back_unchanged_with_a_backtrace() {
    let (mut store, instance) = link((), CALLS_H, |linker| {
        linker.func_wrap("", "h", |x: i32| if x < 0 { Err(Error::host(Refused(x))) } else { Ok(x) }).unwrap();
    });
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, 7).unwrap(), 7);
    let error = run.call(&mut store, -7).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Host);
    assert_eq!(error.downcast_ref::<Refused>().unwrap().0, -7);
    let frames = &error.backtrace().unwrap().frames;
    assert_eq!(frames.len(), 1);
    assert_eq!((frames[0].func_index, frames[0].func_name.as_deref()), (1, Some("run")));
    assert_eq!(frames[0].module_name.as_deref(), Some("m"));
    assert_eq!(run.call(&mut store, 8).unwrap(), 8, "the store goes on working");
}

#[test]
fn a_trap_of_the_host_is_a_trap() {
    let (mut store, instance) = link((), CALLS_H, |linker| {
        linker.func_wrap("", "h", |_: i32| -> Result<i32> { Err(Trap::IntegerOverflow.into()) }).unwrap();
    });
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    let error = run.call(&mut store, 0).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::IntegerOverflow));
    assert_eq!(error.backtrace().unwrap().frames.len(), 1);
}

#[test]
fn panics_resume_in_the_caller() {
    let (mut store, instance) = link((), CALLS_H, |linker| {
        linker.func_wrap("", "h", |x: i32| if x == 0 { panic!("at zero") } else { x }).unwrap();
    });
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| run.call(&mut store, 0))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"at zero"));
    assert_eq!(run.call(&mut store, 8).unwrap(), 8, "the store goes on working");
}

/// The calls are WebAssembly -> host -> WebAssembly of the same store -> trap.
#[test]
fn backtraces_show_both_sides_of_a_host_call() {
    let text = r#"(module
        (import "" "h" (func $h (param i32) (result i32)))
        (func $outer (export "outer") (param i32) (result i32) (call $h (local.get 0)))
        (func $inner (export "inner") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0))))"#;
    let (mut store, instance) = link(None, text, |linker| {
        linker
            .func_wrap("", "h", |mut caller: Caller<'_, Option<Backtrace>>, x: i32| -> Result<i32> {
                let seen = Backtrace::capture(&caller);
                *caller.data_mut() = Some(seen);
                let inner = caller.get_export("inner").and_then(Extern::into_func).expect("an export");
                inner.typed::<i32, i32>(&caller)?.call(&mut caller, x)
            })
            .unwrap();
    });
    let outer = instance.get_typed_func::<i32, i32>(&mut store, "outer").unwrap();
    assert_eq!(outer.call(&mut store, 1).unwrap(), 1);
    let error = outer.call(&mut store, 0).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::IntegerDivisionByZero));
    let names = |backtrace: &Backtrace| -> Vec<_> {
        backtrace.frames.iter().map(|frame| frame.func_name.clone().unwrap()).collect()
    };
    assert_eq!(names(error.backtrace().unwrap()), ["inner", "outer"]);
    assert_eq!(names(store.data().as_ref().unwrap()), ["outer"]);
    assert_eq!(Backtrace::capture(&store).frames, []);
}

#[test]
fn the_host_calls_host_functions_without_webassembly() {
    let engine = engine();
    let mut store = Store::new(&engine, 0);
    let add = Func::wrap(&mut store, |mut caller: Caller<'_, i32>, by: i32| {
        assert!(caller.get_export("anything").is_none());
        *caller.data_mut() += by;
        *caller.data()
    });
    assert_eq!(add.typed::<i32, i32>(&store).unwrap().call(&mut store, 3).unwrap(), 3);
    let mut results = [Val::I64(0)];
    add.call(&mut store, &[Val::I32(4)], &mut results).unwrap();
    assert_eq!((results[0], *store.data()), (Val::I32(7), 7));
}

#[test]
fn results_of_untyped_functions_are_checked() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let ty = FuncType::new([], [ValType::I32]);
    let wrong = Func::new(&mut store, ty, |_, _, results| {
        results[0] = Val::I64(1);
        Ok(())
    });
    let error = wrong.call(&mut store, &[], &mut [Val::I32(0)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}

/// A host function that exists before any code with its signature becomes callable when such code is loaded.
#[test]
fn host_functions_wait_for_their_trampoline() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let func = Func::wrap(&mut store, |x: f64, y: i32| x * f64::from(y));
    let table = TableType::new(engine::RefType::FUNC, 1, None);
    let table = Table::new(&mut store, table, func.into()).unwrap();
    let text = r#"(module (import "" "t" (table 1 funcref))
        (func (export "run") (param f64 i32) (result f64)
            (call_indirect (param f64 i32) (result f64) (local.get 0) (local.get 1) (i32.const 0))))"#;
    let module = Module::new(&engine, text).unwrap();
    let instance = Instance::new(&mut store, &module, &[table.into()]).unwrap();
    let run = instance.get_typed_func::<(f64, i32), f64>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, (1.5, 4)).unwrap(), 6.0);
}

#[test]
fn functions_are_values() {
    let text = r#"(module
        (import "" "pick" (func $pick (param funcref) (result funcref)))
        (table 1 funcref) (elem declare func $seven)
        (func $seven (export "seven") (result i32) i32.const 7)
        (func (export "run") (result i32)
            (table.set (i32.const 0) (call $pick (ref.func $seven)))
            (call_indirect (result i32) (i32.const 0))))"#;
    let (mut store, instance) = link(None, text, |linker| {
        linker
            .func_wrap("", "pick", |mut caller: Caller<'_, Option<Func>>, func: Option<Func>| {
                let next = Func::wrap(&mut caller, || 8i32);
                caller.data_mut().replace(next).or(func)
            })
            .unwrap();
    });
    let run = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), 7);
    assert_eq!(run.call(&mut store, ()).unwrap(), 8);
}

#[test]
fn host_functions_make_instances_while_code_waits() {
    let engine = engine();
    let nested = Module::new(&engine, r#"(module (memory 1) (func (export "f") (result i32) (i32.const 5)))"#).unwrap();
    let mut linker = Linker::new(&engine);
    linker
        .func_wrap("", "h", move |mut caller: Caller<'_, ()>, x: i32| -> Result<i32> {
            let mut sum = x;
            for _ in 0..20 {
                let instance = Instance::new(caller.as_context_mut(), &nested, &[])?;
                sum += instance.get_typed_func::<(), i32>(&mut caller, "f")?.call(&mut caller, ())?;
            }
            Ok(sum)
        })
        .unwrap();
    let mut store = Store::new(&engine, ());
    let module = Module::new(&engine, CALLS_H).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, 1).unwrap(), 101);
}
