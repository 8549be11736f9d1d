//! Shared memories between stores on several threads: atomics lose no update, waits end by notification, timeout and
//! epoch, and all stores see growth.
#![cfg(feature = "compile")]

use engine::{
    Config, Engine, ErrorKind, Features, Instance, Memory, MemoryChecks, MemoryType, Module, Result, SharedMemory,
    Store, StoreLimits, Tier, Trap, TypedFunc, WaitResult,
};
use std::thread;
use std::time::{Duration, Instant};

const TEXT: &str = r#"(module
    (memory (import "" "memory") 1 8 shared)
    (func (export "count") (param $rounds i32)
        (loop $again
            (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
            (drop (i32.atomic.rmw8.sub_u (i32.const 4) (i32.const 1)))
            (drop (i64.atomic.rmw16.xor_u (i32.const 6) (i64.const 1)))
            (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))
    (func (export "lock-and-count") (param $rounds i32)
        ;; A lock of compare-exchange, wait and notify at 64 around a counter at 72 that is not atomic.
        (loop $again
            (block $locked
                (loop $try
                    (br_if $locked (i32.eqz (i32.atomic.rmw.cmpxchg (i32.const 64) (i32.const 0) (i32.const 1))))
                    (drop (memory.atomic.wait32 (i32.const 64) (i32.const 1) (i64.const -1)))
                    (br $try)))
            (i32.store (i32.const 72) (i32.add (i32.load (i32.const 72)) (i32.const 1)))
            (i32.atomic.store (i32.const 64) (i32.const 0))
            (drop (memory.atomic.notify (i32.const 64) (i32.const 1)))
            (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))
    (func (export "ping") (param $rounds i32) (param $mine i32) (param $other i32)
        ;; Hands a token back and forth: waits for mine at 128, puts the other one there.
        (loop $again
            (block $mine
                (loop $try
                    (br_if $mine (i32.eq (i32.atomic.load (i32.const 128)) (local.get $mine)))
                    (drop (memory.atomic.wait32 (i32.const 128) (local.get $other) (i64.const -1)))
                    (br $try)))
            (i32.atomic.store (i32.const 128) (local.get $other))
            (drop (memory.atomic.notify (i32.const 128) (i32.const -1)))
            (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))
    (func (export "wait") (param $timeout i64) (result i32)
        (memory.atomic.wait64 (i32.const 256) (i64.const 0) (local.get $timeout)))
    (func (export "grow") (result i32) (memory.grow (i32.const 1)))
    (func (export "size") (result i32) (memory.size))
    (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 7) (local.get 1))))"#;

fn engine(tier: Tier, checks: MemoryChecks, epoch: bool) -> Engine {
    let features = Features::WASM_2_0 | Features::THREADS;
    Engine::new(Config::new().tier(tier).memory_checks(checks).features(features).epoch_interruption(epoch)).unwrap()
}

fn shared() -> SharedMemory {
    SharedMemory::new(MemoryType { shared: true, ..MemoryType::new(1, Some(8)) }).unwrap()
}

/// Returns a store with an instance that imports the memory.
fn instantiate(module: &Module, memory: &SharedMemory) -> (Store<()>, Instance) {
    let mut store = Store::new(module.engine(), ());
    let memory = Memory::from_shared(&mut store, memory).unwrap();
    let instance = Instance::new(&mut store, module, &[memory.into()]).unwrap();
    (store, instance)
}

/// Runs an export on several threads, each with arguments of its own.
fn on_threads(module: &Module, memory: &SharedMemory, arguments: &[(u32, u32, u32)], name: &str) {
    thread::scope(|scope| {
        for &(rounds, mine, other) in arguments {
            scope.spawn(move || {
                let (mut store, instance) = instantiate(module, memory);
                if name == "ping" {
                    let ping: TypedFunc<(u32, u32, u32), ()> = instance.get_typed_func(&mut store, name).unwrap();
                    ping.call(&mut store, (rounds, mine, other)).unwrap();
                } else {
                    let count: TypedFunc<u32, ()> = instance.get_typed_func(&mut store, name).unwrap();
                    count.call(&mut store, rounds).unwrap();
                }
            });
        }
    });
}

fn word(memory: &SharedMemory, offset: u64) -> u32 {
    let mut bytes = [0; 4];
    memory.read(offset, &mut bytes).unwrap();
    u32::from_le_bytes(bytes)
}

fn each_engine(check: impl Fn(&Module)) {
    for (tier, checks) in [(Tier::Speed, MemoryChecks::GuardPages), (Tier::Quick, MemoryChecks::Explicit)] {
        check(&Module::new(&engine(tier, checks, false), TEXT).unwrap());
    }
}

#[test]
fn no_update_is_lost() {
    each_engine(|module| {
        let memory = shared();
        on_threads(module, &memory, &[(5_000, 0, 0); 4], "count");
        assert_eq!(word(&memory, 0), 20_000);
        // -20000 modulo 256 in one byte, its neighbor untouched, and an even number of flips.
        assert_eq!(word(&memory, 4), u32::from(20_000u16.wrapping_neg() as u8));
    });
}

#[test]
fn a_lock_that_waits_excludes() {
    each_engine(|module| {
        let memory = shared();
        on_threads(module, &memory, &[(2_000, 0, 0); 4], "lock-and-count");
        assert_eq!((word(&memory, 64), word(&memory, 72)), (0, 8_000));
    });
}

#[test]
fn no_wake_up_is_lost() {
    each_engine(|module| {
        let memory = shared();
        on_threads(module, &memory, &[(2_000, 0, 1), (2_000, 1, 0)], "ping");
        assert_eq!(word(&memory, 128), 0);
    });
}

#[test]
fn the_host_waits_and_notifies_too() {
    let module = Module::new(&engine(Tier::Speed, MemoryChecks::GuardPages, false), TEXT).unwrap();
    let memory = shared();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| -> Result<u32> {
            let (mut store, instance) = instantiate(&module, &memory);
            instance.get_typed_func::<u64, u32>(&mut store, "wait")?.call(&mut store, u64::MAX)
        });
        while memory.atomic_notify(256, 1).unwrap() == 0 {
            thread::yield_now();
        }
        assert_eq!(waiter.join().unwrap().unwrap(), WaitResult::Ok as u32);
    });
    assert_eq!(memory.atomic_wait32(256, 1, None).unwrap(), WaitResult::Mismatch);
    assert_eq!(memory.atomic_wait64(256, 0, Some(Duration::from_millis(1))).unwrap(), WaitResult::TimedOut);
    assert_eq!(memory.atomic_wait64(260, 0, None).unwrap_err().as_trap(), Some(Trap::UnalignedAtomic));
    assert_eq!(memory.atomic_notify(1 << 16, 1).unwrap_err().as_trap(), Some(Trap::MemoryOutOfBounds));
}

