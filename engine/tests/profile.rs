//! Profiles of guests: a sample at any instruction has the stack that is in force.

#![cfg(feature = "compile")]

use engine::{Caller, Config, Engine, Func, Instance, Module, Profile, Store, Tier};
use std::collections::BTreeSet;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_micros(200);

/// Calls of small functions, so that many samples are in prologues and epilogues.
const CALLS: &str = r#"(module $m
    (func $leaf (param i64) (result i64) (i64.rotl (local.get 0) (i64.const 7)))
    (func $middle (param i64) (result i64) (i64.add (call $leaf (local.get 0)) (call $leaf (i64.const 3))))
    (func $tail (param i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64) (return_call $middle (local.get 8)))
    (func $main (export "main") (param i32)
        (loop $again
            (drop (call $middle (i64.const 1)))
            (drop (call $tail (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1)
                (i64.const 1) (i64.const 1) (i64.const 1)))
            (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#;

/// The stacks of [`CALLS`] in tier `Quick`, which inlines nothing. A function that was called in tail position stands
/// in the place of its caller.
const STACKS: [&str; 4] =
    ["m!3 $main", "m!3 $main;m!1 $middle", "m!3 $main;m!1 $middle;m!0 $leaf", "m!3 $main;m!2 $tail"];

/// Returns the profile of the export `main` of a module that runs for a while, fresh or reloaded.
fn profile(config: &Config, text: &str, reload: bool, rounds: i32) -> Profile {
    let engine = Engine::new(config).unwrap();
    let mut module = Module::new(&engine, text).unwrap();
    if reload {
        module = Module::deserialize(&engine, module.serialize()).unwrap();
    }
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let main = instance.get_typed_func::<i32, ()>(&mut store, "main").unwrap();
    let (result, profile) = Profile::of(INTERVAL, || main.call(&mut store, rounds)).unwrap();
    result.unwrap();
    assert_eq!(profile.lost(), 0);
    profile
}

/// Returns the stacks that are not among those of [`CALLS`].
fn wrong_stacks(profile: &Profile) -> BTreeSet<String> {
    profile.stacks().map(|(stack, _)| stack).filter(|stack| !STACKS.contains(stack)).map(str::to_owned).collect()
}

#[test]
fn each_sample_has_the_stack_in_force() {
    for (tier, reload) in [(Tier::Quick, false), (Tier::Quick, true), (Tier::Speed, false), (Tier::Speed, true)] {
        let profile = profile(Config::new().tier(tier), CALLS, reload, 20_000_000);
        assert!(profile.stacks().map(|(_, count)| count).sum::<u64>() > 20, "{profile}");
        assert_eq!(wrong_stacks(&profile), BTreeSet::new(), "{tier:?} {reload}:\n{profile}");
        let seen: Vec<&str> = profile.stacks().map(|(stack, _)| stack).collect();
        assert!(STACKS.iter().all(|stack| seen.contains(stack)), "{tier:?} {reload}:\n{profile}");
    }
}

/// Tables that are wrong in epilogues lose the caller there.
#[cfg(feature = "planted-faults")]
#[test]
fn wrong_tables_make_wrong_stacks() {
    let mut config = Config::new();
    config.tier(Tier::Quick).fault(Some(engine::Fault::EpiloguesWithoutRules));
    // Few samples are in epilogues: on a busy machine a profile may have none.
    let is_wrong = |_| !wrong_stacks(&profile(&config, CALLS, true, 20_000_000)).is_empty();
    assert!((0..40).any(is_wrong), "no sample shows the planted fault");
}

/// The host's time is that of its callers, across calls back into WebAssembly. Code that is unloaded meanwhile keeps
/// its names.
#[test]
fn host_functions_are_the_innermost_frames() {
    const TEXT: &str = r#"(module $h
        (import "" "host" (func $host (param i32)))
        (func $inner (export "inner") (call $host (i32.const 0)))
        (func $outer (export "outer") (call $host (i32.const 1))))"#;
    let (result, profile) = Profile::of(INTERVAL, || -> engine::Result<()> {
        let engine = Engine::default();
        let module = Module::new(&engine, TEXT)?;
        let mut store = Store::new(&engine, ());
        let host = Func::wrap(&mut store, |mut caller: Caller<'_, ()>, back: i32| -> engine::Result<()> {
            if back == 1 {
                let inner = caller.get_export("inner").and_then(engine::Extern::into_func).expect("it is exported");
                return inner.call(&mut caller, &[], &mut []);
            }
            // Allocates, so that some samples are in the allocator.
            let words: usize = (0..3_000_000).map(|number: usize| std::hint::black_box(number.to_string()).len()).sum();
            assert!(words > 1000);
            Ok(())
        });
        let instance = Instance::new(&mut store, &module, &[host.into()])?;
        instance.get_typed_func::<(), ()>(&mut store, "outer")?.call(&mut store, ())
    })
    .unwrap();
    result.unwrap();
    let most = profile.stacks().max_by_key(|(_, count)| *count).expect("there are samples");
    assert_eq!(most.0, "h!2 $outer;h!1 $inner;[host]", "{profile}");
    assert!(most.1 > 5, "{profile}");
}

#[test]
fn deep_stacks_are_cut() {
    const TEXT: &str = r#"(module $d
        (func $deep (param i32 i32)
            (if (local.get 1)
                (then (call $deep (local.get 0) (i32.sub (local.get 1) (i32.const 1))))
                (else (loop $again (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))))
        (func (export "main") (param i32) (call $deep (local.get 0) (i32.const 2000))))"#;
    let profile = profile(Config::new().tier(Tier::Quick), TEXT, false, 50_000_000);
    let (stack, _) = profile.stacks().max_by_key(|(_, count)| *count).expect("there are samples");
    let frames: Vec<&str> = stack.split(';').collect();
    assert_eq!((frames[0], frames[1], frames.len()), ("[deeper]", "d!0 $deep", 513));
}

/// An inner profile takes the samples; the outer one goes on after it.
#[test]
fn profiles_nest() {
    let engine = Engine::new(Config::new().tier(Tier::Quick)).unwrap();
    let mut store = Store::new(&engine, ());
    let module = Module::new(&engine, CALLS).unwrap();
    let main = Instance::new(&mut store, &module, &[]).unwrap().get_typed_func::<i32, ()>(&mut store, "main").unwrap();
    let (inner, outer) = Profile::of(INTERVAL, || {
        let (_, inner) = Profile::of(INTERVAL, || main.call(&mut store, 5_000_000).unwrap()).unwrap();
        main.call(&mut store, 5_000_000).unwrap();
        inner
    })
    .unwrap();
    for profile in [inner, outer] {
        assert!(profile.stacks().len() >= 3 && wrong_stacks(&profile).is_empty(), "{profile}");
    }
}
