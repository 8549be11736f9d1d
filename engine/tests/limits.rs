//! The limits of a store: fuel, the epoch, the stack and a resource limiter. They stop loops, recursion, bulk
//! operations and growth.

use engine::{
    Config, Engine, Error, ErrorKind, ExternRef, Instance, Memory, MemoryType, Module, RefType, ResourceLimiter,
    Result, Store, StoreLimits, Table, TableType, Tier, Trap, UpdateDeadline, Val,
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

/// With the collector at every allocation, compiled code calls the library where it would allocate by itself.
#[test]
fn fuel_runs_out_at_the_same_instruction_however_objects_are_allocated() {
    let text = "(module (type $s (struct (field i32))) (func (export \"run\")
        (loop $l (block $b (br_table $b $b (i32.const 0))) (drop (struct.new $s (i32.const 1)))
          (drop (array.new_default $a (i32.const 3))) (br $l))) (type $a (array i64)))";
    let run = |zeal: bool, fuel: u64| {
        let engine = Engine::new(Config::new().consume_fuel(true).gc_zeal(zeal)).unwrap();
        let module = Module::new(&engine, text).unwrap();
        let mut store = Store::new(&engine, ());
        store.set_fuel(1_000).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        store.set_fuel(fuel).unwrap();
        let error = call(&mut store, instance, "run").unwrap_err();
        assert_eq!(error.as_trap(), Some(Trap::OutOfFuel));
        error.backtrace().unwrap().frames[0].to_string()
    };
    for fuel in 0..40 {
        assert_eq!(run(true, fuel), run(false, fuel), "{fuel}");
    }
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

/// Runs a test with fuel and deadlines in both tiers, on a freshly compiled module and on one that another engine
/// loaded.
fn in_each_lane(text: &str, test: impl Fn(&Module)) {
    for tier in [Tier::Speed, Tier::Quick] {
        let mut config = Config::new();
        config.tier(tier).consume_fuel(true).epoch_interruption(true);
        let module = Module::new(&Engine::new(&config).unwrap(), text).unwrap();
        test(&module);
        test(&Module::deserialize(&Engine::new(&config).unwrap(), module.serialize()).unwrap());
    }
}

/// Instantiates with this much fuel. Returns the fuel that is used.
fn instantiate_with(module: &Module, fuel: u64) -> Result<u64> {
    let mut store = Store::new(module.engine(), ());
    store.set_fuel(fuel).unwrap();
    Instance::new(&mut store, module, &[]).map(|_| fuel - store.fuel().unwrap())
}

/// Each constant expression costs its instructions, and everything large costs by its size: an array, an active
/// segment, the elements of a table. A memory image costs as much as the segments that it stands for.
#[test]
fn instantiation_costs_fuel() {
    let functions = "$f ".repeat(80);
    let bytes = "x".repeat(6400);
    let cases = [
        ("(module)".to_owned(), 0),
        ("(module (global i32 (i32.add (i32.const 1) (i32.const 2))))".to_owned(), 3),
        ("(module (type $a (array i8)) (global (ref $a) (array.new_default $a (i32.const 64000))))".to_owned(), 1002),
        (
            "(module (type $a (array i32)) (global (ref $a) (array.new $a (i32.const 1) (i32.const 8000))))".to_owned(),
            1503,
        ),
        ("(module (type $s (struct)) (global (ref $s) (struct.new $s)))".to_owned(), 1),
        ("(module (func $f) (table 800 funcref (ref.func $f)))".to_owned(), 101),
        (format!("(module (func $f) (table 100 funcref) (elem (i32.const 9) func {functions}))"), 11),
        (
            "(module (table 8 anyref) (elem (i32.const 0) (ref null any) (ref.null any) (ref.i31 (i32.const 1))))"
                .to_owned(),
            4,
        ),
        ("(module (elem (ref null any) (ref.null any) (ref.i31 (i32.const 1))))".to_owned(), 3),
        (format!("(module (memory 1) (data (i32.const 9) \"{bytes}\") (data (i32.const 0) \"{bytes}\"))"), 202),
        (format!("(module (memory 1) (data \"{bytes}\"))"), 0),
        (format!("(module (memory 1) (global $g i32 (i32.const 9)) (data (global.get $g) \"{bytes}\"))"), 102),
        ("(module (func $f (drop (i32.const 1))) (start $f))".to_owned(), 1),
    ];
    for (text, cost) in cases {
        in_each_lane(&text, |module| {
            assert_eq!(instantiate_with(module, 10_000).unwrap(), cost, "{text}");
            assert_eq!(instantiate_with(module, cost).unwrap(), cost, "{text}");
            if cost > 1 {
                let error = instantiate_with(module, cost - 2).unwrap_err();
                assert_eq!(error.as_trap(), Some(Trap::OutOfFuel), "{text}");
            }
        });
    }
}

