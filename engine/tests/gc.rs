//! References that survive collections: in frames of compiled code at every kind of call, in globals, tables and
//! element segments, and in handles of the host.

use engine::{
    AsContextMut, Caller, Config, Engine, ErrorKind, ExternRef, Instance, Linker, Module, OwnedRooted, Result,
    RootScope, Store, StoreLimits, Tier, Trap, TypedFunc, Val,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A value of the host that counts the living values of its type.
struct Counted {
    number: u32,
    alive: Arc<AtomicUsize>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Data {
    alive: Arc<AtomicUsize>,
    limits: StoreLimits,
    /// The arguments of `keep`.
    owned: Vec<OwnedRooted<ExternRef>>,
}

fn make(mut store: impl AsContextMut<Data = Data>, number: u32) -> Result<Option<ExternRef>> {
    let mut store = store.as_context_mut();
    let alive = store.data().alive.clone();
    alive.fetch_add(1, Ordering::Relaxed);
    ExternRef::new(&mut store, Counted { number, alive }).map(Some)
}

fn number(mut store: impl AsContextMut<Data = Data>, value: Option<ExternRef>) -> Result<u32> {
    let store = store.as_context_mut();
    let value = value.expect("not null").data(&store)?.expect("a value of the host");
    Ok(value.downcast_ref::<Counted>().expect("of this file").number)
}

/// The imports of all modules here: `make`, `number`, `gc`, `call` and `keep`.
fn linker(engine: &Engine) -> Linker<Data> {
    let mut linker = Linker::new(engine);
    linker.func_wrap("host", "make", |caller: Caller<'_, Data>, number: u32| make(caller, number)).unwrap();
    let numbers = |caller: Caller<'_, Data>, value: Option<ExternRef>| number(caller, value);
    linker.func_wrap("host", "number", numbers).unwrap();
    let gc = |mut caller: Caller<'_, Data>| caller.as_context_mut().gc();
    linker.func_wrap("host", "gc", gc).unwrap();
    let call = |mut caller: Caller<'_, Data>, func: Option<engine::Func>, value: Option<ExternRef>| {
        let mut results = [Val::I32(0)];
        func.expect("not null").call(&mut caller, &[Val::ExternRef(value)], &mut results)?;
        // The argument is still valid, wherever its object has moved.
        number(&mut caller, value)?;
        Ok(results[0].i32().expect("an i32"))
    };
    linker.func_wrap("host", "call", call).unwrap();
    let keep = |mut caller: Caller<'_, Data>, value: Option<ExternRef>| {
        let owned = value.expect("not null").to_owned_rooted(&mut caller)?;
        caller.data_mut().owned.push(owned);
        Ok(())
    };
    linker.func_wrap("host", "keep", keep).unwrap();
    linker
}

fn instantiate(config: &Config, text: &str) -> (Store<Data>, Result<Instance>) {
    let engine = Engine::new(config).unwrap();
    let module = Module::new(&engine, text).unwrap();
    let mut store = Store::new(&engine, Data::default());
    store.limiter(|data| &mut data.limits);
    let instance = linker(&engine).instantiate(&mut store, &module);
    (store, instance)
}

/// Returns configurations of both tiers, with and without zeal.
fn configurations() -> [Config; 4] {
    [(Tier::Speed, false), (Tier::Speed, true), (Tier::Quick, false), (Tier::Quick, true)].map(|(tier, zeal)| {
        let mut config = Config::new();
        config.tier(tier).gc_zeal(zeal);
        config
    })
}

const IMPORTS: &str = r#"
    (import "host" "make" (func $make (param i32) (result externref)))
    (import "host" "number" (func $number (param externref) (result i32)))
    (import "host" "gc" (func $gc))
    (import "host" "call" (func $call (param funcref externref) (result i32)))
    (import "host" "keep" (func $keep (param externref)))
"#;

/// Runs the export `run` of a module with these items in all configurations, and checks its result.
#[track_caller]
fn survives(items: &str, expected: i32) {
    for config in configurations() {
        let (mut store, instance) = instantiate(&config, &format!("(module {IMPORTS} {items})"));
        let run: TypedFunc<(), i32> = instance.unwrap().get_typed_func(&mut store, "run").unwrap();
        for _ in 0..3 {
            assert_eq!(run.call(&mut store, ()).unwrap(), expected, "{config:?}");
        }
    }
}

/// A function that holds references across a call of `$middle`, some on the operand stack, some in locals that a loop
/// changes.
const HOLDER: &str = r#"
    (func $garbage (drop (call $make (i32.const 99))) (call $gc) (drop (call $make (i32.const 98))))
    (func (export "run") (result i32) (local $a externref) (local $b externref) (local $i i32)
        (local.set $a (call $make (i32.const 1)))
        (local.set $b (call $make (i32.const 20)))
        (loop $again
            (call $number (local.get $a))
            (call $make (i32.const 300))
            (drop (call $middle (local.get $b)))
            (i32.add (call $number))
            (if (i32.ne (i32.const 301)) (then unreachable))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 4))))
        (i32.add (call $number (local.get $a))
            (i32.add (call $number (local.get $b)) (call $middle (select (result externref)
                (local.get $a) (local.get $b) (local.get $i))))))
