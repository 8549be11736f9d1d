//! The limits of a store: fuel, the epoch, the stack and a resource limiter. They stop loops, recursion, bulk
//! operations and growth.

use engine::{
    Config, Engine, Error, ErrorKind, Instance, Memory, MemoryType, Module, Result, Store, StoreLimits, Table,
    TableType, Trap, UpdateDeadline, Val,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const TEXT: &str = r#"(module
    (memory (export "memory") 1)
    (table $t (export "table") 1 funcref)
    (func (export "loop") (loop $l (br $l)))
    (func $recurse (export "recurse") (param i32) (result i32)
        (if (result i32) (local.get 0)
            (then (i32.add (i32.const 1) (call $recurse (i32.sub (local.get 0) (i32.const 1)))))
            (else (i32.const 0))))
    (func (export "endless") (call $endless)) (func $endless (call $endless) (call $endless))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "grow table") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0)))
    (func (export "fill") (param i32) (memory.fill (i32.const 0) (i32.const 7) (local.get 0))))"#;

fn instance<T: 'static>(config: &Config, data: T) -> (Store<T>, Instance) {
    let engine = Engine::new(config).unwrap();
    let module = Module::new(&engine, TEXT).unwrap();
    let mut store = Store::new(&engine, data);
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    (store, instance)
}

fn call<T: 'static>(store: &mut Store<T>, instance: Instance, name: &str) -> Result<()> {
    instance.get_typed_func::<(), ()>(&mut *store, name)?.call(store, ())
}

fn call1<T: 'static>(store: &mut Store<T>, instance: Instance, name: &str, argument: i32) -> Result<i32> {
    instance.get_typed_func::<i32, i32>(&mut *store, name)?.call(store, argument)
}

fn fill<T: 'static>(store: &mut Store<T>, instance: Instance, bytes: i32) -> Result<()> {
    instance.get_typed_func::<i32, ()>(&mut *store, "fill")?.call(store, bytes)
}

#[test]
fn fuel_stops_loops_recursion_and_bulk_operations() {
    let (mut store, instance) = instance(Config::new().consume_fuel(true), ());
    for name in ["loop", "endless"] {
        store.set_fuel(10_000).unwrap();
        let error = call(&mut store, instance, name).unwrap_err();
        assert_eq!(error.as_trap(), Some(Trap::OutOfFuel), "{name}");
        assert!(!error.backtrace().unwrap().frames.is_empty());
        assert_eq!(store.fuel().unwrap(), 0);
    }
    store.set_fuel(10_000).unwrap();
    assert_eq!(call1(&mut store, instance, "grow", 99).unwrap(), 1);
    fill(&mut store, instance, 65_536).unwrap();
    let left = store.fuel().unwrap();
    assert!(left < 10_000 - 65_536 / 64, "a bulk operation costs by its length: {left}");
    assert_eq!(fill(&mut store, instance, 99 * 65_536).unwrap_err().as_trap(), Some(Trap::OutOfFuel));
}

#[test]
fn fuel_is_deterministic_and_the_least_sufficient_amount_suffices() {
    let used = |fuel: u64| {
        let (mut store, instance) = instance(Config::new().consume_fuel(true), ());
        store.set_fuel(fuel).unwrap();
        call1(&mut store, instance, "recurse", 100).map(|_| fuel - store.fuel().unwrap())
    };
    let needed = used(1_000_000).unwrap();
    assert_eq!(used(needed).unwrap(), needed);
    assert_eq!(used(needed / 2).unwrap_err().as_trap(), Some(Trap::OutOfFuel));
    let (mut store, _) = instance(&Config::new(), ());
    assert_eq!(store.set_fuel(1).unwrap_err().kind(), ErrorKind::Usage);
}

/// A thread that advances an engine's epoch until this is dropped.
struct Ticker(Arc<AtomicBool>, Option<thread::JoinHandle<()>>);

impl Ticker {
    fn start(engine: &Engine, period: Duration) -> Ticker {
        let (stop, engine) = (Arc::new(AtomicBool::new(false)), engine.clone());
        let stopped = stop.clone();
        let tick = move || {
            while !stopped.load(Ordering::Relaxed) {
                thread::sleep(period);
                engine.increment_epoch();
            }
        };
        Ticker(stop, Some(thread::spawn(tick)))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.take().unwrap().join().unwrap();
    }
}

#[test]
fn the_epoch_stops_a_loop_and_a_bulk_operation() {
    let (mut store, instance) = instance(Config::new().epoch_interruption(true), ());
    assert_eq!(call1(&mut store, instance, "recurse", 100).unwrap(), 100, "a new store has no deadline");
    let _ticker = Ticker::start(store.engine(), Duration::from_millis(20));
    store.set_epoch_deadline(1);
    let error = call(&mut store, instance, "loop").unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::Interrupted));
    assert_eq!(error.backtrace().unwrap().frames[0].func_index, 0);

    // Filling 1 GiB takes long enough that the deadline is reached during the fill.
    store.set_epoch_deadline(u64::MAX);
    assert_eq!(call1(&mut store, instance, "grow", 16_383).unwrap(), 1);
    store.set_epoch_deadline(1);
    let start = Instant::now();
    let error = fill(&mut store, instance, 16_384 * 65_536 - 1).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::Interrupted));
    assert!(start.elapsed() < Duration::from_secs(20));
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    let bytes = memory.data(&store).unwrap();
    assert_eq!((bytes[0], bytes[bytes.len() - 2]), (7, 0), "stopped on the way");
}

