//! Exceptions in both forms, and on their way through the host.

use crate::common::{call, call_any, frames, instance, linked};
use interpreter::{Caller, ErrorKind, ExnRef, FuncType, Linker, Result, Store, Tag, Trap, Val, ValType};

#[test]
fn a_handler_takes_the_payload() {
    let text = r#"(module
        (tag $e (param i32 v128 i64)) (tag $other)
        (func $throw (param i32) (throw $e (local.get 0) (i64x2.splat (i64.const 2)) (i64.const 3)))
        (func $middle (param i32) (try_table (catch $other 0) (call $throw (local.get 0))))
        (func (export "catch") (param i32) (result i32 v128 i64)
            (i32.const 77)
            (block $handler (result i32 v128 i64)
                (try_table (catch $other 1) (catch $e $handler) (i32.const 5) (call $middle (local.get 0)) (drop))
                (unreachable))
            (return)))"#;
    let text = text.replace("(catch $other 1) ", "");
    let (mut store, instance) = instance(&text);
    let results = call_any(&mut store, instance, "catch", &[Val::I32(4)]).unwrap();
    assert_eq!(results, [Val::I32(4), Val::V128(2 << 64 | 2), Val::I64(3)]);
}

#[test]
fn handlers_are_tried_in_order_from_the_inside() {
    let text = r#"(module
        (tag $a (param i32)) (tag $b (param i32))
        (func $throw (param i32)
            (if (local.get 0) (then (throw $a (local.get 0))) (else (throw $b (i32.const 50)))))
        (func (export "f") (param i32) (result i32)
            (block $outer (result i32)
                (try_table (result i32) (catch $b $outer)
                    (block $all
                        (block $inner (result i32)
                            (try_table (catch $a $inner) (call $throw (local.get 0)))
                            (return (i32.const 1)))
                        (return (i32.add (i32.const 100))))
                    (i32.const 2)))
            (i32.add (i32.const 1000))))"#;
    let (mut store, instance) = instance(text);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "f", 3).unwrap(), 103);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "f", 0).unwrap(), 1050);
}

#[test]
fn a_reference_is_thrown_again() {
    let text = r#"(module
        (tag $e (param i32))
        (func (export "f") (result i32)
            (block $second (result i32)
                (try_table (catch $e $second)
                    (block $first (result i32 exnref)
                        (try_table (catch_ref $e $first) (throw $e (i32.const 6)))
                        (unreachable))
                    (throw_ref))
                (unreachable)))
        (func (export "all") (result exnref)
            (block $h (result exnref) (try_table (catch_all_ref $h) (throw $e (i32.const 8))) (unreachable)))
        (func (export "null") (throw_ref (ref.null exn))))"#;
    let (mut store, instance) = instance(text);
    assert_eq!(call::<_, (), i32>(&mut store, instance, "f", ()).unwrap(), 6);
    let exception = call::<_, (), Option<ExnRef>>(&mut store, instance, "all", ()).unwrap().expect("not null");
    assert_eq!(exception.fields(&mut store).unwrap(), [Val::I32(8)]);
    let error = call::<_, (), ()>(&mut store, instance, "null", ()).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::NullReference));
}

/// A legacy text has no folded form in all versions of the parser, so the instructions stand in a row.
#[test]
fn the_legacy_form_catches_rethrows_and_delegates() {
    let text = r#"(module
        (tag $e (param i32)) (tag $f)
        (func (export "catch") (param i32) (result i32)
            try (result i32)
                local.get 0
                if
                    local.get 0
                    throw $e
                end
                throw $f
            catch $e
                i32.const 10
                i32.add
            catch_all
                i32.const 20
            end)
        (func (export "rethrow") (result i32)
            try (result i32)
                try
                    i32.const 3
                    throw $e
                catch $e
                    drop
                    rethrow 0
                end
                unreachable
            catch $e
            end)
        (func (export "delegate") (result i32)
            try $outer (result i32)
                try (result i32)
                    try
                        i32.const 4
                        throw $e
                    delegate $outer
                    unreachable
                catch_all
                    i32.const 99
                end
            catch $e
            end)
        (func (export "out")
            try
                i32.const 5
                throw $e
            delegate 0))"#;
    let (mut store, instance) = instance(text);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "catch", 1).unwrap(), 11);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "catch", 0).unwrap(), 20);
    assert_eq!(call::<_, (), i32>(&mut store, instance, "rethrow", ()).unwrap(), 3);
    assert_eq!(call::<_, (), i32>(&mut store, instance, "delegate", ()).unwrap(), 4);
    let error = call::<_, (), ()>(&mut store, instance, "out", ()).unwrap_err();
    assert_eq!(error.as_exception().unwrap().clone().fields(&mut store).unwrap(), [Val::I32(5)]);
}

