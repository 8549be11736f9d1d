//! Traps: their kinds and exact frames, host frames in between, panics, threads, exhausted stacks, and faults of the
//! host. Every test that runs WebAssembly does so in both tiers, freshly compiled and reloaded.
#![cfg(all(feature = "compile", target_os = "linux", target_arch = "x86_64"))]
#![expect(unsafe_code, reason = "a signal handler, deliberate faults, and one store reached from within another")]

mod child;

use child::in_a_child;
use engine::{
    Backtrace, Caller, Config, Engine, Error, ErrorKind, Extern, Func, Instance, MemoryChecks, Module, Result, Store,
    Tier, Trap,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs a test in both tiers, on a freshly compiled module and on one that another engine loaded.
fn in_each_lane(config: &Config, text: &str, test: impl Fn(&Engine, &Module)) {
    for tier in [Tier::Speed, Tier::Quick] {
        let mut config = config.clone();
        config.tier(tier);
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, text).unwrap();
        test(&engine, &module);
        let other = Engine::new(&config).unwrap();
        let reloaded = Module::deserialize(&other, module.serialize()).unwrap();
        drop((module, engine));
        test(&other, &reloaded);
    }
}

/// A frame in the notation of these tests: the function's name, an operator, and its number among equal operators of
/// the function.
#[derive(Clone, Copy)]
struct At(&'static str, &'static str, usize);

/// The offsets of a module's instructions, which the tests read from the binary themselves.
struct Offsets(Vec<FunctionOffsets>);

struct FunctionOffsets {
    name: String,
    index: u32,
    operators: Vec<(String, u32)>,
}

impl Offsets {
    fn of(text: &str) -> Offsets {
        let binary = wat::parse_str(text).unwrap();
        let (mut bodies, mut names, mut imported) = (Vec::new(), Vec::new(), 0);
        for payload in wasmparser::Parser::new(0).parse_all(&binary) {
            match payload.unwrap() {
                // The modules of the tests import functions only.
                wasmparser::Payload::ImportSection(imports) => imported = imports.into_imports().count(),
                wasmparser::Payload::CodeSectionEntry(body) => bodies.push(operators(&body)),
                wasmparser::Payload::CustomSection(section) => {
                    let wasmparser::KnownCustom::Name(subsections) = section.as_known() else { continue };
                    for subsection in subsections {
                        let wasmparser::Name::Function(map) = subsection.unwrap() else { continue };
                        names.extend(map.into_iter().map(|naming| naming.unwrap()));
                    }
                }
                _ => {}
            }
        }
        let function = |(position, operators)| {
            let index = (imported + position) as u32;
            let name = names.iter().find(|naming| naming.index == index).map_or("", |naming| naming.name);
            FunctionOffsets { name: name.to_owned(), index, operators }
        };
        Offsets(bodies.into_iter().enumerate().map(function).collect())
    }

    /// Returns the function index and the byte offset of a frame.
    fn find(&self, At(name, operator, nth): At) -> (u32, u32) {
        let function = self.0.iter().find(|function| function.name == name).unwrap();
        let mut matching = function.operators.iter().filter(|(other, _)| other == operator);
        (function.index, matching.nth(nth).unwrap().1)
    }
}

/// Returns the operators of a body, by name, with their offsets in the binary.
fn operators(body: &wasmparser::FunctionBody<'_>) -> Vec<(String, u32)> {
    let named = |item: wasmparser::Result<(wasmparser::Operator<'_>, u64)>| {
        let (operator, offset) = item.unwrap();
        let name = format!("{operator:?}").chars().take_while(|c| c.is_alphanumeric()).collect();
        (name, offset as u32)
    };
    body.get_operators_reader().unwrap().into_iter_with_offsets().map(named).collect()
}

fn assert_frames(text: &str, backtrace: &Backtrace, expected: &[At]) {
    let offsets = Offsets::of(text);
    let found = backtrace.frames.iter();
    let found = found.map(|frame| (frame.func_name.as_deref(), frame.func_index, frame.module_offset.map(|at| at.0)));
    let expected = expected.iter().map(|&at| {
        let (index, offset) = offsets.find(at);
        (Some(at.0), index, Some(offset))
    });
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "found:\n{backtrace}");
}

fn call(store: &mut Store<()>, instance: Instance, name: &str) -> Result<()> {
    instance.get_typed_func::<(), ()>(&mut *store, name)?.call(store, ())
}

/// Creates an instance whose one import is `host`.
fn instantiate(store: &mut Store<()>, module: &Module, host: Func) -> Instance {
    Instance::new(store, module, &[host.into()]).unwrap()
}

