;; Tail calls of every kind: constant stack over ten million iterations, more arguments than the caller has, and no
;; frame of the caller in the backtrace.
;;! features: 2.0, tail-call
(module $tail
  (import "spectest" "print_i32" (func $print (param i32)))
  (type $count (func (param i64) (result i64)))
  (table funcref (elem $indirect $odd $wide))

  (func $direct (export "direct") (type $count)
    (if (result i64) (i64.eqz (local.get 0))
      (then (i64.const 42))
      (else (return_call $direct (i64.sub (local.get 0) (i64.const 1))))))

  (func $indirect (export "indirect") (type $count)
    (if (result i64) (i64.eqz (local.get 0))
      (then (i64.const 43))
      (else (return_call_indirect (type $count) (i64.sub (local.get 0) (i64.const 1)) (i32.const 0)))))

  (func $even (export "even") (param i64) (result i32)
    (if (result i32) (i64.eqz (local.get 0))
      (then (i32.const 1))
      (else (return_call $odd (i64.sub (local.get 0) (i64.const 1))))))
  (func $odd (param i64) (result i32)
    (if (result i32) (i64.eqz (local.get 0))
      (then (i32.const 0))
      (else (return_call $even (i64.sub (local.get 0) (i64.const 1))))))

  ;; The callee needs stack space for arguments, the caller does not.
  (func $wide (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (if (i64.eqz (local.get 0)) (then (return (i64.add (local.get 10) (local.get 11)))))
    (return_call $narrow (i64.sub (local.get 0) (i64.const 1)) (local.get 11)))
  (func $narrow (export "narrow") (param i64 i64) (result i64)
    (return_call $wide (local.get 0) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5)
      (i64.const 6) (i64.const 7) (i64.const 8) (i64.const 9) (i64.const 100) (i64.add (local.get 1) (i64.const 1))))

  ;; A tail call to a host function: no WebAssembly frame is left while it runs.
  (func (export "host") (return_call $print (i32.const 7)))

  (func $trap (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
  (func $gone (param i32) (result i32) (return_call $trap (local.get 0)))
  (func (export "stays") (param i32) (result i32) (i32.add (call $gone (local.get 0)) (i32.const 1)))
  (func (export "mismatch") (result i64) (return_call_indirect (type $count) (i64.const 1) (i32.const 1)))
  (func (export "outside") (result i64) (return_call_indirect (type $count) (i64.const 1) (i32.const 3)))
)

(assert_return (invoke "direct" (i64.const 10_000_000)) (i64.const 42))
(assert_return (invoke "indirect" (i64.const 10_000_000)) (i64.const 43))
(assert_return (invoke "even" (i64.const 10_000_000)) (i32.const 1))
(assert_return (invoke "even" (i64.const 10_000_001)) (i32.const 0))
(assert_return (invoke "narrow" (i64.const 1_000_000) (i64.const 5)) (i64.const 1_000_106))
(assert_return (invoke "host"))
(assert_return (invoke "stays" (i32.const 1)) (i32.const 2))
(assert_trap (invoke "stays" (i32.const 0)) "integer divide by zero")
(assert_trap (invoke "mismatch") "indirect call type mismatch")
(assert_trap (invoke "outside") "undefined element")