"#;

#[test]
fn a_direct_call() {
    let middle = "(func $middle (param externref) (result i32) (call $garbage) (call $number (local.get 0)))";
    survives(&format!("{HOLDER} {middle}"), 22);
}

#[test]
fn an_indirect_call() {
    let middle = "(table funcref (elem $inner)) (type $t (func (param externref) (result i32)))
        (func $inner (type $t) (call $garbage) (call $number (local.get 0)))
        (func $middle (type $t) (call_indirect (type $t) (local.get 0) (i32.const 0)))";
    survives(&format!("{HOLDER} {middle}"), 22);
}

#[test]
fn a_call_of_the_host_and_back() {
    let middle = "(elem declare func $inner)
        (func $inner (param externref) (result i32) (call $garbage) (call $number (local.get 0)))
        (func $middle (param externref) (result i32) (local $own externref) (local $answer i32)
            (local.set $own (call $make (i32.const 7)))
            (local.set $answer (call $call (ref.func $inner) (local.get 0)))
            (if (i32.ne (call $number (local.get $own)) (i32.const 7)) (then unreachable))
            (local.get $answer))";
    survives(&format!("{HOLDER} {middle}"), 22);
}

#[test]
fn a_tail_call() {
    let middle = "(func $inner (param externref i64 i64 i64 i64 i64 i64 i64 externref) (result i32)
            (call $garbage)
            (if (i32.ne (call $number (local.get 8)) (i32.const 5)) (then unreachable))
            (return_call $number (local.get 0)))
        (func $middle (param externref) (result i32)
            (return_call $inner (local.get 0) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5)
                (i64.const 6) (i64.const 7) (call $make (i32.const 5))))";
    survives(&format!("{HOLDER} {middle}"), 22);
}

#[test]
fn a_recursion() {
    let middle = "(func $middle (param externref) (result i32) (call $deep (local.get 0) (i32.const 200)))
        (func $deep (param externref i32) (result i32) (local externref)
            (if (i32.eqz (local.get 1)) (then (call $garbage) (return (call $number (local.get 0)))))
            (local.set 2 (call $make (local.get 1)))
            (drop (call $deep (local.get 0) (i32.sub (local.get 1) (i32.const 1))))
            (if (i32.ne (call $number (local.get 2)) (local.get 1)) (then unreachable))
            (call $number (local.get 0)))";
    survives(&format!("{HOLDER} {middle}"), 22);
}

#[test]
fn library_calls() {
    let middle = "(table $t 1 externref) (memory 1)
        (func $middle (param externref) (result i32)
            (drop (table.grow $t (local.get 0) (i32.const 3)))
            (drop (memory.grow (i32.const 0)))
            (call $garbage)
            (table.fill $t (i32.const 0) (local.get 0) (i32.const 1))
            (call $garbage)
            (table.copy $t $t (i32.const 2) (i32.const 0) (i32.const 1))
            (drop (call $number (table.get $t (i32.const 3))))
            (call $number (table.get $t (i32.const 2))))";
    survives(&format!("{HOLDER} {middle}"), 22);
}

#[test]
fn globals_and_tables() {
    let items = r#"(global $g (mut externref) (ref.null extern)) (table $t 10 externref)
        (func (export "run") (result i32)
            (global.set $g (call $make (i32.const 3)))
            (table.set $t (i32.const 9) (call $make (i32.const 40)))
            (table.set $t (i32.const 0) (global.get $g))
            (drop (call $make (i32.const 5))) (call $gc) (drop (call $make (i32.const 6))) (call $gc)
            (i32.add (call $number (table.get $t (i32.const 0)))
                (i32.add (call $number (global.get $g)) (call $number (table.get $t (i32.const 9))))))"#;
    survives(items, 46);
}

