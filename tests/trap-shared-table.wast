;; Two instances share a table: a function runs in the instance that defined it, whoever calls it.

(module $Owner
  (type $f (func (result i32)))
  (table (export "table") 3 funcref)
  (memory 1)
  (data (i32.const 0) "\01")
  (elem (i32.const 0) $load)
  (func $load (result i32) (i32.load8_u (i32.const 0)))
  (func $call (export "call") (param i32) (result i32) (call_indirect (type $f) (local.get 0))))
(register "owner" $Owner)

(module $Guest
  (type $g (func (param i64)))
  (type $f (func (result i32)))
  (import "owner" "table" (table 3 funcref))
  (memory 0)
  (elem (i32.const 1) $boom $typed)
  (func $boom (result i32) (i32.load8_u (i32.const 0)))
  (func $typed (param i64))
  (func $call (export "call") (param i32) (result i32) (call_indirect (type $f) (local.get 0))))

(assert_return (invoke $Owner "call" (i32.const 0)) (i32.const 1))
(assert_return (invoke $Guest "call" (i32.const 0)) (i32.const 1))
(assert_trap (invoke $Owner "call" (i32.const 1)) "out of bounds memory access")
(assert_trap (invoke $Guest "call" (i32.const 1)) "out of bounds memory access")
(assert_trap (invoke $Owner "call" (i32.const 2)) "indirect call type mismatch")
(assert_trap (invoke $Guest "call" (i32.const 2)) "indirect call type mismatch")
