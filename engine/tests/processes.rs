//! The host's process around the engine: pools that compile, forks, no threads, blocked and sent signals, coroutines
//! and small stacks. Each test has a process of its own, where a fault would end another.
#![cfg(all(feature = "compile", target_os = "linux", target_arch = "x86_64"))]
#![expect(unsafe_code, reason = "forks, signals, limits and coroutines")]

mod child;

use child::{in_a_child, in_a_child_with, run_child};
use engine::{
    Caller, Config, Engine, Error, Func, Instance, Linker, MemoryChecks, Module, Result, Store, StoreLimits, Trap,
};
use rayon::prelude::*;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

const TRAPS: &str = r#"(module
    (memory 1)
    (func (export "load") (drop (i32.load (i32.const -1))))
    (func (export "unreachable") unreachable)
    (func (export "divide") (drop (i32.div_u (i32.const 1) (i32.const 0))))
    (func $recurse (export "recurse") (call $recurse))
    (func (export "nothing")))"#;

fn engine() -> Engine {
    Engine::new(&Config::new()).unwrap()
}

/// Calls every export of the module [`TRAPS`]: faults of three signals and an exhausted stack.
fn assert_traps(module: &Module) {
    let mut store = Store::new(module.engine(), ());
    let instance = Instance::new(&mut store, module, &[]).unwrap();
    let mut call = |name: &str| {
        let function = instance.get_typed_func::<(), ()>(&mut store, name).unwrap();
        function.call(&mut store, ()).map_err(|error| error.as_trap())
    };
    assert_eq!(call("load"), Err(Some(Trap::MemoryOutOfBounds)));
    assert_eq!(call("unreachable"), Err(Some(Trap::Unreachable)));
    assert_eq!(call("divide"), Err(Some(Trap::IntegerDivisionByZero)));
    assert_eq!(call("recurse"), Err(Some(Trap::StackOverflow)));
    assert_eq!(call("nothing"), Ok(()));
}

/// A module that is worth several threads.
fn large_module() -> String {
    let function = "(func (param i32) (result i32) (i32.mul (i32.add (local.get 0) (i32.const 5)) (i32.const 7)))";
    format!("(module {})", function.repeat(2000))
}

/// Ends the process by a signal if the test hangs.
fn die_in_a_minute() {
    // SAFETY: only sets a timer.
    unsafe { libc::alarm(60) };
}

/// A program may compile in tasks of its own pool while it holds a lock. If the engine used that pool, or waited for
/// another while this one goes on to the next task, the next task would wait for the lock for ever.
#[test]
fn an_embedder_compiles_in_its_own_pool_under_a_lock() {
    in_a_child_with("an_embedder_compiles_in_its_own_pool_under_a_lock", &[("RAYON_NUM_THREADS", "8")], || {
        die_in_a_minute();
        for threads in [None, Some(4)] {
            let engine = Engine::new(Config::new().compile_threads(threads)).unwrap();
            let (text, locks) = (large_module(), [const { Mutex::new(()) }; 3]);
            (0..24_usize).into_par_iter().for_each(|task| {
                let _guard = locks[task % 3].lock().unwrap();
                Module::new(&engine, &text).unwrap();
            });
        }
    });
}

/// Makes the system refuse new threads to this process.
fn refuse_threads() {
    let instruction = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let equals = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let end = (libc::BPF_RET | libc::BPF_K) as u16;
    let mut program = [
        // The number of the call.
        instruction(load, 0, 0, 0),
        instruction(equals, 2, 0, libc::SYS_clone as u32),
        instruction(equals, 1, 0, libc::SYS_clone3 as u32),
        instruction(end, 0, 0, libc::SECCOMP_RET_ALLOW),
        instruction(end, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EAGAIN as u32),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program is well formed, and outlives the call that copies it.
    let results = unsafe {
        let first = libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        (first, libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter))
    };
    assert_eq!(results, (0, 0), "{}", std::io::Error::last_os_error());
}

#[test]
fn a_compile_needs_no_thread() {
    in_a_child("a_compile_needs_no_thread", || {
        let engine = Engine::new(Config::new().compile_threads(Some(4))).unwrap();
        let expected = engine.compile(large_module()).unwrap();
        refuse_threads();
        assert!(std::thread::Builder::new().spawn(|| ()).is_err(), "the test allows no thread");
        assert_eq!(engine.compile(large_module()).unwrap(), expected);
    });
}

