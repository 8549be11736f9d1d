//! The unwind tables hold at every instruction that runs, in both tiers, fresh and reloaded.

use engine::{Caller, Config, Engine, Linker, Module, Proof, Prover, Store, Tier};

/// Calls of every kind, through frames of many sizes: recursion, tail calls that need more and fewer stack slots than
/// their caller has, exceptions across frames, traps, calls of the host and back.
const MODULE: &str = r#"(module
  (import "host" "again" (func $again (param i32) (result i32)))
  (tag $e (param i32))
  (memory 1)
  (table 4 funcref) (elem (i32.const 0) $count $wide $narrow)
  (type $to (func (param i32) (result i32)))
  (func $count (export "count") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call $count (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0))))
  (func $wide (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (param i32) (result i32)
    (if (result i32) (local.get 12)
      (then (return_call $narrow (i32.sub (local.get 12) (i32.const 1))))
      (else (i32.wrap_i64 (i64.add (local.get 0) (local.get 11))))))
  (func $narrow (export "narrow") (param i32) (result i32)
    (return_call $wide (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)
      (i64.const 7) (i64.const 8) (i64.const 9) (i64.const 10) (i64.const 11) (i64.const 12) (local.get 0)))
  (func $middle (param i64 i64 i64 i64 i64 i64 i64 i64) (param i32) (result i32)
    (if (result i32) (local.get 8)
      (then (return_call $wide (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)
        (i64.const 7) (i64.const 8) (i64.const 9) (i64.const 10) (i64.const 11) (i64.const 12) (i32.const 0)))
      (else (return_call_indirect (type $to) (i32.const 5) (i32.const 0)))))
  (func (export "middle") (param i32) (result i32)
    (call $middle (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)
      (i64.const 8) (local.get 0)))
  (func $throw (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (throw $e (i32.const 7))))
    (call $throw (i32.sub (local.get 0) (i32.const 1))))
  (func (export "catch") (param i32) (result i32)
    (block $caught (result i32) (try_table (catch $e $caught) (drop (call $throw (local.get 0)))) (i32.const 0)))
  (func (export "divide") (param i32) (result i32) (i32.div_u (call $count (i32.const 3)) (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "again") (param i32) (result i32) (i32.add (call $again (local.get 0)) (i32.const 1)))
  (func (export "switch") (param i32) (result i32)
    (block (block (block (block (br_table 0 1 2 3 (local.get 0))) (return (i32.const 10)))
      (return (i32.const 11))) (return (i32.const 12))) (i32.const 13))
)"#;

fn prove(config: &Config, reload: bool) -> Proof {
    let engine = Engine::new(config).unwrap();
    let module = Module::new(&engine, MODULE).unwrap();
    let module = if reload { Module::deserialize(&engine, module.serialize()).unwrap() } else { module };
    let mut linker = Linker::new(&engine);
    linker
        .func_wrap("host", "again", |mut caller: Caller<'_, ()>, n: i32| -> engine::Result<i32> {
            let count = caller.get_export("count").unwrap().into_func().unwrap();
            count.typed::<i32, i32>(&caller)?.call(&mut caller, n)
        })
        .unwrap();
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let calls = || {
        for (name, argument, result) in [
            ("count", 5, Some(5)),
            ("narrow", 3, Some(13)),
            ("middle", 0, Some(5)),
            ("middle", 1, Some(13)),
            ("catch", 4, Some(7)),
            ("divide", 0, None),
            ("divide", 1, Some(3)),
            ("load", 0, Some(0)),
            ("load", -8, None),
            ("grow", 1, Some(1)),
            ("again", 4, Some(5)),
            ("switch", 0, Some(10)),
            ("switch", 2, Some(12)),
            ("switch", 9, Some(13)),
        ] {
            let func = instance.get_typed_func::<i32, i32>(&mut store, name).unwrap();
            assert_eq!(func.call(&mut store, argument).ok(), result, "{name}");
        }
    };
    let ((), proof) = Prover::watch(calls).unwrap();
    proof
}

#[test]
fn the_tables_hold_at_every_instruction() {
    for tier in [Tier::Speed, Tier::Quick] {
        for reload in [false, true] {
            let proof = prove(Config::new().tier(tier), reload);
            assert_eq!(proof.wrong, [], "{tier:?}");
            assert!(proof.distinct_instructions > 400 && proof.functions > 14, "{proof:?}");
            assert_eq!(proof.cut_short, 0);
        }
    }
}

/// Cranelift's own tables describe prologues only.
#[cfg(feature = "planted-faults")]
#[test]
fn missing_rules_are_noticed() {
    let mut config = Config::new();
    config.fault(Some(engine::Fault::EpiloguesWithoutRules));
    let wrong = prove(&config, false).wrong;
    let rules: std::collections::BTreeSet<_> = wrong.iter().map(|wrong| wrong.rule).collect();
    assert!(["cfa", "pc", "fp"].iter().all(|rule| rules.contains(rule)), "{wrong:?}");
}
