;; Which result a relaxed instruction has may differ between implementations, but not from one call to the next.
(module
  (global $operand (mut v128) (v128.const f32x4 nan 3e9 -3e9 -1.5))
  (func $signed (result v128) (i32x4.relaxed_trunc_f32x4_s (global.get $operand)))
  (func $unsigned (result v128) (i32x4.relaxed_trunc_f32x4_u (global.get $operand)))
  (func $select (result v128)
    (i64x2.relaxed_laneselect (v128.const i64x2 -1 -1) (v128.const i64x2 0 0) (global.get $operand)))
  (table funcref (elem $signed $unsigned $select))
  ;; Returns how many of the calls had another result than the first one.
  (func (export "different") (param $function i32) (param $calls i32) (result i32)
    (local $first v128) (local $count i32)
    (local.set $first (call_indirect (result v128) (local.get $function)))
    (loop $again
      (local.set $count (i32.add (local.get $count)
        (v128.any_true (v128.xor (local.get $first) (call_indirect (result v128) (local.get $function))))))
      (br_if $again (local.tee $calls (i32.sub (local.get $calls) (i32.const 1)))))
    (local.get $count)))
(assert_return (invoke "different" (i32.const 0) (i32.const 100_000)) (i32.const 0))
(assert_return (invoke "different" (i32.const 1) (i32.const 100_000)) (i32.const 0))
(assert_return (invoke "different" (i32.const 2) (i32.const 100_000)) (i32.const 0))
