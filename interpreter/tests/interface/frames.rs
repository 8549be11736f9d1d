//! Frames with more slots than registers can name.

use crate::common::{call_any, instance};
use interpreter::Val;

/// The items that the snippets use. `$many` leaves a thousand operands.
const MODULE: &str = r#"
    (memory 1)
    (table $table 4 funcref)
    (elem (i32.const 3) $sub)
    (tag $tag (param i32 v128 i64))
    (type $pair (struct (field i32) (field v128) (field i64)))
    (type $array (array (mut i32)))
    (type $sub (func (param i32 v128 i64 i32) (result i32)))
    (func $sub (type $sub)
        (i32.sub (i32.sub (local.get 0) (local.get 3))
            (i32.add (i32x4.extract_lane 3 (local.get 1)) (i32.wrap_i64 (local.get 2)))))
    (func $two (param i32 v128) (result v128 i32) (local.get 1) (local.get 0))
    (func $throw (param i32 v128 i64) (throw $tag (local.get 0) (local.get 1) (local.get 2)))
    (func $many (result THOUSAND) CONSTANTS)"#;

/// Bodies of functions with parameters 0: i32, 1: i64, 2: v128, locals $i: i32, $j: i64, $v: v128 and an i32 as the
/// result, and what they return for 11, 22 and a vector of 3 to 6.
const SNIPPETS: &[(&str, i32)] = &[
    ("(i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.sub (local.get 0) (i32.wrap_i64 (local.get 1))))", 22),
    ("(i64.div_s (i64.mul (local.get 1) (i64.const 5_000_000_000)) (i64.const 1_000_000_000)) (i32.wrap_i64)", 110),
    ("(select (local.get 0) (i32.wrap_i64 (local.get 1)) (i32.eqz (local.get 0)))", 22),
    ("(i32x4.extract_lane 2 (select (local.get 2) (i32x4.splat (i32.const 9)) (i32.const 1)))", 5),
    (
        "(i32x4.extract_lane 1 (v128.bitselect (local.get 2) (i32x4.splat (i32.const 8)) (i32x4.splat (i32.const 5))))",
        12,
    ),
    (
        "(local.set $i (i32.add (local.get 0) (i32.const 1))) (local.set $v (local.get 2)) (local.set $j (local.get 1))
        (i32.add (local.tee $i (i32.mul (local.get $i) (local.get $i))) (i32.wrap_i64 (local.get $j)))
        (i32.add (i32x4.extract_lane 3 (local.get $v))) (i32.sub (local.get $i))",
        28,
    ),
    (
        "(local.get $i) (local.set $i (i32.const 70_000)) (local.get $i) (local.tee $i (i32.const 5))
            (i32.sub) (i32.sub)",
        -69_995,
    ),
    (
        "(local.set $v (i32x4.splat (local.get 0))) (local.get $v) (local.set $v (local.get 2))
        (i32x4.extract_lane 0 (i32x4.sub (local.get $v)))",
        8,
    ),
    (
        "(i32.store (i32.const 64) (local.get 0)) (i32.store8 (i32.const 65) (i32.const 1)) (i32.load (i32.const 64))",
        267,
    ),
    (
        "(v128.store (i32.const 8) (local.get 2)) (i32x4.extract_lane 3 (v128.load32_lane 3
        (i32.const 20) (i32x4.splat (i32.const 60)))) (i32.add (i32.load (i32.const 12)))",
        10,
    ),
    (
        "(i32.store (i32.const 4) (i32.const 11)) (i32.atomic.rmw.cmpxchg (i32.const 4) (local.get 0) (i32.const 9))
        (i32.shl (i32.const 8)) (i32.add (i32.load (i32.const 4)))",
        2825,
    ),
    ("(memory.fill (i32.const 1) (local.get 0) (i32.const 3)) (i32.load (i32.const 0))", 0x0b0b_0b00),
    (
        "(i64.add128 (local.get 1) (i64.const 1) (i64.const -1) (local.get 1)) (i64.shl (i64.const 8)) (i64.add)
        (i32.wrap_i64)",
        24 * 256 + 21,
    ),
    ("(call $sub (local.get 0) (local.get 2) (local.get 1) (i32.const 1))", -18),
    ("(call_indirect (type $sub) (local.get 0) (local.get 2) (local.get 1) (i32.const 1) (i32.const 3))", -18),
    (
        "(call_indirect (type $sub) (i32.load (i32.const 1000)) (local.get 2) (local.get 1) (local.get 0)
        (i32.sub (local.get 0) (i32.const 8)))",
        -39,
    ),
    (
        "(call_ref $sub (local.get 0) (local.get 2) (local.get 1) (i32.const 2)
        (ref.cast (ref $sub) (table.get $table (i32.const 3))))",
        -19,
    ),
    ("(return_call $sub (local.get 0) (local.get 2) (local.get 1) (i32.const 2))", -19),
    (
        "(return_call_indirect (type $sub) (i32.load (i32.const 1000)) (local.get 2) (local.get 1) (local.get 0)
        (i32.sub (local.get 0) (i32.const 8)))",
        -39,
    ),
    (
        "(return_call_ref $sub (local.get 0) (local.get 2) (i64.load (i32.const 1000)) (i32.const 2)
        (ref.cast (ref $sub) (table.get $table (i32.const 3))))",
        3,
    ),
    ("(call $two (local.get 0) (local.get 2)) (local.set $i) (i32x4.extract_lane 1) (i32.sub (local.get $i))", -7),
    (
        "(local.get 0) (local.get 2) (if (param i32 v128) (result v128 i32) (i64.eqz (local.get 1))
            (then (unreachable)) (else (local.set $v) (local.set $i) (local.get $v) (local.get $i)))
        (i32.mul (i32.const 2)) (local.set $i) (i32x4.extract_lane 0) (i32.sub (local.get $i))",
        -19,
    ),
    (
        "(block $b (result v128 i32) (i32.const 1) (local.get 2) (local.get 0)
            (br_if $b (i32.lt_s (local.get 0) (i32.const 12))) (unreachable))
        (local.set $i) (i32x4.extract_lane 0) (i32.sub (local.get $i))",
        -8,
    ),
    (
        "(block $a (result v128 i32) (block $b (result v128 i32) (i32.const 1) (local.get 2) (local.get 0)
            (br_table $b $a $b (i32.sub (local.get 0) (i32.const 10)))) (unreachable))
        (local.set $i) (i32x4.extract_lane 0) (i32.sub (local.get $i))",
        -8,
    ),
    (
        "(i32.const 0) (local.get 2) (loop $l (param i32 v128) (result i32) (local.set $v) (local.set $i)
            (i32.add (local.get $i) (i32.const 1)) (i32x4.add (local.get $v) (local.get 2))
            (br_if $l (i32.lt_s (local.get $i) (local.get 0))) (i32x4.extract_lane 3) (i32.add))",
        90,
    ),
    (
        "(block $h (result i32 v128 i64) (try_table (catch $tag $h)
            (call $throw (local.get 0) (local.get 2) (local.get 1))) (unreachable))
        (i32.wrap_i64) (local.set $i) (i32x4.extract_lane 2) (i32.add) (i32.sub (local.get $i))",
        -6,
    ),
    (
        "try (result i32) try (result i32) (throw $tag (local.get 0) (local.get 2) (local.get 1))
        catch $tag (drop) (drop) (drop) rethrow 0 end
        catch $tag (i32.wrap_i64) (local.set $i) (i32x4.extract_lane 2) (i32.add) (i32.sub (local.get $i)) end",
        -6,
    ),
    ("(struct.new $pair (local.get 0) (local.get 2) (local.get 1)) (struct.get $pair 1) (i32x4.extract_lane 1)", 4),
    (
        "(local.set $i (i32.const 2)) (array.new_fixed $array 3 (local.get 0) (i32.const 1) (local.get $i))
        (array.get $array (local.get $i)) (i32.add (array.len (array.new $array (i32.const 7) (local.get 0))))",
        13,
    ),
    (
        "(global.set $g (array.new $array (i32.const 7) (i32.const 4)))
        (array.copy $array $array (global.get $g) (i32.const 1) (array.new $array (local.get 0) (i32.const 9))
            (i32.const 3) (i32.const 2)) (array.get $array (global.get $g) (i32.const 2))",
        11,
    ),
    (
        "(block $b (result (ref $pair)) (i32.const 1) (struct.new $pair (local.get 0) (local.get 2) (local.get 1))
            (br_on_cast $b anyref (ref $pair)) (unreachable)) (struct.get $pair 0)",
        11,
    ),
    ("(block $b (result i32) (local.get 0) (ref.null any) (br_on_null $b) (unreachable))", 11),
    (
        "(block $b (result i32 (ref any)) (i32.const 7) (local.get 0) (ref.i31 (i32.const 3)) (br_on_non_null $b)
        (unreachable)) (ref.cast (ref i31)) (i31.get_s) (i32.sub)",
        8,
    ),
    ("(return (i32.add (local.get 0) (i32.const 2)))", 13),
];