/// Bulk operations on `$n` items, with what they cost for 6400.
const BULK: &[(&str, u64)] = &[
    ("(memory.fill (i32.const 0) (i32.const 7) (local.get $n))", 100),
    ("(memory.copy (i32.const 0) (i32.const 9) (local.get $n))", 100),
    ("(memory.init $d (i32.const 0) (i32.const 0) (local.get $n))", 100),
    ("(table.fill $t (i32.const 0) (ref.null func) (local.get $n))", 800),
    ("(table.copy $t $t (i32.const 0) (i32.const 9) (local.get $n))", 800),
    ("(table.init $t $e (i32.const 0) (i32.const 0) (local.get $n))", 800),
    ("(drop (table.grow $t (ref.null func) (local.get $n)))", 800),
    ("(array.fill $a (global.get $g) (i32.const 0) (i32.const 7) (local.get $n))", 800),
    ("(array.copy $a $a (global.get $g) (i32.const 0) (global.get $g) (i32.const 9) (local.get $n))", 800),
    ("(array.init_data $a $d (global.get $g) (i32.const 0) (i32.const 0) (local.get $n))", 800),
    ("(array.init_elem $f $e (global.get $h) (i32.const 0) (i32.const 0) (local.get $n))", 800),
    ("(drop (array.new_data $a $d (i32.const 0) (local.get $n)))", 800),
    ("(drop (array.new_elem $f $e (i32.const 0) (local.get $n)))", 800),
    ("(drop (array.new_default $a (local.get $n)))", 100),
    ("(drop (array.new $a (i32.const 7) (local.get $n)))", 900),
];

