;; Effects before a trap stay, effects after it do not happen: memories, globals, tables, host calls.

(module $M
  (import "spectest" "print_i32" (func $print (param i32)))
  (memory 1)
  (table $t 2 externref)
  (global $g (mut i64) (i64.const 0))
  (func $effects (export "effects") (param $zero i32) (param $ref externref)
    (i32.store (i32.const 0) (i32.const 1))
    (global.set $g (i64.const 1))
    (table.set $t (i32.const 0) (local.get $ref))
    (call $print (i32.const 1))
    (drop (i32.div_u (i32.const 1) (local.get $zero)))
    (i32.store (i32.const 0) (i32.const 2))
    (global.set $g (i64.const 2))
    (table.set $t (i32.const 1) (local.get $ref))
    (call $print (i32.const 2)))
  (func (export "state") (result i32 i64 externref externref)
    (i32.load (i32.const 0)) (global.get $g) (table.get $t (i32.const 0)) (table.get $t (i32.const 1))))

(assert_trap (invoke "effects" (i32.const 0) (ref.extern 5)) "integer divide by zero")
(assert_return (invoke "state") (i32.const 1) (i64.const 1) (ref.extern 5) (ref.null extern))
(assert_return (invoke "effects" (i32.const 1) (ref.extern 6)))
(assert_return (invoke "state") (i32.const 2) (i64.const 2) (ref.extern 6) (ref.extern 6))