#[test]
fn an_uncaught_exception_shows_tag_payload_and_frames() {
    let text = r#"(module $m
        (tag $e (export "e") (param i64 externref))
        (func $throw (param externref) (throw $e (i64.const -1) (local.get 0)))
        (func $run (export "run") (param externref) (call $throw (local.get 0))))"#;
    let (mut store, instance) = instance(text);
    let host = interpreter::ExternRef::new(&mut store, "mine").unwrap();
    let error = call_any(&mut store, instance, "run", &[host.clone().into()]).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Exception, "uncaught exception"));
    let exception = error.as_exception().expect("an exception").clone();
    store.gc().unwrap();
    assert_eq!(exception.tag(&store).unwrap(), instance.get_tag(&store, "e").unwrap());
    assert_eq!(exception.fields(&mut store).unwrap(), [Val::I64(-1), host.into()]);
    let names: Vec<_> =
        error.backtrace().unwrap().frames.iter().map(|frame| frame.func_name.clone().unwrap()).collect();
    assert_eq!(names, ["throw", "run"]);
}

/// A module whose function `run` calls the host and catches what that throws.
const CATCHING: &str = r#"(module
    (import "" "tag" (tag $e (param i32)))
    (import "" "host" (func $host (param i32) (result i32)))
    (func (export "run") (param i32) (result i32)
        (block $h (result i32) (try_table (catch $e $h) (return (call $host (local.get 0)))) (unreachable))
        (i32.add (i32.const 100)))
    (func $throw (export "throw") (param i32) (throw $e (local.get 0)))
    (func (export "tail") (param i32) (result i32)
        (block $h (result i32) (try_table (catch $e $h) (return (call $leave (local.get 0)))) (unreachable))
        (i32.add (i32.const 200)))
    (func $leave (export "leave") (param i32) (result i32) (return_call $host (local.get 0))))"#;

fn define_tag<T>(linker: &mut Linker<T>, store: &mut Store<T>) -> Tag {
    let tag = Tag::new(&mut *store, FuncType::new([ValType::I32], [])).unwrap();
    linker.define(&*store, "", "tag", tag).unwrap();
    tag
}

#[test]
fn a_host_function_throws() {
    let (mut store, instance) = linked(CATCHING, |linker, store: &mut Store<()>| {
        let tag = define_tag(linker, store);
        let throw = move |mut caller: Caller<'_, ()>, value: i32| -> Result<i32> {
            Err(ExnRef::new(&mut caller, tag, &[Val::I32(value)])?.throw())
        };
        linker.func_wrap("", "host", throw).unwrap();
    });
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "run", 7).unwrap(), 107);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "tail", 7).unwrap(), 207);
    let error = call::<_, i32, i32>(&mut store, instance, "leave", 7).unwrap_err();
    assert_eq!(error.as_exception().unwrap().clone().fields(&mut store).unwrap(), [Val::I32(7)]);
    assert_eq!(frames(&error), Vec::<String>::new(), "a tail call leaves its frame");
}

#[test]
fn an_exception_passes_a_host_function() {
    let (mut store, instance) = linked(CATCHING, |linker, store: &mut Store<Vec<i32>>| {
        define_tag(linker, store);
        let pass = |mut caller: Caller<'_, Vec<i32>>, value: i32| -> Result<i32> {
            let throw = caller.get_export("throw").and_then(|item| item.into_func()).unwrap();
            let error = throw.typed::<i32, ()>(&caller)?.call(&mut caller, value).unwrap_err();
            let payload = error.as_exception().unwrap().clone().fields(&mut caller)?;
            caller.data_mut().push(payload[0].i32().unwrap());
            if value < 0 { Ok(value) } else { Err(error) }
        };
        linker.func_wrap("", "host", pass).unwrap();
    });
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "run", 5).unwrap(), 105);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "run", -5).unwrap(), -5);
    assert_eq!(store.data(), &[5, -5]);
}

#[test]
fn traps_are_not_caught() {
    let text = r#"(module (func (export "f") (block $h (try_table (catch_all $h) (unreachable)))))"#;
    let (mut store, instance) = instance(text);
    assert_eq!(call::<_, (), ()>(&mut store, instance, "f", ()).unwrap_err().as_trap(), Some(Trap::Unreachable));
}

/// A handler may lead to the start of a loop, which stands before the block that it belongs to.
#[test]
fn a_handler_leads_to_a_loop() {
    let text = r#"(module
        (tag $e (param i32))
        (func (export "count") (param i32) (result i32)
            (local.get 0)
            (loop $again (param i32) (result i32)
                (local.set 0)
                (if (result i32) (i32.ge_u (local.get 0) (i32.const 10))
                    (then (local.get 0))
                    (else
                        (try_table (catch $e $again)
                            (throw $e (i32.add (local.get 0) (i32.const 1))))
                        (unreachable))))))"#;
    let (mut store, instance) = instance(text);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "count", 3).unwrap(), 10);
}