/// Returns a module with a function for each bulk operation.
fn bulk_module() -> String {
    let (bytes, functions) = ("x".repeat(6400), "$leaf ".repeat(6400));
    let mut text = format!(
        "(module (memory 1) (table $t 7000 funcref) (type $a (array (mut i8))) (type $f (array (mut funcref)))
            (global $g (ref $a) (array.new_default $a (i32.const 7000)))
            (global $h (ref $f) (array.new_default $f (i32.const 7000)))
            (func $leaf) (data $d \"{bytes}\") (elem $e func {functions})"
    );
    for (number, (operation, _)) in BULK.iter().enumerate() {
        text += &format!("(func (export \"{number}\") (param $n i32) {operation})");
    }
    text + ")"
}

#[test]
fn bulk_operations_cost_fuel_by_their_length() {
    in_each_lane(&bulk_module(), |module| {
        for (number, (operation, cost)) in BULK.iter().enumerate() {
            let mut store = Store::new(module.engine(), ());
            store.set_fuel(100_000).unwrap();
            let instance = Instance::new(&mut store, module, &[]).unwrap();
            let function = instance.get_typed_func::<i32, ()>(&mut store, &number.to_string()).unwrap();
            let mut used = |length: i32| {
                store.set_fuel(10_000).unwrap();
                function.call(&mut store, length).unwrap();
                10_000 - store.fuel().unwrap()
            };
            let empty = used(0);
            assert_eq!(used(6400) - empty, *cost, "{operation}");
            store.set_fuel(cost - 1).unwrap();
            let error = function.call(&mut store, 6400).unwrap_err();
            assert_eq!(error.as_trap(), Some(Trap::OutOfFuel), "{operation}");
        }
    });
}

#[test]
fn a_growth_that_fails_costs_no_fuel() {
    let (mut store, instance) = instance(Config::new().consume_fuel(true), ());
    store.set_fuel(100).unwrap();
    assert_eq!(call1(&mut store, instance, "grow table", -1).unwrap(), -1);
    assert!(store.fuel().unwrap() > 90);
}

/// Straight code has no loop header. Each bulk operation checks the deadline itself.
#[test]
fn a_deadline_stops_straight_code_at_each_bulk_operation() {
    in_each_lane(&bulk_module(), |module| {
        for (number, (operation, _)) in BULK.iter().enumerate() {
            let mut store = Store::new(module.engine(), 0);
            store.set_fuel(100_000).unwrap();
            let instance = Instance::new(&mut store, module, &[]).unwrap();
            let function = instance.get_typed_func::<i32, ()>(&mut store, &number.to_string()).unwrap();
            // The first check is the function's own.
            store.epoch_deadline_callback(|mut store| {
                *store.data_mut() += 1;
                Ok(if *store.data() == 1 { UpdateDeadline::Continue(0) } else { UpdateDeadline::Interrupt })
            });
            store.set_epoch_deadline(0);
            let error = function.call(&mut store, 1).unwrap_err();
            assert_eq!(error.as_trap(), Some(Trap::Interrupted), "{operation}");
            assert_eq!(*store.data(), 2, "{operation}");
        }
    });
}

#[test]
fn a_deadline_stops_instantiation() {
    let array = "(array.new $o (array.new_default $i (i32.const 1000000)) (i32.const 0))";
    let globals = format!("(global (ref $o) {array})").repeat(3000);
    let text = format!("(module (type $i (array i8)) (type $o (array (ref null $i))) {globals})");
    let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    let module = Module::new(&engine, &text).unwrap();
    let mut store = Store::new(&engine, StoreLimits::new().heap_size(4_000_000));
    store.limiter(|limits| limits);
    store.set_epoch_deadline(1);
    let _ticker = Ticker::start(&engine, Duration::from_millis(20));
    let start = Instant::now();
    let error = Instance::new(&mut store, &module, &[]).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::Interrupted));
    assert!(start.elapsed() < Duration::from_secs(5));
}