/// Returns the results of the snippets in functions with so many slots before their locals and before their operands.
fn results(locals: usize, operands: usize) -> Vec<i32> {
    let mut text = MODULE.replace("THOUSAND", &"i32 ".repeat(1000));
    let constants: String = (0..1000).map(|value| format!("(i32.const {value})")).collect();
    text = text.replace("CONSTANTS", &constants) + "(global $g (mut (ref null $array)) (ref.null $array))";
    let filler = format!("(local {} {})", "v128 ".repeat(locals / 2), "i64 ".repeat(locals % 2));
    let below = "(call $many)".repeat(operands / 1000) + &"(i32.const 1)".repeat(operands % 1000);
    for (number, (snippet, _)) in SNIPPETS.iter().enumerate() {
        text += &format!(
            "(func (export \"f{number}\") (param i32 i64 v128) (result i32) {filler}
                (local $i i32) (local $j i64) (local $v v128) {below} {snippet} (return))"
        );
    }
    let (mut store, instance) = instance(&format!("(module {text})"));
    let arguments = [Val::I32(11), Val::I64(22), Val::V128(6 << 96 | 5 << 64 | 4 << 32 | 3)];
    let run = |number| call_any(&mut store, instance, &format!("f{number}"), &arguments);
    (0..SNIPPETS.len())
        .map(run)
        .map(|results: Result<Vec<Val>, _>| results.expect("no trap")[0].i32().expect("an i32"))
        .collect()
}

