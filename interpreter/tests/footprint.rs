//! The memory that a store with a small module takes.
#![expect(unsafe_code, reason = "an allocator that counts")]

use interpreter::{Config, Engine, Instance, Module, Store};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator, with a count of the bytes in use.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: all work is the system allocator's, under the same contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Returns what an operation leaves allocated, and its result.
fn allocated<R>(operation: impl FnOnce() -> R) -> (usize, R) {
    let before = IN_USE.load(Relaxed);
    let result = operation();
    (IN_USE.load(Relaxed) - before, result)
}

// One test, since tests of a file run at the same time.
#[test]
fn a_store_is_small_until_code_runs_and_then_has_a_stack() {
    let wasm = wat::parse_str(
        r#"(module (memory 1) (table 2 funcref) (global (mut i32) (i32.const 0))
            (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#,
    );
    let (wasm, engine) = (wasm.unwrap(), Engine::new(&Config::new()));
    let (module_bytes, module) = allocated(|| Module::new(&engine, &wasm).unwrap());
    let (instance_bytes, (mut store, instance)) = allocated(|| {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        (store, instance)
    });
    let (call_bytes, sum) = allocated(|| {
        let add = instance.get_typed_func::<(i32, i32), i32>(&mut store, "add").unwrap();
        add.call(&mut store, (1, 2)).unwrap()
    });
    println!("module {module_bytes}, store with instance {instance_bytes}, first call {call_bytes}");
    assert_eq!(sum, 3);
    assert!(module_bytes < 4 << 10, "a module takes {module_bytes} bytes");
    // The page of the memory is a part of it.
    assert!(instance_bytes < (64 + 8) << 10, "a store with an instance takes {instance_bytes} bytes");
    assert!(call_bytes < 64 << 10, "the first call takes {call_bytes} bytes");
}