/// Bulk operations on arrays of 5,000,000 references, which take two pieces each.
const ARRAYS: &str = r#"(module
    (type $s (struct (field i32))) (type $r (array (mut anyref))) (type $b (array (mut i8)))
    (type $pair (array anyref))
    (global $made (ref $pair)
        (array.new_fixed $pair 3
            (struct.new $s (i32.const 5))
            (array.new $r (struct.new $s (i32.const 6)) (i32.const 5000000))
            (ref.i31 (i32.const 3))))
    (data $d "abc")
    (func $number (param anyref) (result i32) (struct.get $s 0 (ref.cast (ref $s) (local.get 0))))
    (func (export "constant") (result i32)
        (local $r (ref null $r))
        (local.set $r (ref.cast (ref $r) (array.get $pair (global.get $made) (i32.const 1))))
        (i32.add
            (i32.mul (i32.const 100) (call $number (array.get $pair (global.get $made) (i32.const 0))))
            (i32.add
                (call $number (array.get $r (local.get $r) (i32.const 0)))
                (call $number (array.get $r (local.get $r) (i32.const 4999999))))))
    (func (export "new and fill") (result i32)
        (local $r (ref $r)) (local $garbage anyref)
        (local.set $garbage (struct.new $s (i32.const 1)))
        (local.set $r (array.new $r (struct.new $s (i32.const 10)) (i32.const 5000000)))
        (array.fill $r (local.get $r) (i32.const 1) (struct.new $s (i32.const 30)) (i32.const 4999998))
        (i32.add
            (i32.add
                (call $number (array.get $r (local.get $r) (i32.const 0)))
                (call $number (array.get $r (local.get $r) (i32.const 4999999))))
            (i32.add
                (call $number (array.get $r (local.get $r) (i32.const 1)))
                (call $number (array.get $r (local.get $r) (i32.const 4999998))))))
    (func (export "copy") (result i32)
        (local $r (ref $r)) (local $other (ref $r))
        (local.set $r (array.new $r (struct.new $s (i32.const 10)) (i32.const 5000000)))
        (array.set $r (local.get $r) (i32.const 4999990) (struct.new $s (i32.const 3)))
        (array.copy $r $r (local.get $r) (i32.const 5) (local.get $r) (i32.const 0) (i32.const 4999995))
        (local.set $other (array.new_default $r (i32.const 5000000)))
        (array.copy $r $r (local.get $other) (i32.const 0) (local.get $r) (i32.const 0) (i32.const 5000000))
        (i32.add
            (call $number (array.get $r (local.get $other) (i32.const 4999995)))
            (call $number (array.get $r (local.get $other) (i32.const 4999990)))))
    (func (export "segment") (result i32)
        (local $b (ref $b))
        (drop (array.new_default $b (i32.const 1000)))
        (local.set $b (array.new_data $b $d (i32.const 0) (i32.const 3)))
        (array.init_data $b $d (local.get $b) (i32.const 0) (i32.const 1) (i32.const 1))
        (array.get_u $b (local.get $b) (i32.const 0))))"#;

/// The callback of a deadline may collect, and so move the objects that an operation works on.
#[test]
fn a_deadline_callback_may_collect_in_the_middle_of_a_bulk_operation() {
    in_each_lane(ARRAYS, |module| {
        let mut store = Store::new(module.engine(), 0);
        store.set_fuel(u64::MAX).unwrap();
        store.epoch_deadline_callback(|mut store| {
            *store.data_mut() += 1;
            store.gc()?;
            Ok(UpdateDeadline::Continue(0))
        });
        store.set_epoch_deadline(0);
        let instance = Instance::new(&mut store, module, &[]).unwrap();
        assert!(*store.data() > 4, "collected {} times", *store.data());
        for (name, expected) in [("constant", 512), ("new and fill", 80), ("copy", 13), ("segment", 98)] {
            *store.data_mut() = 0;
            let function = instance.get_typed_func::<(), i32>(&mut store, name).unwrap();
            assert_eq!(function.call(&mut store, ()).unwrap(), expected, "{name}");
            assert!(*store.data() > 2, "{name}: collected {} times", *store.data());
        }
    });
}

const TABLES: &str = r#"(module
    (type $s (struct (field i32)))
    (table $any 20 anyref) (table $extern 20 externref)
    (func (export "fill") (param externref) (result i32)
        (drop (struct.new $s (i32.const 1)))
        (table.fill $any (i32.const 0) (struct.new $s (i32.const 42)) (i32.const 20))
        (table.fill $extern (i32.const 0) (local.get 0) (i32.const 20))
        (struct.get $s 0 (ref.cast (ref $s) (table.get $any (i32.const 19)))))
    (func (export "grow") (param externref) (result i32)
        (drop (struct.new $s (i32.const 1)))
        (drop (table.grow $any (struct.new $s (i32.const 43)) (i32.const 5)))
        (drop (table.grow $extern (local.get 0) (i32.const 5)))
        (struct.get $s 0 (ref.cast (ref $s) (table.get $any (i32.const 24)))))
    (func (export "integer") (param externref) (result i32)
        (table.fill $any (i32.const 0) (ref.i31 (i32.const 44)) (i32.const 20))
        (drop (table.grow $any (ref.i31 (i32.const 45)) (i32.const 5)))
        (i31.get_u (ref.cast (ref i31) (table.get $any (i32.const 9)))))
    (func (export "last") (result externref)
        (table.get $extern (i32.sub (table.size $extern) (i32.const 1)))))"#;