#[test]
fn a_timeout_ends_a_wait() {
    let module = Module::new(&engine(Tier::Quick, MemoryChecks::GuardPages, false), TEXT).unwrap();
    let (mut store, instance) = instantiate(&module, &shared());
    let wait = instance.get_typed_func::<u64, u32>(&mut store, "wait").unwrap();
    let start = Instant::now();
    assert_eq!(wait.call(&mut store, 20_000_000).unwrap(), WaitResult::TimedOut as u32);
    assert!(start.elapsed() >= Duration::from_millis(20));
}

#[test]
fn an_epoch_ends_a_wait_without_timeout() {
    let engine = engine(Tier::Speed, MemoryChecks::GuardPages, true);
    let module = Module::new(&engine, TEXT).unwrap();
    let memory = shared();
    let (mut store, instance) = instantiate(&module, &memory);
    store.set_epoch_deadline(1);
    let wait = instance.get_typed_func::<u64, u32>(&mut store, "wait").unwrap();
    let ticker = thread::spawn(move || {
        thread::sleep(Duration::from_millis(30));
        engine.increment_epoch();
    });
    let error = wait.call(&mut store, u64::MAX).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::Interrupted));
    assert_eq!(error.backtrace().unwrap().frames.len(), 1);
    ticker.join().unwrap();
    // The waiter has left the queue, so a notification wakes nobody.
    assert_eq!(memory.atomic_notify(256, 9).unwrap(), 0);
}