#[test]
fn a_start_function_and_an_element_segment() {
    for config in configurations() {
        let text = r#"(module
            (import "host" "make" (func $make (param i32) (result externref)))
            (import "host" "number" (func $number (param externref) (result i32)))
            (import "host" "gc" (func $gc))
            (import "x" "global" (global $x externref))
            (global $g externref (global.get $x))
            (table $t 3 externref)
            (elem $passive externref (global.get $x) (ref.null extern) (global.get $x))
            (start $start)
            (func $start (local externref)
                (local.set 0 (call $make (i32.const 30)))
                (call $gc)
                (table.set $t (i32.const 2) (local.get 0))
                (call $gc))
            (func (export "run") (result i32)
                (table.init $t $passive (i32.const 0) (i32.const 0) (i32.const 2))
                (i32.add (call $number (table.get $t (i32.const 0)))
                    (i32.add (call $number (global.get $g)) (call $number (table.get $t (i32.const 2)))))))"#;
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, text).unwrap();
        let mut store = Store::new(&engine, Data::default());
        let mut linker = linker(&engine);
        {
            let mut scope = RootScope::new(&mut store);
            let value = make(&mut scope, 4).unwrap();
            let ty = engine::GlobalType { content: engine::ValType::EXTERNREF, mutable: false };
            let global = engine::Global::new(&mut scope, ty, Val::ExternRef(value)).unwrap();
            linker.define(&scope, "x", "global", global).unwrap();
        }
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let run: TypedFunc<(), i32> = instance.get_typed_func(&mut store, "run").unwrap();
        for _ in 0..3 {
            assert_eq!(run.call(&mut store, ()).unwrap(), 38);
            store.gc().unwrap();
        }
        assert_eq!(store.data().alive.load(Ordering::Relaxed), 2);
    }
}

#[test]
fn unreachable_values_are_dropped() {
    let items = r#"(func (export "run") (param i32) (result i32) (local externref)
        (loop $again
            (local.set 1 (call $make (local.get 0)))
            (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (call $keep (local.get 1))
        (call $number (local.get 1)))"#;
    let (mut store, instance) = instantiate(&Config::new(), &format!("(module {IMPORTS} {items})"));
    let run: TypedFunc<i32, i32> = instance.unwrap().get_typed_func(&mut store, "run").unwrap();
    let alive = store.data().alive.clone();
    assert_eq!(run.call(&mut store, 200_000).unwrap(), 1);
    assert!(alive.load(Ordering::Relaxed) < 100_000, "the heap's first size holds fewer values");
    store.gc().unwrap();
    assert_eq!(alive.load(Ordering::Relaxed), 1, "what the host keeps");
    let owned = store.data_mut().owned.pop().unwrap();
    let handle = owned.to_rooted(&mut store).unwrap();
    assert_eq!(number(&mut store, Some(handle)).unwrap(), 1);
    drop(store);
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

#[test]
fn a_full_heap_is_a_trap() {
    let items = r#"(table $t 100000 externref)
        (func (export "run") (local i32)
            (loop $again
                (table.set $t (local.get 0) (call $make (local.get 0)))
                (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                (br $again)))
        (func (export "clear") (table.fill $t (i32.const 0) (ref.null extern) (i32.const 100000)))"#;
    let (mut store, instance) = instantiate(&Config::new(), &format!("(module {IMPORTS} {items})"));
    let instance = instance.unwrap();
    store.data_mut().limits = StoreLimits::new().heap_size(128 << 10);
    let run: TypedFunc<(), ()> = instance.get_typed_func(&mut store, "run").unwrap();
    let clear: TypedFunc<(), ()> = instance.get_typed_func(&mut store, "clear").unwrap();
    for _ in 0..2 {
        let error = run.call(&mut store, ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Trap(Trap::OutOfHeap));
        assert_eq!(error.backtrace().unwrap().frames.len(), 1);
        let alive = store.data().alive.load(Ordering::Relaxed);
        assert!((15_000..17_000).contains(&alive), "{alive} objects of 8 bytes fill 128 KiB");
        clear.call(&mut store, ()).unwrap();
    }
}

#[test]
fn a_handle_ends_with_the_host_function() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, None::<ExternRef>);
    let leak = engine::Func::wrap(&mut store, |mut caller: Caller<'_, Option<ExternRef>>, value: Option<ExternRef>| {
        *caller.data_mut() = value;
    });
    let value = ExternRef::new(&mut store, 1).unwrap();
    leak.typed::<Option<ExternRef>, ()>(&store).unwrap().call(&mut store, Some(value)).unwrap();
    let leaked = store.data().unwrap();
    assert_eq!(leaked.data(&store).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(value.data(&store).unwrap().unwrap().downcast_ref(), Some(&1));
    // A panic ends the scope too.
    let panics =
        engine::Func::wrap(&mut store, |mut caller: Caller<'_, Option<ExternRef>>, value: Option<ExternRef>| {
            *caller.data_mut() = value;
            if value.is_some() {
                std::panic::resume_unwind(Box::new("payload"));
            }
        });
    let panics = panics.typed::<Option<ExternRef>, ()>(&store).unwrap();
    let call = std::panic::AssertUnwindSafe(|| panics.call(&mut store, Some(value)));
    assert!(std::panic::catch_unwind(call).is_err());
    assert_eq!(store.data().unwrap().data(&store).unwrap_err().kind(), ErrorKind::Usage);
    // Results of the host function outlive its scope.
    let make =
        engine::Func::wrap(&mut store, |caller: Caller<'_, Option<ExternRef>>| ExternRef::new(caller, 2).map(Some));
    let made = make.typed::<(), Option<ExternRef>>(&store).unwrap().call(&mut store, ()).unwrap().unwrap();
    assert_eq!(made.data(&store).unwrap().unwrap().downcast_ref(), Some(&2));
}

/// The canary: with a slot missing from the stack maps, `run` sees a wrong value or none, and zeal shows it at the
/// first allocation.
#[test]
#[cfg(feature = "planted-faults")]
fn zeal_catches_a_missing_stack_map() {
    let items = r#"(func (export "run") (result i32) (local externref)
        (local.set 0 (call $make (i32.const 1)))
        (drop (call $make (i32.const 2)))
        (call $number (local.get 0)))"#;
    let run = |tier, zeal, fault| {
        let mut config = Config::new();
        config.tier(tier).gc_zeal(zeal).fault(fault);
        let (mut store, instance) = instantiate(&config, &format!("(module {IMPORTS} {items})"));
        let run: TypedFunc<(), i32> = instance.unwrap().get_typed_func(&mut store, "run").unwrap();
        let call = std::panic::AssertUnwindSafe(|| run.call(&mut store, ()));
        matches!(std::panic::catch_unwind(call), Ok(Ok(1)))
    };
    for tier in [Tier::Speed, Tier::Quick] {
        assert!(run(tier, false, None) && run(tier, true, None), "a whole stack map");
        assert!(run(tier, false, Some(engine::Fault::MissingStackMap)), "nothing moves in so short a time");
        assert!(!run(tier, true, Some(engine::Fault::MissingStackMap)), "zeal moves what the map does not name");
    }
}

