;; Several kinds of traps in one expression, and on paths that a compiler moves out of line or merges.

(module $M
  (memory 1)
  (func $same (export "same") (param i32)
    (if (i32.eq (local.get 0) (i32.const 1)) (then (unreachable)))
    (if (i32.eq (local.get 0) (i32.const 2)) (then (unreachable)))
    (if (i32.eq (local.get 0) (i32.const 3)) (then (unreachable))))
  (func $mixed (export "mixed") (param $p i32) (param $d i32) (result i64)
    (i64.div_s
      (i64.extend_i32_s (i32.load (local.get $p)))
      (i64.trunc_f32_s (f32.div (f32.const 1) (f32.convert_i32_s (local.get $d))))))
  (func $arms (export "arms") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.div_u (local.get 0) (i32.sub (local.get 0) (i32.const 1))))
      (else (i32.div_u (local.get 0) (local.get 0))))))

(assert_trap (invoke "same" (i32.const 1)) "unreachable")
(assert_trap (invoke "same" (i32.const 2)) "unreachable")
(assert_trap (invoke "same" (i32.const 3)) "unreachable")
(assert_return (invoke "same" (i32.const 4)))
(assert_trap (invoke "mixed" (i32.const 65533) (i32.const 0)) "out of bounds memory access")
(assert_trap (invoke "mixed" (i32.const 0) (i32.const 0)) "integer overflow")
(assert_trap (invoke "mixed" (i32.const 0) (i32.const 2)) "integer divide by zero")
(assert_return (invoke "mixed" (i32.const 0) (i32.const 1)) (i64.const 0))
(assert_trap (invoke "arms" (i32.const 1)) "integer divide by zero")
(assert_trap (invoke "arms" (i32.const 0)) "integer divide by zero")
(assert_return (invoke "arms" (i32.const 2)) (i32.const 2))
