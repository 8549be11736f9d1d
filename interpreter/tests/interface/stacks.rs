//! Suspended stacks and the limits of a store: their size counts as that of objects, the frames that run count as ever,
//! and fuel and deadlines do not care which stack runs.

use crate::common::{call, engine, frames, instance, module};
use interpreter::{Config, ContRef, Engine, ErrorKind, Func, Instance, Store, StoreLimits, Trap, Val};

/// Suspends `n` stacks of `depth` frames, and keeps all of them in a table, or none.
const HOARD: &str = r#"(module
    (type $f (func (param i32) (result i32)))
    (type $k (cont $f))
    (type $g (func (result i32)))
    (type $c (cont $g))
    (tag $t)
    (table $kept 0 (ref null $c))
    (elem declare func $down)
    (func $down (param $n i32) (result i32)
        (if (result i32) (local.get $n)
            (then (i32.add (i32.const 1) (call $down (i32.sub (local.get $n) (i32.const 1)))))
            (else (suspend $t) (i32.const 0))))
    (func $start (param $depth i32) (result (ref $c))
        (block $h (result (ref $c))
            (resume $k (on $t $h) (local.get $depth) (cont.new $k (ref.func $down)))
            (unreachable)))
    (func (export "hoard") (param $n i32) (param $depth i32)
        (loop $next
            (if (i32.eqz (local.get $n)) (then (return)))
            (drop (table.grow $kept (call $start (local.get $depth)) (i32.const 1)))
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (br $next)))
    (func (export "forget") (param $n i32) (param $depth i32)
        (loop $next
            (if (i32.eqz (local.get $n)) (then (return)))
            (drop (call $start (local.get $depth)))
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (br $next)))
    (func (export "finish") (param $at i32) (result i32)
        (resume $c (table.get $kept (local.get $at))))
    (func (export "sum") (result i32) (local $i i32) (local $sum i32)
        (loop $next
            (local.set $sum (i32.add (local.get $sum) (resume $c (table.get $kept (local.get $i)))))
            (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (table.size $kept))))
        (local.get $sum)))"#;

fn limited(heap: u64) -> (Store<()>, Instance) {
    let (mut store, instance) = instance(HOARD);
    store.set_limits(StoreLimits::new().heap_size(heap));
    (store, instance)
}

#[test]
fn suspended_stacks_fill_the_heap() {
    let (mut store, instance) = limited(4 << 20);
    let error = call::<_, _, ()>(&mut store, instance, "hoard", (100_000, 0)).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::OutOfHeap));
    // A stack of 10,000 frames takes far more than a new one.
    let (mut store, instance) = limited(4 << 20);
    let error = call::<_, _, ()>(&mut store, instance, "hoard", (100, 10_000)).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::OutOfHeap));
    // What is left is whole: the store goes on.
    assert_eq!(call::<_, _, i32>(&mut store, instance, "finish", 0).unwrap(), 10_000);
    let error = call::<_, _, i32>(&mut store, instance, "finish", 0).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::ContinuationConsumed));
}

#[test]
fn stacks_that_nobody_reaches_and_consumed_ones_make_room() {
    let (mut store, instance) = limited(4 << 20);
    call::<_, _, ()>(&mut store, instance, "forget", (100_000, 0)).unwrap();
    call::<_, _, ()>(&mut store, instance, "forget", (200, 10_000)).unwrap();
    for _ in 0..100 {
        let (mut store, instance) = limited(4 << 20);
        call::<_, _, ()>(&mut store, instance, "hoard", (3, 5_000)).unwrap();
        assert_eq!(call::<_, _, i32>(&mut store, instance, "sum", ()).unwrap(), 15_000);
        store.gc().unwrap();
    }
}

#[test]
fn a_hundred_thousand_stacks_live() {
    let (mut store, instance) = instance(HOARD);
    call::<_, _, ()>(&mut store, instance, "hoard", (100_000, 1)).unwrap();
    assert_eq!(call::<_, _, i32>(&mut store, instance, "sum", ()).unwrap(), 100_000);
}

#[test]
fn frames_of_all_stacks_that_run_count() {
    let text = r#"(module
        (type $f (func (param i32)))
        (type $k (cont $f))
        (elem declare func $chain)
        (func $chain (export "chain") (param $n i32)
            (if (local.get $n)
                (then
                    (resume $k (i32.sub (local.get $n) (i32.const 1)) (cont.new $k (ref.func $chain)))))))"#;
    let engine = Engine::new(Config::new().features(Config::SUPPORTED_FEATURES).max_call_depth(100));
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    call::<_, _, ()>(&mut store, instance, "chain", 99).unwrap();
    let error = call::<_, _, ()>(&mut store, instance, "chain", 100).unwrap_err();
    assert_eq!((error.as_trap(), frames(&error).len()), (Some(Trap::StackOverflow), 100));
    let engine = Engine::new(Config::new().features(Config::SUPPORTED_FEATURES).max_stack(8 << 10));
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    let error = call::<_, _, ()>(&mut store, instance, "chain", 10_000).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::StackOverflow));
    call::<_, _, ()>(&mut store, instance, "chain", 10).unwrap();
}