/// The fuel that an allocation costs, and the location where fuel runs out, do not depend on whether there is room for
/// the object, that is, on whether compiled code or the library makes it.
#[test]
fn fuel_does_not_depend_on_room() {
    let text = r#"(module
        (type $small (struct (field i64) (field v128 v128 v128 v128 v128 v128)))
        (type $array (array i64))
        (func (export "run") (loop $again
            (drop (struct.new_default $small))
            (drop (array.new_default $array (i32.const 100)))
            (drop (array.new_default $array (i32.const 1000)))
            (br $again))))"#;
    let ends = |fuel: u64, zeal: bool| {
        let mut config = Config::new();
        config.consume_fuel(true).gc_zeal(zeal);
        let engine = Engine::new(&config).unwrap();
        let mut store = Store::new(&engine, ());
        let module = Module::new(&engine, text).unwrap();
        store.set_fuel(fuel).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
        let error = run.call(&mut store, ()).unwrap_err();
        assert_eq!(error.as_trap(), Some(Trap::OutOfFuel));
        error.backtrace().expect("a trap has one").frames[0].module_offset
    };
    for fuel in 0..300 {
        assert_eq!(ends(fuel, true), ends(fuel, false), "with {fuel}");
    }
}

/// A value of the host that panics when it is dropped.
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("a bomb");
    }
}

/// Several values may panic in one collection, or when their store is dropped: all are dropped, one panic goes on.
#[test]
fn values_may_panic_when_they_are_dropped() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut store = Store::new(&Engine::new(&Config::new()).unwrap(), ());
    let fill = |store: &mut Store<()>| {
        let mut scope = RootScope::new(store);
        for _ in 0..3 {
            ExternRef::new(&mut scope, Bomb(dropped.clone())).unwrap();
        }
    };
    fill(&mut store);
    let panic = catch_unwind(AssertUnwindSafe(|| store.gc())).unwrap_err();
    assert_eq!((panic.downcast_ref(), dropped.load(Ordering::Relaxed)), (Some(&"a bomb"), 3));
    store.gc().unwrap();
    fill(&mut store);
    let panic = catch_unwind(AssertUnwindSafe(|| drop(store))).unwrap_err();
    assert_eq!((panic.downcast_ref(), dropped.load(Ordering::Relaxed)), (Some(&"a bomb"), 6));
}
