//! Bodies that are large in one respect. What is done for each part must not depend on the number of parts.

use crate::common::{call, instance};
use interpreter::ErrorKind;

#[test]
fn a_branch_table_names_a_hundred_thousand_labels() {
    const LABELS: usize = 100_000;
    let depths = (0..LABELS).rev().map(|depth| format!(" {depth}")).collect::<String>();
    let text = format!(
        "(module (func (export \"f\") (param i32) (result i32) {} i32.const 5 local.get 0 br_table {depths} {}))",
        "block (result i32) ".repeat(LABELS),
        "end i32.const 1 i32.add ".repeat(LABELS),
    );
    let (mut store, instance) = instance(&text);
    let results = [0, 1, 99_999, 100_000].map(|index| call::<_, i32, i32>(&mut store, instance, "f", index).unwrap());
    assert_eq!(results, [6, 7, 100_005, 100_005]);
}

#[test]
fn a_try_has_a_hundred_thousand_handlers() {
    let text = format!(
        "(module (tag $a) (tag $b) (func (export \"f\") (result i32)
            try (result i32) throw $b {} catch $b i32.const 7 catch_all i32.const 9 end))",
        "catch $a i32.const 8 ".repeat(100_000)
    );
    let (mut store, instance) = instance(&text);
    assert_eq!(call::<_, (), i32>(&mut store, instance, "f", ()).unwrap(), 7);
}

#[test]
fn throws_pass_by_regions_that_are_over() {
    let text = format!(
        "(module (tag $t) (func (export \"f\") (param $n i32) (result i32) (local $caught i32)
            {}
            loop $next
                block $handler
                    try_table (catch $t $handler) {} throw $t end
                end
                (local.set $caught (i32.add (local.get $caught) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $caught) (local.get $n)))
            end
            (local.get $caught)))",
        "try_table end ".repeat(60_000),
        "try_table (catch_all 0) end ".repeat(60_000),
    );
    let (mut store, instance) = instance(&text);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "f", 30_000).unwrap(), 30_000);
}

#[test]
fn handlers_are_found_through_deep_nesting() {
    let text = format!(
        "(module (tag $t) (tag $u) (func (export \"f\") (result i32)
            block $handler (result i32)
                block $inner
                    try_table (catch $t $inner) {} throw $t {} end
                    unreachable
                end
                i32.const 4
            end))",
        "block try_table (catch $u 0) ".repeat(20_000),
        "end end ".repeat(20_000),
    );
    let (mut store, instance) = instance(&text);
    assert_eq!(call::<_, (), i32>(&mut store, instance, "f", ()).unwrap(), 4);
}

/// A body of 300 kB that would become tens of millions of instructions.
#[test]
fn code_that_would_be_far_larger_than_its_body_is_refused() {
    let values = "i32 ".repeat(1000);
    let labels = 30_000;
    let text = format!(
        "(module (type $many (func (result {values})))
            (func (export \"f\") (param i32) {} {} local.get 0 br_table {} {}))",
        "block (type $many) ".repeat(labels),
        "i32.const 1 ".repeat(1000),
        (0..labels).map(|depth| format!("{depth} ")).collect::<String>(),
        "end ".repeat(labels) + &"drop ".repeat(1000),
    );
    let (mut store, instance) = instance(&text);
    let error = call::<_, i32, ()>(&mut store, instance, "f", 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("too large"), "{error}");
}

/// 2,000 functions in 280 kB, each of which would become 30,000 instructions.
#[test]
fn the_code_of_all_functions_together_has_a_limit() {
    let values = "i32 ".repeat(1000);
    let branches = "(br_if $b (local.get 0)) ".repeat(30);
    let function = format!(
        "(func (local i32) (block $b (type $many) (call $values) (call $values) {branches} (return)) (unreachable))"
    );
    let text = format!(
        "(module (type $many (func (result {values}))) (func $values (type $many) {}) {} (func (export \"f\") {}))",
        "i32.const 1 ".repeat(1000),
        function.repeat(2000),
        (1..=2000).map(|callee| format!("call {callee} ")).collect::<String>(),
    );
    let (mut store, instance) = instance(&text);
    let error = call::<_, (), ()>(&mut store, instance, "f", ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("too large"), "{error}");
}

#[test]
fn a_frame_that_is_far_too_large_is_refused() {
    let text = format!(
        "(module (func $many (result {}) {}) (func (export \"f\") {} unreachable))",
        "i32 ".repeat(1000),
        "i32.const 1 ".repeat(1000),
        "call $many ".repeat(5000),
    );
    let (mut store, instance) = instance(&text);
    let error = call::<_, (), ()>(&mut store, instance, "f", ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

#[test]
fn the_last_of_ten_thousand_fields_is_read_ten_thousand_times() {
    const FIELDS: usize = 10_000;
    let text = format!(
        "(module
            (type $s (struct {} (field $last (mut i32))))
            (func (export \"f\") (result i32) (local $s (ref null $s)) (local $sum i32)
                (local.set $s (struct.new_default $s))
                (struct.set $s $last (local.get $s) (i32.const 3))
                {}
                (local.get $sum)))",
        "(field v128) (field i8)".repeat((FIELDS - 1) / 2),
        "(local.set $sum (i32.add (local.get $sum) (struct.get $s $last (local.get $s))))".repeat(FIELDS),
    );
    let (mut store, instance) = instance(&text);
    assert_eq!(call::<_, (), i32>(&mut store, instance, "f", ()).unwrap(), 30_000);
}
