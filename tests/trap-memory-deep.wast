;; Two functions call each other until one loads out of bounds: their frames alternate.

(module $M
  (memory 1 1)
  (func $even (param $n i32) (result i32)
    (if (result i32) (local.get $n)
      (then (i32.add (call $odd (i32.sub (local.get $n) (i32.const 1))) (i32.const 1)))
      (else (i32.load16_u offset=65535 (i32.const 0)))))
  (func $odd (param $n i32) (result i32)
    (if (i32.eqz (local.get $n)) (then (i64.store (i32.const 65530) (i64.const 1))))
    (i32.mul (i32.const 2) (call $even (i32.sub (local.get $n) (i32.const 1)))))
  (func $enter (export "enter") (param i32) (result i32) (call $even (local.get 0))))

(assert_trap (invoke "enter" (i32.const 0)) "out of bounds memory access")
(assert_trap (invoke "enter" (i32.const 4)) "out of bounds memory access")
(assert_trap (invoke "enter" (i32.const 5)) "out of bounds memory access")
(assert_trap (invoke "enter" (i32.const 50)) "out of bounds memory access")
