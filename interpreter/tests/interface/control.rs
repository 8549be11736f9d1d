//! Control instructions: blocks, loops, branches, and calls.

use crate::common::{call, call_any, instance};
use interpreter::{Trap, Val};

#[test]
fn a_branch_table_brings_values() {
    let text = r#"(module (func (export "f") (param i32) (result i32)
        (i32.add (i32.const 1) (block $a (result i32)
            (i32.add (i32.const 10) (block $b (result i32)
                (i32.add (i32.const 100) (block $c (result i32)
                    (br_table $c $b $a (i32.mul (local.get 0) (i32.const 1000)) (local.get 0)))))))))) "#;
    let (mut store, instance) = instance(text);
    let results = [0, 1, 2, 3, -1].map(|index| call::<_, i32, i32>(&mut store, instance, "f", index).unwrap());
    assert_eq!(results, [111, 1011, 2001, 3001, -999]);
}

#[test]
fn a_branch_table_brings_several_values_over_operands() {
    let text = r#"(module (func (export "f") (param i32) (result i64 i32)
        (block $out (result i64 i32)
            (i64.const 7) (i32.const 8)
            (block $in (param i64 i32) (result i64 i32)
                (i32.const 99)
                (i64.const 1) (i32.const 2) (local.get 0)
                (br_table $in $out 2))
            (drop) (drop)
            (i64.const 5) (i32.const 6))))"#;
    let (mut store, instance) = instance(text);
    let results = [0, 1, 2].map(|index| call::<_, i32, (i64, i32)>(&mut store, instance, "f", index).unwrap());
    assert_eq!(results, [(5, 6), (1, 2), (1, 2)]);
}

#[test]
fn a_loop_takes_parameters() {
    let text = r#"(module (func (export "factorial") (param i64) (result i64)
        (i64.const 1) (local.get 0)
        (loop $next (param i64 i64) (result i64)
            (local.set 0)
            (i64.mul (local.get 0))
            (i64.sub (local.get 0) (i64.const 1))
            (br_if $next (i64.gt_s (i64.sub (local.get 0) (i64.const 1)) (i64.const 0)))
            (drop))))"#;
    let (mut store, instance) = instance(text);
    assert_eq!(call::<_, i64, i64>(&mut store, instance, "factorial", 10).unwrap(), 3_628_800);
    assert_eq!(call::<_, i64, i64>(&mut store, instance, "factorial", 1).unwrap(), 1);
}

#[test]
fn an_if_takes_and_leaves_several_values() {
    let text = r#"(module
        (func (export "order") (param i32 f64) (result f64 i32)
            (local.get 0) (local.get 1) (i32.lt_s (local.get 0) (i32.const 0))
            (if (param i32 f64) (result f64 i32)
                (then (local.set 1) (local.set 0) (f64.neg (local.get 1)) (i32.sub (i32.const 0) (local.get 0)))
                (else (local.set 1) (local.set 0) (local.get 1) (local.get 0))))
        (func (export "no_else") (param i32) (result i32)
            (i32.const 5) (local.get 0)
            (if (param i32) (result i32) (then (i32.add (i32.const 1))))))"#;
    let (mut store, instance) = instance(text);
    assert_eq!(call::<_, (i32, f64), (f64, i32)>(&mut store, instance, "order", (-3, 1.5)).unwrap(), (-1.5, 3));
    assert_eq!(call::<_, (i32, f64), (f64, i32)>(&mut store, instance, "order", (3, 1.5)).unwrap(), (1.5, 3));
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "no_else", 1).unwrap(), 6);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "no_else", 0).unwrap(), 5);
}

#[test]
fn a_local_that_is_set_leaves_its_old_value_on_the_stack() {
    let text = r#"(module (func (export "f") (param i32) (result i32 i32 i32)
        (local.get 0) (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (local.set 0 (i32.const 9)) (local.get 0)))"#;
    let (mut store, instance) = instance(text);
    assert_eq!(call::<_, i32, (i32, i32, i32)>(&mut store, instance, "f", 4).unwrap(), (4, 5, 9));
}

#[test]
fn code_after_a_branch_is_not_run() {
    let text = r#"(module (func (export "f") (result i32)
        (block $a (result i32) (br $a (i32.const 3)) (unreachable) (block (unreachable)) (i32.add) (drop) (i32.const 4))
        (return (i32.add (i32.const 1)))
        (loop (br 0))))"#;
    let (mut store, instance) = instance(text);
    assert_eq!(call::<_, (), i32>(&mut store, instance, "f", ()).unwrap(), 4);
}