/// A program may want small stacks for its own threads.
#[test]
fn a_compile_does_not_depend_on_the_default_stack() {
    let environment = [("RUST_MIN_STACK", "16384"), ("RUST_TEST_THREADS", "1")];
    in_a_child_with("a_compile_does_not_depend_on_the_default_stack", &environment, || {
        let engine = Engine::new(Config::new().compile_threads(Some(4))).unwrap();
        engine.compile(large_module()).unwrap();
    });
}

#[test]
fn a_compile_finds_enough_stack() {
    in_a_child("a_compile_finds_enough_stack", || {
        let engine = engine();
        let expected = engine.compile(large_module()).unwrap();
        let compile = || assert_eq!(engine.compile(large_module()).unwrap(), expected);
        std::thread::scope(|scope| {
            std::thread::Builder::new().stack_size(48 << 10).spawn_scoped(scope, compile).unwrap().join().unwrap();
        });
        on_a_coroutine(48 << 10, &mut || compile());
    });
}

#[test]
fn a_forked_child_traps_and_compiles() {
    in_a_child("a_forked_child_traps_and_compiles", || {
        let engine = engine();
        let module = Module::new(&engine, TRAPS).unwrap();
        assert_traps(&module);
        let artifact = engine.compile(large_module()).unwrap();
        // SAFETY: no other thread of this process holds a lock.
        match unsafe { libc::fork() } {
            0 => {
                die_in_a_minute();
                assert_traps(&module);
                assert_eq!(engine.compile(large_module()).unwrap(), artifact);
                assert_traps(&Module::new(&engine, TRAPS).unwrap());
                // SAFETY: ends the process without running anything.
                unsafe { libc::_exit(42) }
            }
            child => {
                let mut status = 0;
                // SAFETY: waits for the child.
                unsafe { libc::waitpid(child, &mut status, 0) };
                assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 42, "the child ends with {status:#x}");
            }
        }
    });
}

#[test]
fn traps_are_errors_while_the_host_blocks_all_signals() {
    in_a_child("traps_are_errors_while_the_host_blocks_all_signals", || {
        for checks in [MemoryChecks::GuardPages, MemoryChecks::Explicit] {
            let module = Module::new(&Engine::new(Config::new().memory_checks(checks)).unwrap(), TRAPS).unwrap();
            // Another thread inherits the mask. It enters WebAssembly with all signals blocked.
            // SAFETY: sets the mask of this thread.
            unsafe {
                let mut all = std::mem::zeroed();
                libc::sigfillset(&mut all);
                libc::pthread_sigmask(libc::SIG_SETMASK, &all, std::ptr::null_mut());
            }
            std::thread::spawn(move || assert_traps(&module)).join().unwrap();
        }
    });
}

/// Somebody who sends a signal gets what he would get without the engine: the standard library's handler takes the
/// first one for a mistake and reinstates the default action, which kills at the second one. Traps in between are
/// errors.
#[test]
fn a_sent_signal_does_not_disable_traps() {
    let raise_and_trap = || {
        let module = Module::new(&engine(), TRAPS).unwrap();
        assert_traps(&module);
        // SAFETY: sends a signal to this thread.
        unsafe { libc::raise(libc::SIGSEGV) };
        assert_traps(&module);
    };
    in_a_child("a_sent_signal_does_not_disable_traps", raise_and_trap);
}

