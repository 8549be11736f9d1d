;; A function that three modules re-export is still one function of the module that defined it.

(module $A
  (func)
  (func $f (export "f") (param i32) (result i32) (i32.div_s (i32.const 0x80000000) (local.get 0))))
(register "a" $A)
(module $B (import "a" "f" (func $renamed (param i32) (result i32))) (export "g" (func $renamed)))
(register "b" $B)
(module $C
  (import "b" "g" (func $again (param i32) (result i32)))
  (table (export "table") 1 funcref)
  (elem (i32.const 0) $again)
  (export "h" (func $again))
  (func $through (export "through") (param i32) (result i32)
    (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0))))

(assert_return (invoke $C "h" (i32.const 2)) (i32.const -1073741824))
(assert_trap (invoke $C "h" (i32.const -1)) "integer overflow")
(assert_trap (invoke $B "g" (i32.const 0)) "integer divide by zero")
(assert_trap (invoke $C "through" (i32.const -1)) "integer overflow")
