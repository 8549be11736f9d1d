;; A recursion that ends in `unreachable`: one frame per level, each at the recursive call, the first caller at its own.

(module $M
  (func $down (param $n i32)
    (if (i32.eqz (local.get $n)) (then (unreachable)))
    (call $down (i32.sub (local.get $n) (i32.const 1))))
  (func $enter (export "enter") (param $depth i32)
    nop
    (call $down (local.get $depth))))

(assert_trap (invoke "enter" (i32.const 0)) "unreachable")
(assert_trap (invoke "enter" (i32.const 5)) "unreachable")
(assert_trap (invoke "enter" (i32.const 50)) "unreachable")
