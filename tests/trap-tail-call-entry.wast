;; The host calls a function with stack arguments, which tail-calls one without. The callee's frame starts higher than
;; the caller's did, in the caller's argument area. Its traps are still reported as traps.
;;! features: 2.0, tail-call

(module
  (type $many (func (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i32)))
  (memory 1)
  (func $divide (result i32) (i32.div_u (i32.const 7) (i32.load (i32.const 0))))
  (func $load (result i32) (i32.load (i32.const 65536)))
  (func $stop (result i32) unreachable)
  (func $deep (result i32) (i32.add (i32.const 1) (call $divide)))
  (func $seven (result i32) (i32.const 7))

  (func (export "divide") (type $many) (return_call $divide))
  (func (export "load") (type $many) (return_call $load))
  (func (export "stop") (type $many) (return_call $stop))
  (func (export "deep") (type $many) (return_call $deep))
  (func (export "seven") (type $many) (return_call $seven)))

(assert_trap (invoke "divide"
  (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8)
  (i64.const 9) (i64.const 10) (i64.const 11) (i64.const 12) (i64.const 13) (i64.const 14) (i64.const 15) (i64.const 16))
  "integer divide by zero")
(assert_trap (invoke "load"
  (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8)
  (i64.const 9) (i64.const 10) (i64.const 11) (i64.const 12) (i64.const 13) (i64.const 14) (i64.const 15) (i64.const 16))
  "out of bounds memory access")
(assert_trap (invoke "stop"
  (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8)
  (i64.const 9) (i64.const 10) (i64.const 11) (i64.const 12) (i64.const 13) (i64.const 14) (i64.const 15) (i64.const 16))
  "unreachable")
(assert_trap (invoke "deep"
  (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8)
  (i64.const 9) (i64.const 10) (i64.const 11) (i64.const 12) (i64.const 13) (i64.const 14) (i64.const 15) (i64.const 16))
  "integer divide by zero")
(assert_return (invoke "seven"
  (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8)
  (i64.const 9) (i64.const 10) (i64.const 11) (i64.const 12) (i64.const 13) (i64.const 14) (i64.const 15) (i64.const 16))
  (i32.const 7))
