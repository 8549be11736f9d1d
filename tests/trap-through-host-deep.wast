;; Every level of a recursion passes through the host, with a value in and out; locals survive the host call.

(module $M
  (import "host" "call_i32" (func $host-call (param funcref i32) (result i32)))
  (elem declare func $level)
  (func $level (export "level") (param $n i32) (result i32)
    (local $kept i32)
    (local.set $kept (i32.mul (local.get $n) (i32.const 3)))
    (if (i32.eqz (local.get $n)) (then (return (i32.const 100))))
    (if (i32.eq (local.get $n) (i32.const 1000)) (then (unreachable)))
    (i32.add
      (local.get $kept)
      (call $host-call (ref.func $level)
        (select (i32.const 1000) (i32.sub (local.get $n) (i32.const 1)) (i32.eq (local.get $n) (i32.const 101)))))))

(assert_return (invoke "level" (i32.const 0)) (i32.const 100))
(assert_return (invoke "level" (i32.const 5)) (i32.const 145))
(assert_trap (invoke "level" (i32.const 1000)) "unreachable")
(assert_trap (invoke "level" (i32.const 101)) "unreachable")
(assert_trap (invoke "level" (i32.const 105)) "unreachable")
(assert_trap (invoke "level" (i32.const 150)) "unreachable")
