//! Runs a module that prints through a host function, and shows the frames of a trap.
//!
//! ```sh
//! cargo run -p interpreter --example host_function
//! ```

use interpreter::{Caller, Config, Engine, Error, ErrorKind, Linker, Module, Result, Store};

const TEXT: &str = r#"(module $greeter
    (import "host" "print" (func $print (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "Hello, ")
    (data (i32.const 16) "world!\n")
    (func (export "greet") (call $print (i32.const 8) (i32.const 7)) (call $print (i32.const 16) (i32.const 7)))
    (func $quotient (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1))))"#;

/// Prints a text in the memory of the caller.
fn print(mut caller: Caller<'_, usize>, at: u32, length: u32) -> Result<()> {
    let missing = || Error::new(ErrorKind::Usage, "the caller exports no memory");
    let memory = caller.get_export("memory").and_then(|item| item.into_memory()).ok_or_else(missing)?;
    let mut bytes = vec![0; length as usize];
    memory.read(&caller, at.into(), &mut bytes)?;
    print!("{}", String::from_utf8_lossy(&bytes));
    *caller.data_mut() += 1;
    Ok(())
}

fn main() -> Result<()> {
    let engine = Engine::new(&Config::new());
    let module = Module::new(&engine, &wat::parse_str(TEXT).map_err(Error::host)?)?;
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "print", print)?;

    let mut store = Store::new(&engine, 0);
    let instance = linker.instantiate(&mut store, &module)?;
    instance.get_typed_func::<(), ()>(&store, "greet")?.call(&mut store, ())?;
    println!("The module has called the host {} times.", store.data());

    let divide = instance.get_typed_func::<(i32, i32), i32>(&store, "divide")?;
    println!("7 / 2 = {}", divide.call(&mut store, (7, 2))?);
    let error = divide.call(&mut store, (7, 0)).expect_err("it divides by zero");
    print!("{error:?}");
    Ok(())
}
