;; Calls across instances: a frame's function index counts in its own module, where imports come first.

(module $Callee
  (func $unused)
  (func $divide (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func $indirectly (export "indirectly") (param i32 i32) (result i32)
    (i32.add (i32.const 1) (call $divide (local.get 0) (local.get 1)))))
(register "callee" $Callee)

(module $Middle
  (import "spectest" "print" (func $print))
  (import "callee" "divide" (func $divide (param i32 i32) (result i32)))
  (import "callee" "indirectly" (func $indirectly (param i32 i32) (result i32)))
  (export "again" (func $divide))
  (func $once (export "once") (param i32 i32) (result i32)
    (call $print)
    (call $divide (local.get 0) (local.get 1)))
  (func $twice (export "twice") (param i32 i32) (result i32)
    (call $indirectly (call $once (local.get 0) (i32.const 1)) (local.get 1))))
(register "middle" $Middle)

(module $Top
  (import "middle" "twice" (func $twice (param i32 i32) (result i32)))
  (import "middle" "again" (func $again (param i32 i32) (result i32)))
  (func $down (export "down") (param $n i32) (result i32)
    (if (result i32) (local.get $n)
      (then (call $down (i32.sub (local.get $n) (i32.const 1))))
      (else (call $twice (i32.const 8) (local.get $n)))))
  (func (export "direct") (result i32) (call $again (i32.const 8) (i32.const 0))))

(assert_return (invoke $Middle "twice" (i32.const 8) (i32.const 2)) (i32.const 5))
(assert_trap (invoke $Callee "divide" (i32.const 8) (i32.const 0)) "integer divide by zero")
(assert_trap (invoke $Middle "again" (i32.const 8) (i32.const 0)) "integer divide by zero")
(assert_trap (invoke $Middle "once" (i32.const 8) (i32.const 0)) "integer divide by zero")
(assert_trap (invoke $Middle "twice" (i32.const 8) (i32.const 0)) "integer divide by zero")
(assert_trap (invoke $Top "direct") "integer divide by zero")
(assert_trap (invoke $Top "down" (i32.const 0)) "integer divide by zero")
(assert_trap (invoke $Top "down" (i32.const 5)) "integer divide by zero")
(assert_trap (invoke $Top "down" (i32.const 50)) "integer divide by zero")