#[test]
fn tail_calls_take_constant_space() {
    let text = r#"(module
        (type $step (func (param i64 i64) (result i64)))
        (table funcref (elem $indirect $direct))
        (elem declare func $direct $reference)
        (func $direct (export "direct") (param i64 i64) (result i64)
            (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
            (return_call_indirect (type $step)
                (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (i64.const 1)) (i32.const 0)))
        (func $indirect (param i64 i64) (result i64)
            (return_call_ref $step (local.get 0) (local.get 1) (ref.func $reference)))
        (func $reference (param i64 i64) (result i64) (local v128 i64 i64)
            (return_call $direct (local.get 0) (local.get 1))))"#;
    let (mut store, instance) = instance(text);
    let count = call::<_, (i64, i64), i64>(&mut store, instance, "direct", (1_000_000, 5)).unwrap();
    assert_eq!(count, 1_000_005);
}

#[test]
fn a_tail_call_may_have_more_arguments_and_results() {
    let text = r#"(module
        (func (export "f") (param i32) (result i32 v128 i32)
            (return_call $wide (i32.add (local.get 0) (i32.const 1)) (local.get 0) (i64.const 3)))
        (func $wide (param i32 i32 i64) (result i32 v128 i32)
            (local.get 1) (i64x2.splat (local.get 2)) (local.get 0)))"#;
    let (mut store, instance) = instance(text);
    let results = call_any(&mut store, instance, "f", &[Val::I32(7)]).unwrap();
    assert_eq!(results, [Val::I32(7), Val::V128(3 << 64 | 3), Val::I32(8)]);
}

#[test]
fn recursion_ends_at_the_limit_of_the_stack() {
    let text = r#"(module
        (func $endless (export "endless") (param i32) (result i32)
            (i32.add (call $endless (local.get 0)) (i32.const 1)))
        (func $deep (export "deep") (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
                (else (i32.const 0)))))"#;
    let (mut store, instance) = instance(text);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "deep", 50_000).unwrap(), 50_000);
    let error = call::<_, i32, i32>(&mut store, instance, "endless", 0).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::StackOverflow));
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "deep", 50_000).unwrap(), 50_000);
}

#[test]
fn a_function_may_have_more_locals_than_registers_can_name() {
    // Four functions of the tests' locals: numbers and vectors on both sides of the end of the window.
    let text = r#"(module (func (export "f") (param i32 v128) (result i32 v128)
        LOCALS
        (local.set 49990 (i32.add (local.get 0) (i32.const 1)))
        (local.set 49991 (local.get 1))
        (local.set 2 (i64x2.splat (i64.const 9)))
        (if (i32.lt_s (local.get 49990) (i32.const 100))
            (then (local.set 49990 (i32.mul (local.get 49990) (local.get 49990)))))
        (i32.add (local.get 49990) (i32.const 0)) (i64x2.add (local.get 49991) (local.get 2))))"#;
    let locals = format!("(local {}) (local i32 v128)", "v128 ".repeat(49_988));
    let (mut store, instance) = instance(&text.replace("LOCALS", &locals));
    let results = call_any(&mut store, instance, "f", &[Val::I32(6), Val::V128(1 << 64 | 2)]).unwrap();
    assert_eq!(results, [Val::I32(49), Val::V128(10 << 64 | 11)]);
}

/// The test of the branch takes the reference where it is, which may be nowhere but in the code.
#[test]
fn a_branch_on_a_descriptor_takes_a_constant() {
    let text = r#"(module
        (rec (type $a (descriptor $b) (struct)) (type $b (describes $a) (struct)))
        (global $b (ref (exact $b)) (struct.new $b))
        (func (export "f") (result i32 i32)
            (block $taken (result i32 eqref)
                (i32.const 7)
                (br_on_cast_desc_eq $taken eqref (ref null $a) (ref.null none) (global.get $b))
                (unreachable))
            (ref.is_null)))"#;
    let (mut store, instance) = instance(text);
    assert_eq!(call::<_, (), (i32, i32)>(&mut store, instance, "f", ()).unwrap(), (7, 1));
}

/// So many operands stand for locals that a further one would be copied.
#[test]
fn a_branch_on_a_descriptor_comes_after_many_locals() {
    let text = r#"(module
        (rec (type $a (descriptor $b) (struct)) (type $b (describes $a) (struct (field i32))))
        (global $b (ref (exact $b)) (struct.new $b (i32.const 1)))
        (global $a (ref $a) (struct.new_default_desc $a (global.get $b)))
        (func (export "f") (param i32) (result i32) (local eqref)
            (local.set 1 (global.get $a))
            (block $taken (result LIST eqref)
                OPERANDS
                (br_on_cast_desc_eq $taken eqref (ref $a) (local.get 1) (global.get $b))
                (unreachable))
            (drop) ADDITIONS))"#;
    let text = text.replace("LIST", &"i32 ".repeat(40));
    let text = text.replace("OPERANDS", &"(local.get 0)".repeat(40)).replace("ADDITIONS", &"i32.add ".repeat(39));
    let (mut store, instance) = instance(&text);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "f", 2).unwrap(), 80);
}