/// Calls an export of the calling instance.
fn call_back(caller: &mut Caller<'_, ()>, name: &str) -> Result<()> {
    let Some(Extern::Func(func)) = caller.get_export(name) else { panic!("`{name}` is an exported function") };
    func.call(caller, &[], &mut [])
}

/// Bodies that trap, each with its trap and the operator that traps.
const BODIES: &[(&str, Trap, &str)] = &[
    ("unreachable", Trap::Unreachable, "Unreachable"),
    ("(drop (i32.load (i32.const 65536)))", Trap::MemoryOutOfBounds, "I32Load"),
    ("(drop (i32.load (i32.const -1)))", Trap::MemoryOutOfBounds, "I32Load"),
    ("(drop (i64.load offset=4294967295 (i32.const -1)))", Trap::MemoryOutOfBounds, "I64Load"),
    ("(i64.store (i32.const 65529) (i64.const 1))", Trap::MemoryOutOfBounds, "I64Store"),
    ("(v128.store (i32.const 65521) (v128.const i64x2 1 1))", Trap::MemoryOutOfBounds, "V128Store"),
    ("(memory.fill (i32.const 0) (i32.const 0) (i32.const 65537))", Trap::MemoryOutOfBounds, "MemoryFill"),
    ("(memory.copy (i32.const 0) (i32.const 65536) (i32.const 1))", Trap::MemoryOutOfBounds, "MemoryCopy"),
    ("(memory.init $data (i32.const 0) (i32.const 1) (i32.const 1))", Trap::MemoryOutOfBounds, "MemoryInit"),
    ("(drop (table.get (i32.const 3)))", Trap::TableOutOfBounds, "TableGet"),
    ("(table.fill (i32.const 3) (ref.null func) (i32.const 1))", Trap::TableOutOfBounds, "TableFill"),
    ("(call_indirect (i32.const 3))", Trap::UndefinedElement, "CallIndirect"),
    ("(call_indirect (i32.const 2))", Trap::UninitializedElement, "CallIndirect"),
    ("(call_indirect (i32.const 1))", Trap::IndirectCallTypeMismatch, "CallIndirect"),
    ("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", Trap::IntegerOverflow, "I32DivS"),
    ("(drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1)))", Trap::IntegerOverflow, "I64DivS"),
    ("(drop (i32.trunc_f64_s (f64.const 1e10)))", Trap::IntegerOverflow, "I32TruncF64S"),
    ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", Trap::IntegerDivisionByZero, "I32DivU"),
    ("(drop (i64.rem_s (i64.const 1) (global.get $zero)))", Trap::IntegerDivisionByZero, "I64RemS"),
    ("(drop (i64.trunc_f32_u (f32.const nan)))", Trap::InvalidConversionToInteger, "I64TruncF32U"),
];

/// Returns a module in which `$traps` has the body, and `deep` calls it through the host, a direct call and an indirect
/// call.
fn calls_to(body: &str) -> String {
    format!(
        r#"(module $m
            (import "" "" (func $host))
            (memory 1)
            (data $data "a")
            (global $zero (mut i64) (i64.const 0))
            (table 3 3 funcref)
            (elem (i32.const 0) $direct $other)
            (func $traps (export "traps") {body})
            (func $direct nop call $traps)
            (func $other (param i32))
            (func $indirect (call_indirect (i32.const 0)))
            (func $again (export "again") call $indirect)
            (func $deep (export "deep") nop nop call $host))"#
    )
}

