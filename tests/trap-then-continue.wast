;; A store works after a trap: instances, call stack and host calls, many times over.

(module $M
  (import "host" "call" (func $host-call (param funcref)))
  (elem declare func $boom)
  (global $count (mut i32) (i32.const 0))
  (func $boom (global.set $count (i32.add (global.get $count) (i32.const 1))) (unreachable))
  (func (export "boom") (call $host-call (ref.func $boom)))
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add
        (call $fib (i32.sub (local.get 0) (i32.const 1)))
        (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "count") (result i32) (global.get $count)))

(assert_trap (invoke "boom") "unreachable")
(assert_return (invoke "fib" (i32.const 20)) (i32.const 6765))
(assert_trap (invoke "boom") "unreachable")
(assert_trap (invoke "boom") "unreachable")
(assert_return (invoke "fib" (i32.const 20)) (i32.const 6765))
(assert_return (invoke "count") (i32.const 3))
