;; Endless recursion ends in a trap, again and again, and the store works afterwards.

(module $M
  (global $depth (export "depth") (mut i32) (i32.const 0))
  (func $forever (export "forever") (call $forever))
  (func $counting (export "counting") (result i32)
    (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
    (i32.add (i32.const 1) (call $counting)))
  (func (export "deep-enough") (result i32) (i32.gt_u (global.get $depth) (i32.const 1000)))
  (func $down (export "down") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0)))))

(assert_exhaustion (invoke "forever") "call stack exhausted")
(assert_exhaustion (invoke "forever") "call stack exhausted")
(assert_exhaustion (invoke "counting") "call stack exhausted")
(assert_return (invoke "deep-enough") (i32.const 1))
(assert_return (invoke "down" (i32.const 1000)) (i32.const 1000))
