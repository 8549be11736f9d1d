;; Exhaustion through `call_indirect`, with arguments on the stack, and through two instances that call each other.

(module $A
  (type $many (func (param i64 i64 i64 i64 i64 i64 i64 i64 f64 f64) (result i64)))
  (table (export "table") 2 2 funcref)
  (elem (i32.const 0) $self)
  (func $self (type $many)
    (call_indirect (type $many)
      (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5)
      (local.get 6) (local.get 7) (local.get 0) (local.get 9) (local.get 8)
      (i32.const 0)))
  (func (export "self") (result i64)
    (call $self
      (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5)
      (i64.const 6) (i64.const 7) (i64.const 8) (f64.const 9) (f64.const 10)))
  (func (export "other") (call_indirect (i32.const 1))))
(register "A" $A)

(module $B
  (import "A" "other" (func $other))
  (import "A" "table" (table 2 2 funcref))
  (elem (i32.const 1) $back)
  (func $back (call $other))
  (func (export "start") (call $back)))

(assert_exhaustion (invoke $A "self") "call stack exhausted")
(assert_exhaustion (invoke $B "start") "call stack exhausted")
(assert_exhaustion (invoke $A "other") "call stack exhausted")
