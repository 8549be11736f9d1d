;; Operands are evaluated from left to right, before the instruction that takes them: the first that traps wins.

(module $M
  (memory 1)
  (func $zero (result i32) (i32.const 0))
  (func $stop (result i32) (unreachable))
  (func $take (param i32 i32) (unreachable))
  (func (export "argument") (call $take (i32.const 1) (i32.div_u (i32.const 1) (call $zero))))
  (func (export "left") (result i32) (i32.div_u (call $stop) (i32.load (i32.const -1))))
  (func (export "right") (result i32) (i32.load (i32.add (i32.const -1) (call $stop))))
  (func (export "both") (result i32) (i32.div_u (i32.load (i32.const -1)) (call $zero)))
  (func (export "store") (i32.store (i32.const -1) (i32.rem_u (i32.const 1) (call $zero))))
  (func (export "untaken") (param i32) (result i32)
    (if (result i32) (local.get 0) (then (i32.const 1)) (else (i32.div_u (i32.const 1) (call $zero))))))

(assert_trap (invoke "argument") "integer divide by zero")
(assert_trap (invoke "left") "unreachable")
(assert_trap (invoke "right") "unreachable")
(assert_trap (invoke "both") "out of bounds memory access")
(assert_trap (invoke "store") "integer divide by zero")
(assert_return (invoke "untaken" (i32.const 1)) (i32.const 1))
(assert_trap (invoke "untaken" (i32.const 0)) "integer divide by zero")