#[test]
fn a_deadline_callback_extends_interrupts_or_fails() {
    let (mut store, instance) = instance(Config::new().epoch_interruption(true), 0);
    let _ticker = Ticker::start(store.engine(), Duration::from_millis(1));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| {
        *store.data_mut() += 1;
        Ok(if *store.data() < 3 { UpdateDeadline::Continue(1) } else { UpdateDeadline::Interrupt })
    });
    let error = call(&mut store, instance, "loop").unwrap_err();
    assert_eq!((error.as_trap(), *store.data()), (Some(Trap::Interrupted), 3));
    store.epoch_deadline_callback(|_| Err(Error::host("enough")));
    let error = call(&mut store, instance, "loop").unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Host, "enough"));
}

#[test]
fn a_deadline_callback_that_panicked_is_called_again() {
    let (mut store, instance) = instance(Config::new().epoch_interruption(true), 0);
    store.set_epoch_deadline(0);
    store.epoch_deadline_callback(|mut store| {
        *store.data_mut() += 1;
        assert!(*store.data() > 1, "the first time");
        Err(Error::host("the second time"))
    });
    let panic = catch_unwind(AssertUnwindSafe(|| call(&mut store, instance, "loop"))).unwrap_err();
    assert!(panic.downcast_ref::<&str>().is_some_and(|message| message.contains("the first time")));
    assert_eq!(call(&mut store, instance, "loop").unwrap_err().message(), "the second time");
}

#[test]
fn the_stack_is_bounded() {
    let (mut store, instance) = instance(&Config::new(), ());
    for _ in 0..3 {
        let error = call(&mut store, instance, "endless").unwrap_err();
        assert_eq!(error.as_trap(), Some(Trap::StackOverflow));
        assert!(error.backtrace().unwrap().frames.len() > 1000);
        assert_eq!(call1(&mut store, instance, "recurse", 1000).unwrap(), 1000);
    }
    let (mut store, instance) = instance_with_small_stack();
    assert_eq!(call1(&mut store, instance, "recurse", 100).unwrap(), 100);
    let error = call1(&mut store, instance, "recurse", 5000).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::StackOverflow));
}

fn instance_with_small_stack() -> (Store<()>, Instance) {
    instance(Config::new().max_wasm_stack(16 * 1024), ())
}

#[test]
fn a_limiter_bounds_growth() {
    let (mut store, instance) = instance(&Config::new(), StoreLimits::new().memory_size(3 << 16).table_elements(10));
    store.limiter(|limits| limits);
    assert_eq!(call1(&mut store, instance, "grow", 2).unwrap(), 1);
    assert_eq!(call1(&mut store, instance, "grow", 1).unwrap(), -1);
    assert_eq!(call1(&mut store, instance, "grow table", 9).unwrap(), 1);
    assert_eq!(call1(&mut store, instance, "grow table", 1).unwrap(), -1);
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    assert_eq!(memory.grow(&mut store, 1).unwrap_err().kind(), ErrorKind::Resource);
    let table = instance.get_table(&mut store, "table").unwrap();
    assert_eq!(table.grow(&mut store, 1, Val::FuncRef(None)).unwrap_err().kind(), ErrorKind::Resource);

    *store.data_mut() = store.data().clone().trap_on_grow_failure(true);
    let error = call1(&mut store, instance, "grow", 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Resource);
    assert!(error.message().contains("limit of 196608"), "{error}");
    assert_eq!(error.backtrace().unwrap().frames.len(), 1);
}

#[test]
fn a_limiter_bounds_counts_and_initial_sizes() {
    let engine = Engine::new(&Config::new()).unwrap();
    let mut store = Store::new(&engine, StoreLimits::new().instances(2).memories(1).tables(1).memory_size(1 << 16));
    store.limiter(|limits| limits);
    let kind = |result: Result<Instance>| result.unwrap_err().kind();
    let two_pages = Module::new(&engine, "(module (memory 2))").unwrap();
    assert_eq!(kind(Instance::new(&mut store, &two_pages, &[])), ErrorKind::Resource);
    let small = Module::new(&engine, TEXT).unwrap();
    Instance::new(&mut store, &small, &[]).unwrap();
    assert_eq!(kind(Instance::new(&mut store, &small, &[])), ErrorKind::Resource);
    assert_eq!(Memory::new(&mut store, MemoryType::new(0, None)).unwrap_err().kind(), ErrorKind::Resource);
    let table = TableType::new(engine::RefType::FUNC, 0, None);
    assert_eq!(Table::new(&mut store, table, Val::FuncRef(None)).unwrap_err().kind(), ErrorKind::Resource);
    let empty = Module::new(&engine, "(module)").unwrap();
    Instance::new(&mut store, &empty, &[]).unwrap();
    assert_eq!(kind(Instance::new(&mut store, &empty, &[])), ErrorKind::Resource);
}

#[test]
fn a_table_never_passes_the_implementation_limit() {
    let (mut store, instance) = instance(&Config::new(), ());
    assert_eq!(call1(&mut store, instance, "grow table", 10_000_000).unwrap(), -1);
    assert_eq!(call1(&mut store, instance, "grow table", -1).unwrap(), -1);
    assert_eq!(call1(&mut store, instance, "grow table", 9_999_999).unwrap(), 1);
}
