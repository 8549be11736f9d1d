;; A chain of `call_indirect`, each level in another function: the frames show the called functions, not table order.

(module $M
  (type $step (func (param i32) (result i32)))
  (table funcref (elem $c $a $b))
  (func $a (type $step) (call_indirect (type $step) (i32.add (local.get 0) (i32.const 1)) (i32.const 2)))
  (func $b (type $step) nop nop (call_indirect (type $step) (local.get 0) (i32.const 0)))
  (func $c (type $step) (i32.div_u (i32.const 1) (i32.sub (local.get 0) (i32.const 4))))
  (func $enter (export "enter") (param i32) (result i32)
    (i32.add
      (call_indirect (type $step) (local.get 0) (i32.const 1))
      (call_indirect (type $step) (i32.const 3) (i32.const 1)))))

(assert_trap (invoke "enter" (i32.const 3)) "integer divide by zero")
(assert_trap (invoke "enter" (i32.const 4)) "integer divide by zero")
