//! Compiles a module from text, gives it a host function, and calls what it exports:
//! `cargo run -p engine --example call`.

use engine::{Caller, Config, Engine, Linker, Module, Result, Store};

const TEXT: &str = r#"
    (module $sum
      (import "host" "seen" (func $seen (param i32)))
      (func (export "sum_to") (param $n i32) (result i32)
        (local $sum i32)
        (loop $next
          (call $seen (local.get $n))
          (local.set $sum (i32.add (local.get $sum) (local.get $n)))
          (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum)))
"#;

fn main() -> Result<()> {
    let engine = Engine::new(&Config::new())?;
    let module = Module::new(&engine, TEXT)?;

    // Host functions share the store's data. Here it is the number of calls.
    let mut store = Store::new(&engine, 0u32);
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "seen", |mut caller: Caller<'_, u32>, n: i32| {
        *caller.data_mut() += 1;
        println!("the module is at {n}");
    })?;

    let instance = linker.instantiate(&mut store, &module)?;
    let sum_to = instance.get_typed_func::<i32, i32>(&mut store, "sum_to")?;
    let sum = sum_to.call(&mut store, 5)?;
    println!("1 + ... + 5 = {sum}, after {} host calls", store.data());
    assert_eq!((sum, *store.data()), (15, 5));
    Ok(())
}

#[test]
fn runs() -> Result<()> {
    main()
}
