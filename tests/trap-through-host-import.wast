;; A host function as a re-exported import, and a trap in another instance that the host calls: first the frames and
;; indices of the other module, then the caller's.

(module $Lib
  (import "spectest" "print_i32" (func $print (param i32)))
  (export "print" (func $print))
  (func $zero (result i32) (i32.const 0))
  (func $fail (export "fail") (param i32) (result i32)
    (call $print (local.get 0))
    (i32.rem_u (local.get 0) (call $zero))))
(register "lib" $Lib)

(module $Main
  (import "host" "call_i32" (func $host-call (param funcref i32) (result i32)))
  (import "lib" "fail" (func $fail (param i32) (result i32)))
  (import "lib" "print" (func $print (param i32)))
  (elem declare func $fail)
  (func $run (export "run") (param i32) (result i32)
    (call $print (local.get 0))
    (call $host-call (ref.func $fail) (local.get 0)))
  (export "fail" (func $fail)))

(assert_return (invoke $Lib "print" (i32.const 1)))
(assert_trap (invoke $Main "fail" (i32.const 2)) "integer divide by zero")
(assert_trap (invoke $Main "run" (i32.const 3)) "integer divide by zero")