/// The reference that a bulk operation writes to a table is in no frame, table or global when the callback collects.
#[test]
fn a_deadline_callback_may_collect_before_an_operation_on_a_table() {
    in_each_lane(TABLES, |module| {
        for (name, expected) in [("fill", 42), ("grow", 43), ("integer", 44)] {
            let mut store = Store::new(module.engine(), ());
            store.set_fuel(u64::MAX).unwrap();
            store.set_epoch_deadline(1);
            let instance = Instance::new(&mut store, module, &[]).unwrap();
            store.epoch_deadline_callback(|mut store| {
                store.gc()?;
                Ok(UpdateDeadline::Continue(0))
            });
            store.set_epoch_deadline(0);
            let run = instance.get_typed_func::<Option<ExternRef>, i32>(&mut store, name).unwrap();
            let value = ExternRef::new(&mut store, name).unwrap();
            assert_eq!(run.call(&mut store, Some(value)).unwrap(), expected, "{name}");
            store.gc().unwrap();
            let last = instance.get_typed_func::<(), Option<ExternRef>>(&mut store, "last").unwrap();
            let last = last.call(&mut store, ()).unwrap();
            let last = last.map(|last| *last.data(&store).unwrap().unwrap().downcast_ref::<&str>().unwrap());
            assert_eq!(last, if name == "integer" { None } else { Some(name) });
        }
    });
}

/// The callback of a deadline finds a function of the new instance in an imported table and calls it. What it writes is
/// there afterwards: the data segments come later, and change nothing but their own bytes.
#[test]
fn a_deadline_callback_may_call_into_an_instance_that_is_being_made() {
    // Enough data for a memory image.
    let text = format!(
        r#"(module
            (table (import "" "t") 2 funcref) (memory (export "memory") 1) (data (i32.const 10) "{}")
            (func $write (i32.store8 (i32.const 2) (i32.const 7)) (i32.store8 (i32.const 11) (i32.const 7)))
            (elem (i32.const 0) $write) (elem (i32.const 1) $write))"#,
        "a".repeat(20_000)
    );
    in_each_lane(&text, |module| {
        let mut store = Store::new(module.engine(), 0);
        store.set_fuel(u64::MAX).unwrap();
        let ty = TableType::new(RefType::FUNC, 2, None);
        let table = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap();
        store.epoch_deadline_callback(move |mut store| {
            store.set_epoch_deadline(1);
            if let Some(Val::FuncRef(Some(write))) = table.get(&mut store, 0)? {
                *store.data_mut() += 1;
                write.call(&mut store, &[], &mut [])?;
            }
            Ok(UpdateDeadline::Continue(0))
        });
        store.set_epoch_deadline(0);
        let instance = Instance::new(&mut store, module, &[table.into()]).unwrap();
        assert!(*store.data() > 0, "the function was not called");
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        assert_eq!(memory.data(&store).unwrap()[..14], *b"\0\0\x07\0\0\0\0\0\0\0aaaa");
    });
}

