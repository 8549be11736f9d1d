//! Two ways to stop a guest that runs too long: `cargo run -p engine --example interrupt`.
//!
//! Fuel counts what the guest executes, so the same run ends at the same instruction on every machine. A deadline
//! bounds the time, and costs less: the engine has an epoch, which a thread advances, and the guest compares it to the
//! deadline.

use engine::{Config, Engine, Instance, Module, Result, Store, Trap};
use std::thread;
use std::time::Duration;

const TEXT: &str = r#"
    (module
      (func (export "count_to") (param $n i32) (result i32)
        (local $i i32)
        (loop $next
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $next (i32.ne (local.get $i) (local.get $n))))
        (local.get $i))
      (func (export "run_forever") (loop $again (br $again))))
"#;

fn main() -> Result<()> {
    stop_by_fuel()?;
    stop_by_deadline()
}

fn stop_by_fuel() -> Result<()> {
    let engine = Engine::new(Config::new().consume_fuel(true))?;
    let module = Module::new(&engine, TEXT)?;
    let mut store = Store::new(&engine, ());
    // A new store has no fuel, so this comes before anything runs.
    store.set_fuel(10_000)?;
    let instance = Instance::new(&mut store, &module, &[])?;
    let count_to = instance.get_typed_func::<i32, i32>(&mut store, "count_to")?;

    assert_eq!(count_to.call(&mut store, 100)?, 100);
    println!("counting to 100 took {} units of fuel", 10_000 - store.fuel()?);
    let error = count_to.call(&mut store, 1_000_000).expect_err("the fuel does not last");
    assert_eq!(error.as_trap(), Some(Trap::OutOfFuel));
    println!("counting to 1000000 stopped: {error}");

    // The instance is as it was when the guest stopped, and can go on with new fuel.
    store.set_fuel(10_000)?;
    assert_eq!(count_to.call(&mut store, 100)?, 100);
    Ok(())
}

fn stop_by_deadline() -> Result<()> {
    let engine = Engine::new(Config::new().epoch_interruption(true))?;
    let module = Module::new(&engine, TEXT)?;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    let run_forever = instance.get_typed_func::<(), ()>(&mut store, "run_forever")?;

    // The deadline is the next epoch. One thread can advance the epoch for all stores of an engine.
    store.set_epoch_deadline(1);
    let timer = {
        let engine = engine.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            engine.increment_epoch();
        })
    };
    let error = run_forever.call(&mut store, ()).expect_err("the deadline ends the loop");
    timer.join().expect("the timer does not panic");
    assert_eq!(error.as_trap(), Some(Trap::Interrupted));
    println!("running forever stopped: {error}");
    Ok(())
}

#[test]
fn runs() -> Result<()> {
    main()
}
