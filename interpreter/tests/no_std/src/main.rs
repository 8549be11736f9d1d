#![no_std]
#![no_main]
//! A program without the standard library that runs a module: its panic handler and its allocator are its own. The C
//! library only starts it.

extern crate alloc;

mod bump;

use interpreter::{Config, Engine, Instance, Module, Result, Store};

/// The binary of
///
/// ```wat
/// (module
///   (func $fib (export "fib") (param $n i32) (result i64)
///     (if (result i64) (i32.lt_s (local.get $n) (i32.const 2))
///       (then (i64.extend_i32_s (local.get $n)))
///       (else (i64.add (call $fib (i32.sub (local.get $n) (i32.const 1)))
///                      (call $fib (i32.sub (local.get $n) (i32.const 2))))))))
/// ```
const FIBONACCI: &[u8] = b"\0asm\x01\0\0\0\x01\x06\x01\x60\x01\x7f\x01\x7e\x03\x02\x01\0\x07\x07\x01\x03fib\0\0\
    \x0a\x1f\x01\x1d\0\x20\0\x41\x02\x48\x04\x7e\x20\0\xac\x05\x20\0\x41\x01\x6b\x10\0\x20\0\x41\x02\x6b\x10\0\x7c\x0b\
    \x0b";

#[link(name = "c")]
unsafe extern "C" {}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Is the start of the program for the C library. The status of the process is the number of the sequence at the place
/// that the count of words on the command line says, or 255 after an error.
#[unsafe(no_mangle)]
extern "C" fn main(words: i32) -> i32 {
    fibonacci(words).map_or(255, |number| number as i32)
}

fn fibonacci(n: i32) -> Result<i64> {
    let engine = Engine::new(&Config::new());
    let module = Module::new(&engine, FIBONACCI)?;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    instance.get_typed_func::<i32, i64>(&mut store, "fib")?.call(&mut store, n)
}