/// A frame below the innermost one has room for all of its operands, wherever its stack is resumed.
#[test]
fn every_frame_has_room_where_it_is_resumed() {
    let operands = 5_000;
    let text = format!(
        r#"(module
            (type $f (func (param i32) (result i32)))
            (type $k (cont $f))
            (type $g (func (result i32)))
            (type $c (cont $g))
            (tag $t)
            (elem declare func $wide)
            (func $pause (suspend $t))
            (func $wide (param i32) (result i32) (call $pause) {} {})
            (func $deeper (param $n i32) (param $c (ref $c)) (result i32)
                (if (result i32) (local.get $n)
                    (then (call $deeper (i32.sub (local.get $n) (i32.const 1)) (local.get $c)))
                    (else (resume $c (local.get $c)))))
            (func (export "resume below") (param $n i32) (result i32) (local $c (ref null $c))
                (block $h (result (ref $c))
                    (resume $k (on $t $h) (i32.const 1) (cont.new $k (ref.func $wide)))
                    (unreachable))
                (local.set $c)
                (call $deeper (local.get $n) (ref.as_non_null (local.get $c)))))"#,
        "(local.get 0) ".repeat(operands),
        "i32.add ".repeat(operands - 1),
    );
    let (mut store, instance) = instance(&text);
    for depth in (0..6_000).step_by(97) {
        assert_eq!(call::<_, _, i32>(&mut store, instance, "resume below", depth).unwrap(), operands as i32);
    }
}

#[test]
fn fuel_runs_out_between_stacks() {
    let text = r#"(module
        (type $f (func))
        (type $k (cont $f))
        (tag $t)
        (elem declare func $forever)
        (func $forever (loop (suspend $t) (br 0)))
        (func (export "forever") (local $k (ref null $k))
            (local.set $k (cont.new $k (ref.func $forever)))
            (loop $next
                (block $h (result (ref $k)) (resume $k (on $t $h) (local.get $k)) (return))
                (local.set $k)
                (br $next))))"#;
    let mut config = Config::new();
    config.features(Config::SUPPORTED_FEATURES).consume_fuel(true).epoch_interruption(true);
    let engine = Engine::new(&config);
    let mut store = Store::new(&engine, ());
    store.set_fuel(10_000).unwrap();
    store.set_epoch_deadline(1);
    let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    let error = call::<_, _, ()>(&mut store, instance, "forever", ()).unwrap_err();
    assert_eq!((error.as_trap(), store.fuel().unwrap()), (Some(Trap::OutOfFuel), 0));
    store.set_fuel(u64::MAX).unwrap();
    engine.increment_epoch();
    let error = call::<_, _, ()>(&mut store, instance, "forever", ()).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::Interrupted));
}

/// The trace of a trap goes on to the frames that have resumed the stack.
#[test]
fn traces_go_on_to_the_parent() {
    let (mut store, instance) = instance(
        r#"(module $m
            (type $f (func))
            (type $k (cont $f))
            (tag $t)
            (elem declare func $inner)
            (func $pause (suspend $t) (unreachable))
            (func $inner (call $pause))
            (func $go-on (param $k (ref $k)) (resume $k (local.get $k)))
            (func $outer (export "outer")
                (block $h (result (ref $k)) (resume $k (on $t $h) (cont.new $k (ref.func $inner))) (unreachable))
                (call $go-on)))"#,
    );
    let error = call::<_, _, ()>(&mut store, instance, "outer", ()).unwrap_err();
    let names: Vec<String> =
        frames(&error).iter().map(|frame| frame.split(' ').nth(1).expect("a name").to_string()).collect();
    assert_eq!(
        (error.as_trap(), &names[..]),
        (Some(Trap::Unreachable), &["$pause", "$inner", "$go-on", "$outer"].map(String::from)[..])
    );
}

#[test]
fn the_host_holds_continuations() {
    let text = r#"(module
        (type $f (func (result i32)))
        (type $k (cont $f))
        (type $g (func (result i64)))
        (type $c (cont $g))
        (elem declare func $seven)
        (func $seven (result i32) (i32.const 7))
        (func (export "make") (result (ref $k)) (cont.new $k (ref.func $seven)))
        (func (export "run") (param (ref null $k)) (result i32) (resume $k (local.get 0)))
        (func (export "other") (param (ref $c)) (result i64) (resume $c (local.get 0)))
        (global (export "kept") (mut contref) (ref.null cont)))"#;
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    let export = |store: &mut Store<()>, name| -> Func { instance.get_func(store, name).unwrap() };
    let [make, run, other] = ["make", "run", "other"].map(|name| export(&mut store, name));
    let mut made = [Val::ContRef(None)];
    make.call(&mut store, &[], &mut made).unwrap();
    let Val::ContRef(Some(continuation)) = made[0].clone() else { panic!("{made:?} is no continuation") };
    // It lives as long as the handle does, and only as what it is.
    store.gc().unwrap();
    let mut wrong = [Val::I64(0)];
    let error = other.call(&mut store, &made, &mut wrong).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    let kept = instance.get_global(&mut store, "kept").unwrap();
    kept.set(&mut store, made[0].clone()).unwrap();
    assert_eq!(kept.get(&mut store).unwrap(), Val::ContRef(Some(continuation.clone())));
    let mut result = [Val::I32(0)];
    run.call(&mut store, &made, &mut result).unwrap();
    assert_eq!(result, [Val::I32(7)]);
    assert_eq!(run.call(&mut store, &made, &mut result).unwrap_err().as_trap(), Some(Trap::ContinuationConsumed));
    let null = run.call(&mut store, &[Val::ContRef(None)], &mut result).unwrap_err();
    assert_eq!(null.as_trap(), Some(Trap::NullReference));
    // Continuations of one store are no values of another one.
    let mut foreign = Store::new(&engine, ());
    let error = ContRef::address(&continuation, &foreign).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let instance = Instance::new(&mut foreign, &module(&engine, text), &[]).unwrap();
    let error = instance.get_func(&foreign, "run").unwrap().call(&mut foreign, &made, &mut result).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}
