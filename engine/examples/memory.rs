//! Host functions that read and write the memory of their caller: `cargo run -p engine --example memory`.

use engine::{Caller, Config, Engine, Error, Extern, Linker, Memory, Module, Result, Store, Trap};
use std::ops::Range;

/// A module that passes strings to the host, each as an address and a length.
const TEXT: &str = r#"
    (module
      (import "host" "log" (func $log (param i32 i32)))
      (import "host" "make_uppercase" (func $make_uppercase (param i32 i32)))
      (memory (export "memory") 1)
      (data (i32.const 16) "hello from the guest")
      (func (export "run")
        (call $log (i32.const 16) (i32.const 20))
        (call $make_uppercase (i32.const 16) (i32.const 5))
        (call $log (i32.const 16) (i32.const 20))))
"#;

/// The store's data: the lines that the guest has logged.
type Lines = Vec<String>;

fn main() -> Result<()> {
    let engine = Engine::new(&Config::new())?;
    let module = Module::new(&engine, TEXT)?;
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "log", log)?;
    linker.func_wrap("host", "make_uppercase", make_uppercase)?;

    let mut store = Store::new(&engine, Lines::new());
    let instance = linker.instantiate(&mut store, &module)?;
    instance.get_typed_func::<(), ()>(&mut store, "run")?.call(&mut store, ())?;
    assert_eq!(*store.data(), ["hello from the guest", "HELLO from the guest"]);
    println!("{}", store.data().join("\n"));
    Ok(())
}

fn log(mut caller: Caller<'_, Lines>, address: u32, length: u32) -> Result<()> {
    let memory = memory(&mut caller)?;
    // One call borrows both: the bytes of the memory and the data of the store.
    let (bytes, lines) = memory.data_and_store_mut(&mut caller)?;
    let line = bytes.get(range(address, length)).ok_or(Trap::MemoryOutOfBounds)?;
    lines.push(std::str::from_utf8(line).map_err(Error::host)?.to_string());
    Ok(())
}

fn make_uppercase(mut caller: Caller<'_, Lines>, address: u32, length: u32) -> Result<()> {
    let memory = memory(&mut caller)?;
    let bytes = memory.data_mut(&mut caller)?;
    // The guest chooses the range, so it is never taken without a check.
    bytes.get_mut(range(address, length)).ok_or(Trap::MemoryOutOfBounds)?.make_ascii_uppercase();
    Ok(())
}

/// Returns the memory that the calling instance exports. The error ends the guest's call.
fn memory(caller: &mut Caller<'_, Lines>) -> Result<Memory> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    memory.ok_or_else(|| Error::host("the guest exports no memory of the name `memory`"))
}

fn range(address: u32, length: u32) -> Range<usize> {
    address as usize..address as usize + length as usize
}

#[test]
fn runs() -> Result<()> {
    main()
}
