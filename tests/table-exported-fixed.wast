;; A table that cannot grow and that its own module never writes may be written by others, if it is exported.
(module $A
  (table (export "table") 2 2 funcref)
  (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))
(register "A" $A)
(assert_trap (invoke $A "call" (i32.const 0)) "uninitialized element")

(module $B
  (import "A" "table" (table 2 2 funcref))
  (elem (i32.const 1) $seven)
  (func $seven (result i32) (i32.const 7))
  (func (export "set") (table.set (i32.const 0) (table.get (i32.const 1)))))
(assert_return (invoke $A "call" (i32.const 1)) (i32.const 7))
(invoke $B "set")
(assert_return (invoke $A "call" (i32.const 0)) (i32.const 7))