#[test]
fn a_second_sent_signal_kills() {
    let output = run_child("a_second_sent_signal_kills", &[], || {
        let module = Module::new(&engine(), TRAPS).unwrap();
        for _ in 0..2 {
            assert_traps(&module);
            // SAFETY: sends a signal to this thread.
            unsafe { libc::raise(libc::SIGSEGV) };
        }
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
}

/// Runs `body` on a stack of `bytes` bytes above a guard page, as a coroutine does.
fn on_a_coroutine(bytes: usize, body: &mut dyn FnMut()) {
    static mut BODY: Option<*mut &mut dyn FnMut()> = None;
    extern "C" fn start() {
        // SAFETY: set below, and alive until this function returns.
        unsafe { (*(&raw const BODY).read().unwrap())() };
    }
    let (mut body, guard) = (body, 4096);
    // SAFETY: the new stack is mapped and used by nobody else. `start` returns to the old one.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let memory = libc::mmap(std::ptr::null_mut(), bytes + guard, access, flags, -1, 0);
        assert_ne!(memory, libc::MAP_FAILED);
        libc::mprotect(memory, guard, libc::PROT_NONE);
        BODY = Some((&raw mut body).cast());
        let (mut old, mut new): (libc::ucontext_t, libc::ucontext_t) = (std::mem::zeroed(), std::mem::zeroed());
        libc::getcontext(&mut new);
        new.uc_stack.ss_sp = memory.add(guard);
        new.uc_stack.ss_size = bytes;
        new.uc_link = &mut old;
        libc::makecontext(&mut new, start, 0);
        libc::swapcontext(&mut old, &new);
        libc::munmap(memory, bytes + guard);
    }
}

#[test]
fn coroutines_have_stacks_of_their_own() {
    in_a_child("coroutines_have_stacks_of_their_own", || {
        for max_wasm_stack in [512 << 10, 64 << 10] {
            let module = Module::new(&Engine::new(Config::new().max_wasm_stack(max_wasm_stack)).unwrap(), TRAPS);
            let module = module.unwrap();
            for kilobytes in [1024, 256, 128, 1024] {
                on_a_coroutine(kilobytes << 10, &mut || assert_traps(&module));
            }
            // A host function switches to a coroutine that enters WebAssembly again.
            let outer = Module::new(module.engine(), "(module (import \"\" \"\" (func)) (export \"call\" (func 0)))");
            let outer = outer.unwrap();
            let mut store = Store::new(module.engine(), ());
            let host = Func::wrap(&mut store, move || on_a_coroutine(256 << 10, &mut || assert_traps(&module)));
            let instance = Instance::new(&mut store, &outer, &[host.into()]).unwrap();
            instance.get_typed_func::<(), ()>(&mut store, "call").unwrap().call(&mut store, ()).unwrap();
        }
    });
}

/// Recurses to a depth, then does one thing that needs native stack.
const DEEP: &str = r#"(module
    (import "" "panic" (func $panic)) (import "" "fail" (func $fail))
    (memory 1 100) (table $t 1 100 funcref) (type $s (struct (field anyref))) (type $a (array i32)) (tag $e (param i32))
    (func $deep (export "deep") (param $depth i32) (param $what i32)
        (if (local.get $depth)
            (then (call $deep (i32.sub (local.get $depth) (i32.const 1)) (local.get $what)) (return)))
        (block $9 (block $8 (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1 (block $0
            (br_table $0 $1 $2 $3 $4 $5 $6 $7 $8 $9 (local.get $what)))
        (drop (memory.grow (i32.const 1))) (return))
        (drop (struct.new $s (ref.null any))) (return))
        (throw $e (i32.const 1)))
        (call $panic) (return))
        (call $fail) (return))
        unreachable)
        (drop (array.new_default $a (i32.const -1))) (return))
        (drop (i32.load (i32.const -1))) (return))
        (drop (table.grow $t (ref.null func) (i32.const 7))) (return))))"#;

/// The guest decides how much stack is left when it calls the host. It must never be too little: for a collection, an
/// exception, an error or a panic of the host.
fn act_at_every_depth(module: &Module) {
    let mut store = Store::new(module.engine(), StoreLimits::new());
    store.limiter(|limits| limits);
    let mut linker = Linker::new(module.engine());
    linker.func_wrap("", "panic", |_: Caller<'_, StoreLimits>| -> () { panic!("of the host") }).unwrap();
    let fail = |_: Caller<'_, StoreLimits>| -> Result<()> { Err(Error::host("of the host")) };
    linker.func_wrap("", "fail", fail).unwrap();
    let instance = linker.instantiate(&mut store, module).unwrap();
    let deep = instance.get_typed_func::<(i32, i32), ()>(&mut store, "deep").unwrap();
    if let Err(error) = deep.call(&mut store, (0, 9)) {
        assert_eq!(error.as_trap(), Some(Trap::StackOverflow));
        return;
    }
    let mut deepest = 0;
    for step in (0..20).rev().map(|bit| 1 << bit) {
        match deep.call(&mut store, (deepest + step, 9)) {
            Ok(()) => deepest += step,
            Err(error) => assert_eq!(error.as_trap(), Some(Trap::StackOverflow)),
        }
    }
    for depth in [0, deepest / 2, deepest] {
        for what in 0..9 {
            let result = catch_unwind(AssertUnwindSafe(|| deep.call(&mut store, (depth, what))));
            assert_eq!(result.is_err(), what == 3, "{what} at {depth}");
        }
    }
}

#[test]
fn small_stacks_are_large_enough_or_refused() {
    in_a_child("small_stacks_are_large_enough_or_refused", || {
        let module = Module::new(&Engine::new(Config::new().gc_zeal(true)).unwrap(), DEEP).unwrap();
        std::panic::set_hook(Box::new(|_| ()));
        for kilobytes in [16, 20, 24, 28, 32, 40, 48, 64, 96, 128, 512] {
            let module = module.clone();
            let run = move || act_at_every_depth(&module);
            std::thread::Builder::new().stack_size(kilobytes << 10).spawn(run).unwrap().join().unwrap();
        }
    });
}