#[test]
fn growth_is_seen_by_every_store() {
    each_engine(|module| {
        let memory = shared();
        let (mut here, inside) = instantiate(module, &memory);
        let (mut there, beside) = instantiate(module, &memory);
        let grow = inside.get_typed_func::<(), u32>(&mut here, "grow").unwrap();
        let size = beside.get_typed_func::<(), u32>(&mut there, "size").unwrap();
        let fill = beside.get_typed_func::<(u32, u32), ()>(&mut there, "fill").unwrap();
        let beyond = fill.call(&mut there, (65_535, 2)).unwrap_err();
        assert_eq!(beyond.as_trap(), Some(Trap::MemoryOutOfBounds));
        assert_eq!(grow.call(&mut here, ()).unwrap(), 1);
        assert_eq!((size.call(&mut there, ()).unwrap(), memory.size()), (2, 2));
        fill.call(&mut there, (65_535, 2)).unwrap();
        assert_eq!(word(&memory, 65_534), 0x0007_0700);
        assert_eq!((memory.grow(6).unwrap(), size.call(&mut there, ()).unwrap()), (2, 8));
        assert_eq!(memory.grow(1).unwrap_err().kind(), ErrorKind::Resource);
        assert_eq!(grow.call(&mut here, ()).unwrap(), u32::MAX);
    });
}

#[test]
fn threads_that_grow_at_the_same_time_share_the_pages() {
    let module = Module::new(&engine(Tier::Speed, MemoryChecks::GuardPages, false), TEXT).unwrap();
    let memory = shared();
    let grown: Vec<u32> = thread::scope(|scope| {
        let grow = || {
            let (mut store, instance) = instantiate(&module, &memory);
            let grow = instance.get_typed_func::<(), u32>(&mut store, "grow").unwrap();
            (0..3).map(|_| grow.call(&mut store, ()).unwrap()).collect::<Vec<u32>>()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(grow)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut sizes: Vec<u32> = grown.iter().copied().filter(|&old| old != u32::MAX).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(memory.size(), 8);
}

#[test]
fn a_modules_own_shared_memory_is_handed_out() {
    let engine = engine(Tier::Speed, MemoryChecks::GuardPages, false);
    let text = r#"(module
        (memory (export "unshared") 1) (memory (export "memory") 1 8 shared)
        (data (memory 1) (i32.const 3) "abc"))"#;
    let features = Features::WASM_2_0 | Features::THREADS | Features::MULTI_MEMORY;
    let both = Engine::new(Config::new().features(features)).unwrap();
    let mut store = Store::new(&both, StoreLimits::new().memories(2));
    store.limiter(|limits| limits);
    let instance = Instance::new(&mut store, &Module::new(&both, text).unwrap(), &[]).unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    let shared = memory.shared(&store).unwrap().expect("it is shared");
    assert!(instance.get_memory(&mut store, "unshared").unwrap().shared(&store).unwrap().is_none());
    assert_eq!(word(&shared, 3), u32::from_le_bytes(*b"abc\0"));
    assert_eq!(memory.data(&store).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(memory.data_mut(&mut store).unwrap_err().kind(), ErrorKind::Usage);
    memory.write(&mut store, 0, &[9]).unwrap();
    assert_eq!(Memory::from_shared(&mut store, &shared).unwrap_err().kind(), ErrorKind::Resource);
    drop(store);
    // The memory outlives its store, and a store of another engine can use it.
    let (mut store, instance) = instantiate(&Module::new(&engine, TEXT).unwrap(), &shared);
    let size = instance.get_typed_func::<(), u32>(&mut store, "size").unwrap();
    assert_eq!((size.call(&mut store, ()).unwrap(), word(&shared, 0)), (1, 0x6100_0009));
    assert_eq!(SharedMemory::new(MemoryType::new(1, Some(1))).unwrap_err().kind(), ErrorKind::Usage);
}