#[test]
fn every_kind_at_depth_one_and_deep() {
    for &(body, trap, operator) in BODIES {
        let text = calls_to(body);
        in_each_lane(&Config::new(), &text, |engine, module| {
            let mut store = Store::new(engine, ());
            let host = Func::wrap(&mut store, |mut caller: Caller<'_, ()>| call_back(&mut caller, "again"));
            let instance = instantiate(&mut store, module, host);
            let traps = At("traps", operator, 0);
            let error = call(&mut store, instance, "traps").unwrap_err();
            assert_eq!(error.as_trap(), Some(trap), "{body}");
            assert_frames(&text, error.backtrace().unwrap(), &[traps]);
            let error = call(&mut store, instance, "deep").unwrap_err();
            assert_eq!(error.as_trap(), Some(trap), "{body}");
            let inner = [traps, At("direct", "Call", 0), At("indirect", "CallIndirect", 0), At("again", "Call", 0)];
            let frames: Vec<_> = inner.into_iter().chain([At("deep", "Call", 0)]).collect();
            assert_frames(&text, error.backtrace().unwrap(), &frames);
            assert!(error.backtrace().unwrap().frames.iter().all(|frame| frame.module_name.as_deref() == Some("m")));
        });
    }
}

#[test]
fn explicit_checks_trap_as_guard_pages_do() {
    let mut config = Config::new();
    config.memory_checks(MemoryChecks::Explicit);
    for &(body, trap, operator) in BODIES.iter().filter(|body| body.1 == Trap::MemoryOutOfBounds) {
        let text = calls_to(body);
        in_each_lane(&config, &text, |engine, module| {
            let mut store = Store::new(engine, ());
            let host = Func::wrap(&mut store, || {});
            let instance = instantiate(&mut store, module, host);
            let error = call(&mut store, instance, "traps").unwrap_err();
            assert_eq!(error.as_trap(), Some(trap), "{body}");
            assert_frames(&text, error.backtrace().unwrap(), &[At("traps", operator, 0)]);
        });
    }
}

#[test]
fn a_trap_after_a_host_call_ignores_the_last_exit() {
    let text = r#"(module
        (import "" "" (func $host))
        (func $inner call $host)
        (func $run (export "run") call $inner unreachable))"#;
    in_each_lane(&Config::new(), text, |engine, module| {
        let mut store = Store::new(engine, ());
        let host = Func::wrap(&mut store, || {});
        let instance = instantiate(&mut store, module, host);
        let error = call(&mut store, instance, "run").unwrap_err();
        assert_frames(text, error.backtrace().unwrap(), &[At("run", "Unreachable", 0)]);
        assert!(Backtrace::capture(&store).frames.is_empty(), "nothing runs any more");
    });
}

#[test]
fn a_host_function_sees_and_fails_with_its_callers() {
    let text = r#"(module
        (import "" "" (func $host))
        (func $b nop call $host)
        (func $run (export "run") call $b))"#;
    let expected = [At("b", "Call", 0), At("run", "Call", 0)];
    in_each_lane(&Config::new(), text, |engine, module| {
        let mut store = Store::new(engine, ());
        let host = Func::wrap(&mut store, move |caller: Caller<'_, ()>| -> Result<()> {
            assert_frames(text, &Backtrace::capture(&caller), &expected);
            Err(Error::host("refused"))
        });
        let instance = instantiate(&mut store, module, host);
        let error = call(&mut store, instance, "run").unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Host, "refused"));
        assert_frames(text, error.backtrace().unwrap(), &expected);
    });
}

#[test]
fn stores_interleaved_on_one_stack_keep_their_frames_apart() {
    let text = r#"(module
        (import "" "" (func $host))
        (func $traps (export "traps") unreachable)
        (func $run (export "run") call $host))"#;
    // The stack: outer `run` -> host -> inner `run` -> host -> outer `traps`.
    in_each_lane(&Config::new(), text, |engine, module| {
        let mut outer = Store::new(engine, ());
        let (engine, inner_module) = (engine.clone(), module.clone());
        let host = Func::wrap(&mut outer, move |mut caller: Caller<'_, ()>| -> Result<()> {
            let mut inner = Store::new(&engine, (&raw mut caller).expose_provenance());
            let host = Func::wrap(&mut inner, |inner: Caller<'_, usize>| -> Result<()> {
                assert_frames(text, &Backtrace::capture(&inner), &[At("run", "Call", 0)]);
                // SAFETY: the inner store's data is the address of the outer caller, which waits for this call.
                let outer = unsafe { &mut *std::ptr::with_exposed_provenance_mut::<Caller<'_, ()>>(*inner.data()) };
                call_back(outer, "traps")
            });
            let instance = Instance::new(&mut inner, &inner_module, &[host.into()])?;
            instance.get_typed_func::<(), ()>(&mut inner, "run")?.call(&mut inner, ())
        });
        let instance = instantiate(&mut outer, module, host);
        let error = call(&mut outer, instance, "run").unwrap_err();
        assert_frames(text, error.backtrace().unwrap(), &[At("traps", "Unreachable", 0), At("run", "Call", 0)]);
    });
}

#[test]
fn a_panic_crosses_webassembly() {
    struct CountsDrops(Arc<AtomicUsize>);
    impl Drop for CountsDrops {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let text = r#"(module
        (import "" "" (func $host))
        (func $traps (export "traps") unreachable)
        (func $run (export "run") call $host))"#;
    in_each_lane(&Config::new(), text, |engine, module| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let mut store = Store::new(engine, ());
        let counter = Arc::clone(&dropped);
        let host = Func::wrap(&mut store, move || -> () {
            let _guard = CountsDrops(Arc::clone(&counter));
            std::panic::resume_unwind(Box::new("payload"))
        });
        let instance = instantiate(&mut store, module, host);
        let payload = catch_unwind(AssertUnwindSafe(|| call(&mut store, instance, "run"))).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"payload"));
        assert_eq!(dropped.load(Ordering::Relaxed), 1, "the host frame's destructors run");
        let error = call(&mut store, instance, "traps").unwrap_err();
        assert_frames(text, error.backtrace().unwrap(), &[At("traps", "Unreachable", 0)]);
    });
}

