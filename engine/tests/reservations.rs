//! Engines under limits on address space and memory: each case runs in a process of its own, whose shell has set the
//! limit.

use engine::{
    Config, Engine, Error, ErrorKind, Instance, Memory, MemoryChecks, MemoryType, Module, Result, SharedMemory, Store,
    StoreLimits, Trap,
};
use std::env;
use std::process::Command;

const CASE: &str = "ENGINE_TEST_RESERVATION_CASE";

/// The line that a case prints at its end: a child that runs no case must not look like a success.
const DONE: &str = "the case has ended well";

const PAGE: &str = r#"(module (memory (export "m") 1 40000)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "poke") (param i32) (result i32)
        (i32.store (local.get 0) (i32.const 7)) (i32.load (local.get 0))))"#;

/// Runs a case after a shell command that sets limits.
fn under(limit: &str, case: &str) {
    let script = format!("{limit} && exec \"$0\" --exact child --nocapture");
    let program = env::current_exe().unwrap();
    let output = Command::new("sh").args(["-c", &script]).arg(program).env(CASE, case).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains(DONE), "{case} under {limit}: {text}{errors}");
}

/// 3 GiB of address space, 2 GB of data, and an address space that is nearly used up.
const LIMITS: [&str; 3] = ["ulimit -v 3145728", "ulimit -d 2000000", "ulimit -v 1000000"];

#[test]
fn modules_without_memory_run() {
    LIMITS.iter().for_each(|limit| under(limit, "plain"));
}

#[test]
fn memories_with_explicit_checks_run() {
    LIMITS.iter().for_each(|limit| under(limit, "explicit"));
}

#[test]
fn objects_and_exceptions_run() {
    LIMITS.iter().for_each(|limit| under(limit, "objects"));
}

#[test]
fn a_memory_without_its_guard_pages_is_an_error() {
    under("ulimit -v 3145728", "guarded");
}

#[test]
fn a_shared_memory_makes_do_without_guard_pages() {
    under("ulimit -v 3145728", "shared");
}

#[test]
fn a_limiter_hears_of_what_the_system_refuses() {
    under("ulimit -v 1000000", "refused");
}

#[test]
fn kept_address_space_does_not_starve_other_engines() {
    under("ulimit -v 11000000", "kept");
}

#[test]
fn no_more_is_released_than_a_request_needs() {
    under("ulimit -v 40000000", "released");
}

/// Locked memory is not shared with the parent, so no shell is needed to end it.
#[test]
fn locked_memory_is_what_is_used() {
    under("true", "locked");
}

#[test]
fn child() {
    let Ok(case) = env::var(CASE) else { return };
    match case.as_str() {
        "plain" => plain(),
        "explicit" => explicit(),
        "objects" => objects(),
        "guarded" => guarded(),
        "shared" => shared(),
        "refused" => refused(),
        "kept" => kept(),
        "released" => released(),
        "locked" => locked(),
        _ => panic!("no such case: {case}"),
    }
    println!("{DONE}");
}

fn engine(checks: MemoryChecks) -> Engine {
    Engine::new(Config::new().compile_threads(Some(1)).memory_checks(checks)).unwrap()
}

/// An instance of a module in a store whose growth ends with an error if the system refuses it.
fn instance(engine: &Engine, text: &str) -> Result<(Store<StoreLimits>, Instance)> {
    let module = Module::new(engine, text).unwrap();
    let mut store = Store::new(engine, StoreLimits::new().trap_on_grow_failure(true));
    store.limiter(|limits| limits);
    let instance = Instance::new(&mut store, &module, &[])?;
    Ok((store, instance))
}

fn call((store, instance): &mut (Store<StoreLimits>, Instance), name: &str, argument: i32) -> Result<i32> {
    instance.get_typed_func::<i32, i32>(&mut *store, name)?.call(store, argument)
}

fn plain() {
    let text = r#"(module (table 10 funcref)
        (func (export "half") (param i32) (result i32) (i32.div_u (local.get 0) (i32.const 2)))
        (func (export "crash") (param i32) (result i32) unreachable))"#;
    // Many engines, as a program has that runs several configurations.
    let engines = [(); 20].map(|()| engine(MemoryChecks::GuardPages));
    for engine in &engines {
        let mut made = instance(engine, text).unwrap();
        assert_eq!(call(&mut made, "half", 84).unwrap(), 42);
        assert_eq!(call(&mut made, "crash", 0).unwrap_err().as_trap(), Some(Trap::Unreachable));
    }
}

fn explicit() {
    let engine = engine(MemoryChecks::Explicit);
    let mut all: Vec<_> = (0..6).map(|_| instance(&engine, PAGE).unwrap()).collect();
    for made in &mut all {
        assert_eq!(call(made, "grow", 100).unwrap(), 1);
        assert_eq!(call(made, "poke", 101 * 65_536 - 4).unwrap(), 7);
        let error = call(made, "poke", 101 * 65_536 - 3).unwrap_err();
        assert_eq!(error.as_trap(), Some(Trap::MemoryOutOfBounds));
    }
}