/// A limiter that panics leaves everything as it was.
#[test]
fn a_limiter_that_panics_changes_nothing() {
    struct Panics(bool);
    impl ResourceLimiter for Panics {
        fn memory_growing(&mut self, _: u64, _: u64, _: Option<u64>) -> Result<bool> {
            assert!(!self.0, "the limiter of memories");
            Ok(true)
        }
        fn table_growing(&mut self, _: u64, _: u64, _: Option<u64>) -> Result<bool> {
            assert!(!self.0, "the limiter of tables");
            Ok(true)
        }
        fn heap_growing(&mut self, _: u64, _: u64) -> Result<bool> {
            assert!(!self.0, "the limiter of the heap");
            Ok(true)
        }
    }
    let text = r#"(module
        (memory 1) (table $t 1 funcref) (type $a (array i8)) (type $o (array (ref $a)))
        (global $g (export "g") (mut (ref null $a)) (ref.null $a))
        (func (export "memory") (result i32) (memory.grow (i32.const 1)))
        (func (export "table") (result i32) (table.grow $t (ref.null func) (i32.const 1)))
        (func (export "heap") (result i32)
            (global.set $g (array.new_default $a (i32.const 2000000))) (array.len (global.get $g))))"#;
    let engine = Engine::new(&Config::new()).unwrap();
    let module = Module::new(&engine, text).unwrap();
    let heavy =
        "(array.new_fixed $o 2 (array.new_default $a (i32.const 9)) (array.new_default $a (i32.const 9000000)))";
    let heavy = format!("(module (type $a (array i8)) (type $o (array (ref $a))) (global (ref $o) {heavy}))");
    let heavy = Module::new(&engine, heavy).unwrap();
    let mut store = Store::new(&engine, Panics(false));
    store.limiter(|limiter| limiter);
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    for (name, value) in [("memory", 1), ("table", 1), ("heap", 2_000_000)] {
        let function = instance.get_typed_func::<(), i32>(&mut store, name).unwrap();
        for _ in 0..2 {
            store.data_mut().0 = true;
            catch_unwind(AssertUnwindSafe(|| function.call(&mut store, ()))).unwrap_err();
            catch_unwind(AssertUnwindSafe(|| Instance::new(&mut store, &heavy, &[]))).unwrap_err();
        }
        store.data_mut().0 = false;
        assert_eq!(function.call(&mut store, ()).unwrap(), value, "{name}");
    }
    Instance::new(&mut store, &heavy, &[]).unwrap();
    store.gc().unwrap();
}

/// Each growth is a collection, so a heap comes near its limit in few of them, and uses all of it.
#[test]
fn a_heap_near_its_limit_grows_seldom() {
    const LIMIT: u64 = 12 << 20;
    #[derive(Default)]
    struct Limited {
        growths: u32,
        capacity: u64,
    }
    impl ResourceLimiter for Limited {
        fn memory_growing(&mut self, _: u64, _: u64, _: Option<u64>) -> Result<bool> {
            Ok(true)
        }
        fn table_growing(&mut self, _: u64, _: u64, _: Option<u64>) -> Result<bool> {
            Ok(true)
        }
        fn heap_growing(&mut self, _: u64, desired: u64) -> Result<bool> {
            if desired > LIMIT {
                return Ok(false);
            }
            *self = Limited { growths: self.growths + 1, capacity: desired };
            Ok(true)
        }
    }
    let text = r#"(module (type $list (struct (field (ref null $list)) (field (ref eq))))
        (global $all (mut (ref null $list)) (ref.null $list))
        (func (export "fill") (loop $again
            (global.set $all (struct.new $list (global.get $all) (ref.i31 (i32.const 7))))
            (br $again))))"#;
    let engine = Engine::new(&Config::new()).unwrap();
    let mut store = Store::new(&engine, Limited::default());
    store.limiter(|limiter| limiter);
    let instance = Instance::new(&mut store, &Module::new(&engine, text).unwrap(), &[]).unwrap();
    let fill = instance.get_typed_func::<(), ()>(&mut store, "fill").unwrap();
    assert_eq!(fill.call(&mut store, ()).unwrap_err().as_trap(), Some(Trap::OutOfHeap));
    let Limited { growths, capacity } = *store.data();
    assert_eq!(capacity, LIMIT);
    assert!(growths <= 16, "{growths} growths");
}