#[test]
fn the_platform_unwinder_sees_through_webassembly() {
    #[inline(never)]
    fn below_webassembly(store: &mut Store<()>, instance: Instance) -> Result<()> {
        let result = call(store, instance, "run");
        std::hint::black_box(&result);
        result
    }
    let text = r#"(module
        (import "" "" (func $host))
        (func $b call $host)
        (func $run (export "run") call $b))"#;
    in_each_lane(&Config::new(), text, |engine, module| {
        let mut store = Store::new(engine, ());
        let host = Func::wrap(&mut store, || {
            let trace = std::backtrace::Backtrace::force_capture().to_string();
            assert!(trace.contains("below_webassembly"), "{trace}");
        });
        let instance = instantiate(&mut store, module, host);
        below_webassembly(&mut store, instance).unwrap();
    });
}

const RECURSION: &str = r#"(module
    (import "" "" (func $host))
    (func $recurse (export "recurse") call $recurse unreachable)
    (func $through_host (export "through_host") call $host unreachable)
    (func $beside_host (export "beside_host") call $host call $beside_host unreachable))"#;

#[test]
fn an_exhausted_stack_is_a_trap() {
    in_each_lane(&Config::new(), RECURSION, |engine, module| {
        let mut store = Store::new(engine, ());
        let host = Func::wrap(&mut store, || {});
        let instance = instantiate(&mut store, module, host);
        for _ in 0..3 {
            let error = call(&mut store, instance, "recurse").unwrap_err();
            assert_eq!(error.as_trap(), Some(Trap::StackOverflow));
            let frames = &error.backtrace().unwrap().frames;
            assert!(frames.len() > 1000, "{} frames", frames.len());
            let (index, offset) = Offsets::of(RECURSION).find(At("recurse", "Call", 0));
            for frame in &frames[1..] {
                assert_eq!((frame.func_index, frame.module_offset.map(|at| at.0)), (index, Some(offset)));
            }
        }
    });
}

/// Runs `test` on a thread with `bytes` bytes of stack.
fn on_stack_of(bytes: usize, test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(bytes).spawn_scoped(scope, test).unwrap();
        thread.join().unwrap();
    });
}

#[test]
fn recursion_through_the_host_is_a_trap() {
    in_each_lane(&Config::new(), RECURSION, |engine, module| {
        let recurse = || {
            let mut store = Store::new(engine, ());
            let host = Func::wrap(&mut store, |mut caller: Caller<'_, ()>| call_back(&mut caller, "through_host"));
            let instance = instantiate(&mut store, module, host);
            let error = call(&mut store, instance, "through_host").unwrap_err();
            assert_eq!(error.as_trap(), Some(Trap::StackOverflow));
            let frames = &error.backtrace().unwrap().frames;
            assert!(frames.len() > 10, "{} frames", frames.len());
            assert!(frames.iter().all(|frame| frame.func_name.as_deref() == Some("through_host")));
        };
        on_stack_of(8 << 20, recurse);
        on_stack_of(256 << 10, recurse);
    });
}

/// Uses 48 KiB of stack.
#[inline(never)]
fn use_stack() -> u8 {
    let mut buffer = std::hint::black_box([1u8; 48 << 10]);
    buffer[std::hint::black_box(7)] = 3;
    std::hint::black_box(&buffer)[std::hint::black_box(9)]
}

#[test]
fn a_host_function_near_the_limit_has_stack() {
    in_each_lane(&Config::new(), RECURSION, |engine, module| {
        // The stack is smaller than the configuration allows, so its end is the limit.
        on_stack_of(512 << 10, || {
            let mut store = Store::new(engine, ());
            let host = Func::wrap(&mut store, || assert_eq!(use_stack(), 1));
            let instance = instantiate(&mut store, module, host);
            let error = call(&mut store, instance, "beside_host").unwrap_err();
            assert_eq!(error.as_trap(), Some(Trap::StackOverflow));
        });
    });
}

#[test]
fn threads_trap_side_by_side() {
    let text = calls_to("(drop (i32.div_u (i32.const 1) (i32.const 0)))");
    in_each_lane(&Config::new(), &text, |engine, module| {
        std::thread::scope(|scope| {
            for (name, depth) in [("traps", 1), ("again", 4), ("traps", 1), ("again", 4)] {
                scope.spawn(move || {
                    let mut store = Store::new(engine, ());
                    let host = Func::wrap(&mut store, || {});
                    let instance = instantiate(&mut store, module, host);
                    for _ in 0..500 {
                        let error = call(&mut store, instance, name).unwrap_err();
                        assert_eq!(error.as_trap(), Some(Trap::IntegerDivisionByZero));
                        assert_eq!(error.backtrace().unwrap().frames.len(), depth);
                    }
                });
            }
        });
    });
}

#[test]
fn threads_trap_while_modules_come_and_go() {
    let text = calls_to("unreachable");
    in_each_lane(&Config::new(), &text, |engine, module| {
        let traps = |module: &Module, count| {
            let mut store = Store::new(module.engine(), ());
            let host = Func::wrap(&mut store, || {});
            let instance = instantiate(&mut store, module, host);
            for _ in 0..count {
                assert_eq!(call(&mut store, instance, "again").unwrap_err().backtrace().unwrap().frames.len(), 4);
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| traps(module, 1000));
            scope.spawn(|| traps(module, 1000));
            for _ in 0..50 {
                traps(&Module::deserialize(engine, module.serialize()).unwrap(), 1);
            }
        });
    });
}

