//! The references that keep objects alive, with a collection at every allocation.

use crate::common::{call, call_any, module};
use interpreter::{AnyRef, Caller, Config, Engine, Error, ExternRef, Linker, Store, Val};

const MODULE: &str = r#"(module
    (type $s (struct (field i32)))
    (type $list (array (ref $s)))
    (import "host" "pass" (func $pass (param anyref) (result anyref)))
    (import "host" "make" (func $make (result externref externref)))
    (tag $t (param anyref i32))
    (global $made (ref $list) (array.new_fixed $list 3
        (struct.new $s (i32.const 1)) (struct.new $s (i32.const 2)) (struct.new $s (i32.const 3))))
    (func $garbage (drop (array.new_fixed $list 2 (struct.new $s (i32.const 99)) (struct.new $s (i32.const 98)))))
    (func $number (param anyref) (result i32) (struct.get $s 0 (ref.cast (ref $s) (local.get 0))))
    (func (export "expression") (result i32 i32 i32)
        (struct.get $s 0 (array.get $list (global.get $made) (i32.const 0)))
        (struct.get $s 0 (array.get $list (global.get $made) (i32.const 1)))
        (struct.get $s 0 (array.get $list (global.get $made) (i32.const 2))))
    (func (export "argument") (result i32) (call $number (call $pass (struct.new $s (i32.const 41)))))
    (func $tail (result anyref) (return_call $pass (struct.new $s (i32.const 42))))
    (func (export "tail") (result i32) (call $number (call $tail)))
    (func (export "caught") (result i32 i32) (local $exception exnref)
        (block $handler (result anyref i32 exnref)
            (try_table (catch_ref $t $handler) (throw $t (struct.new $s (i32.const 43)) (i32.const 5)))
            (unreachable))
        (local.set $exception)
        (call $garbage)
        (drop) (call $number)
        (block $again (result anyref i32)
            (try_table (catch $t $again) (call $garbage) (throw_ref (local.get $exception)))
            (unreachable))
        (drop) (call $number))
    (func (export "rethrown") (result i32)
        try (result anyref i32)
            try (result anyref i32)
                (throw $t (struct.new $s (i32.const 44)) (i32.const 6))
            catch $t
                (drop) (drop) (call $garbage) rethrow 0
            end
        catch $t
        end
        (drop) (call $garbage) (call $number))
    (func (export "results") (result externref externref) (call $make) (call $garbage))
    (func (export "under") (param i32) (result i32) (local $kept anyref)
        (local.set $kept (struct.new $s (local.get 0)))
        (if (local.get 0) (then (drop (call $under (i32.sub (local.get 0) (i32.const 1))))))
        (call $garbage)
        (call $number (local.get $kept)))
    (func $under (param i32) (result i32) (call $under_itself (local.get 0)))
    (func $under_itself (param i32) (result i32)
        (struct.new $s (local.get 0)) (call $pass (struct.new $s (i32.const 7))) (drop) (call $number)))"#;

#[test]
fn nothing_that_is_in_use_is_collected() {
    let mut config = Config::new();
    let engine = Engine::new(config.features(Config::SUPPORTED_FEATURES).gc_zeal(true));
    let (mut store, mut linker) = (Store::new(&engine, ()), Linker::new(&engine));
    let pass = |mut caller: Caller<'_, ()>, value: Option<AnyRef>| -> Result<Option<AnyRef>, Error> {
        for number in 0..3 {
            ExternRef::new(&mut caller, number)?;
        }
        Ok(value)
    };
    let make = |mut caller: Caller<'_, ()>| -> Result<(Option<ExternRef>, Option<ExternRef>), Error> {
        Ok((Some(ExternRef::new(&mut caller, 10)?), Some(ExternRef::new(&mut caller, 20)?)))
    };
    linker.func_wrap("host", "pass", pass).unwrap().func_wrap("host", "make", make).unwrap();
    let instance = linker.instantiate(&mut store, &module(&engine, MODULE)).unwrap();

    let mut numbers = |name| call_any(&mut store, instance, name, &[]).unwrap();
    assert_eq!(numbers("expression"), [1, 2, 3].map(Val::I32));
    assert_eq!(numbers("argument"), [Val::I32(41)]);
    assert_eq!(numbers("tail"), [Val::I32(42)]);
    assert_eq!(numbers("caught"), [43, 43].map(Val::I32));
    assert_eq!(numbers("rethrown"), [Val::I32(44)]);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "under", 3).unwrap(), 3);

    let results = call_any(&mut store, instance, "results", &[]).unwrap();
    for _ in 0..3 {
        ExternRef::new(&mut store, 99).unwrap();
    }
    let [Val::ExternRef(Some(first)), Val::ExternRef(Some(second))] = &results[..] else { panic!("{results:?}") };
    let numbers = [first, second].map(|value| value.data(&store).unwrap().unwrap().downcast_ref::<i32>().copied());
    assert_eq!(numbers, [Some(10), Some(20)]);
}