fn objects() {
    let text = r#"(module (type $node (struct (field (ref null $node)) (field i32))) (tag $t (param i32))
        (func (export "length") (param i32) (result i32) (local $list (ref null $node)) (local $length i32)
            (loop $more
                (local.set $list (struct.new $node (local.get $list) (local.get 0)))
                (br_if $more (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (loop $next
                (local.set $length (i32.add (local.get $length) (i32.const 1)))
                (br_if $next (i32.eqz (ref.is_null
                    (local.tee $list (struct.get $node 0 (local.get $list)))))))
            (local.get $length))
        (func (export "catch") (param i32) (result i32)
            (block $caught (result i32) (try_table (catch $t $caught) (throw $t (local.get 0))) unreachable)))"#;
    let engine = engine(MemoryChecks::GuardPages);
    let mut all: Vec<_> = (0..4).map(|_| instance(&engine, text).unwrap()).collect();
    for made in &mut all {
        assert_eq!(call(made, "length", 200_000).unwrap(), 200_000);
        assert_eq!(call(made, "catch", 5).unwrap(), 5);
    }
}

fn guarded() {
    let error = instance(&engine(MemoryChecks::GuardPages), PAGE).expect_err("8 GiB are more than the limit");
    assert_eq!(error.kind(), ErrorKind::Resource);
    assert!(error.message().contains("MemoryChecks::Explicit") && error.message().contains("ulimit"), "{error}");
    let mut store = Store::new(&engine(MemoryChecks::GuardPages), ());
    assert_eq!(Memory::new(&mut store, MemoryType::new(1, None)).unwrap_err().kind(), ErrorKind::Resource);
}

fn shared() {
    let ty = MemoryType { shared: true, ..MemoryType::new(1, Some(10)) };
    let memory = SharedMemory::new(ty).unwrap();
    memory.write(65_532, &[1, 2, 3, 4]).unwrap();
    assert_eq!(memory.grow(9).unwrap(), 1);
    Memory::from_shared(Store::new(&engine(MemoryChecks::Explicit), ()), &memory).unwrap();
    let error = Memory::from_shared(Store::new(&engine(MemoryChecks::GuardPages), ()), &memory).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Resource);
    assert!(error.message().contains("MemoryChecks::Explicit"), "{error}");
}

fn refused() {
    let engine = engine(MemoryChecks::Explicit);
    let mut made = instance(&engine, PAGE).unwrap();
    let error = call(&mut made, "grow", 39_999).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Resource, "{error}");
    // A limiter that keeps the default methods lets the guest see the refusal.
    *made.0.data_mut() = StoreLimits::new();
    assert_eq!(call(&mut made, "grow", 39_999).unwrap(), -1);
    assert_eq!(call(&mut made, "poke", 65_532).unwrap(), 7, "nothing has changed");
    let table = r#"(module (table $t 1 funcref)
        (func (export "grow") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0))))"#;
    // As large as the engine allows, several times, until there is no more address space.
    let mut tables = Vec::new();
    let refusal = (0..100).find_map(|_| {
        let mut made = instance(&engine, table).unwrap();
        let error = call(&mut made, "grow", 9_999_999).err();
        tables.push(made);
        error
    });
    assert_eq!(refusal.as_ref().map(Error::kind), Some(ErrorKind::Resource));
}

fn kept() {
    // There is room for one memory with guard pages. What an engine keeps must not be in the way of another engine.
    let engines = [(); 3].map(|()| engine(MemoryChecks::GuardPages));
    for engine in engines.iter().cycle().take(9) {
        let mut made = instance(engine, PAGE).unwrap();
        assert_eq!(call(&mut made, "poke", 65_532).unwrap(), 7);
    }
}

fn released() {
    let [keeping, asking] = [(); 2].map(|()| engine(MemoryChecks::GuardPages));
    // As many as there is room for, all of which the engine keeps.
    let made: Vec<_> = std::iter::from_fn(|| instance(&keeping, PAGE).ok()).collect();
    let count = made.len() as u64;
    assert!(count > 2, "{count}");
    drop(made);
    let size = || status("VmSize");
    let (before, reservation) = (size(), 8 << 20);
    assert!(before > count * reservation, "KiB: {before} hold {count} memories");
    let mut made = instance(&asking, PAGE).unwrap();
    assert_eq!(call(&mut made, "poke", 65_532).unwrap(), 7);
    let after = size();
    assert!(after > count * reservation, "KiB: {before} before, {after} now");
}

/// Returns a number of KiB that the system tells of this process.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[expect(unsafe_code, reason = "locking memory is a system call")]
fn locked() {
    // SAFETY: no pointers are involved.
    if unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) } != 0 {
        println!("this user may not lock memory");
        return;
    }
    let resident = || status("VmRSS");
    let before = resident();
    let engine = engine(MemoryChecks::GuardPages);
    for _ in 0..3 {
        // Locked pages cannot be given back, so their address space is not kept: the next memory is zero all the same.
        let mut made = instance(&engine, PAGE).unwrap();
        let memory = made.1.get_memory(&mut made.0, "m").unwrap();
        assert!(memory.data(&made.0).unwrap().iter().all(|&byte| byte == 0));
        assert_eq!(call(&mut made, "poke", 65_532).unwrap(), 7);
    }
    assert!(resident() - before < 100 << 10, "KiB: {before} before, {} now", resident());
}