/// Returns the resident memory of this process in kilobytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Returns the number of mappings of this process.
fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

#[test]
fn traps_do_not_leak() {
    in_a_child("traps_do_not_leak", || {
        let engine = Engine::new(&Config::new()).unwrap();
        let module = Module::new(&engine, calls_to("unreachable")).unwrap();
        let mut store = Store::new(&engine, ());
        let host = Func::wrap(&mut store, || -> Result<()> { Err(Trap::Unreachable.into()) });
        let instance = instantiate(&mut store, &module, host);
        let mut run = |count| {
            for _ in 0..count {
                call(&mut store, instance, "again").unwrap_err();
                call(&mut store, instance, "deep").unwrap_err();
            }
            resident()
        };
        let before = run(1000);
        let after = run(20_000);
        // One leaked frame for each trap would be 4 MB.
        assert!(after < before + 1000, "{before} kB, then {after} kB");
    });
}

#[test]
fn loading_does_not_leak() {
    in_a_child("loading_does_not_leak", || {
        let engine = Engine::new(&Config::new()).unwrap();
        let artifact = Module::new(&engine, calls_to("unreachable")).unwrap().serialize().to_vec();
        let run = |count| {
            for _ in 0..count {
                let module = Module::deserialize(&engine, &artifact).unwrap();
                let mut store = Store::new(&engine, ());
                let host = Func::wrap(&mut store, || {});
                let instance = instantiate(&mut store, &module, host);
                call(&mut store, instance, "again").unwrap_err();
            }
            (mappings(), resident())
        };
        let before = run(100);
        let after = run(1000);
        assert!(after.0 < before.0 + 50 && after.1 < before.1 + 2000, "{before:?}, then {after:?}");
    });
}

extern "C" fn exit_at_0x18(_: libc::c_int, info: &libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the signal's information has an address, and `_exit` runs nothing.
    unsafe { libc::_exit(if info.si_addr() as usize == 0x18 { 57 } else { 1 }) }
}

/// A fault of the host goes to the previously installed handler, even on a thread that has trapped and inside a host
/// function that WebAssembly called.
#[test]
fn a_host_fault_reaches_the_previous_handler() {
    in_a_child("a_host_fault_reaches_the_previous_handler", || {
        // SAFETY: an action of zeros is valid, and the handler that it then gets is of the right kind.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = exit_at_0x18 as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            assert_eq!(libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut()), 0);
        }
        let engine = Engine::new(&Config::new()).unwrap();
        let module = Module::new(&engine, calls_to("(drop (i32.load (i32.const 65536)))")).unwrap();
        let mut store = Store::new(&engine, ());
        let host = Func::wrap(&mut store, || {
            // SAFETY: the access faults, as the test intends, and the handler ends the process.
            unsafe { std::arch::asm!("mov {0}, [{0}]", inout(reg) 0x18usize => _) };
        });
        let instance = instantiate(&mut store, &module, host);
        let error = call(&mut store, instance, "traps").unwrap_err();
        assert_eq!(error.as_trap(), Some(Trap::MemoryOutOfBounds));
        let result = call(&mut store, instance, "deep");
        panic!("the fault became {result:?}");
    });
}