#[test]
fn instructions_reach_all_operands_and_locals() {
    let expected: Vec<i32> = SNIPPETS.iter().map(|&(_, result)| result).collect();
    assert_eq!(results(0, 0), expected);
    // Around the end of what registers can name, with numbers and vectors on both sides.
    for slots in [65_512, 65_517, 65_519, 65_523, 65_535, 70_001] {
        assert_eq!(results(slots, 0), expected, "after {slots} slots of locals");
        assert_eq!(results(0, slots), expected, "after {slots} operands");
    }
}

/// Each operand and each local has a value of its own.
#[test]
fn no_instruction_changes_what_it_does_not_name() {
    let constants: String = (0..1000).map(|value| format!("(i32.const {value})")).collect();
    let text = format!(
        "(module
            (func $many (result {}) {constants})
            (func (export \"operands\") (result i32) {} {})
            (func (export \"locals\") (result i32) (local {})
                {}
                (i32.const 0) {}))",
        "i32 ".repeat(1000),
        "(call $many)".repeat(67),
        "(i32.add)".repeat(66_999),
        "v128 ".repeat(33_000),
        (0..33_000).map(|local| format!("(local.set {local} (i32x4.splat (i32.const {local})))")).collect::<String>(),
        (0..33_000).map(|local| format!("(i32.add (i32x4.extract_lane 3 (local.get {local})))")).collect::<String>(),
    );
    let (mut store, instance) = instance(&text);
    let mut sum = |name| call_any(&mut store, instance, name, &[]).unwrap()[0].i32().unwrap();
    assert_eq!(sum("operands"), 67 * 499_500);
    assert_eq!(sum("locals"), 33_000 * 32_999 / 2);
}
