;; A trap in the n-th iteration of a loop and of nested loops: state from earlier iterations stays.

(module $M
  (memory 1)
  (global $turns (mut i32) (i32.const 0))
  (func $walk (export "walk") (param $at i32) (param $step i32)
    (loop $again
      (i32.store (local.get $at) (i32.const 1))
      (global.set $turns (i32.add (global.get $turns) (i32.const 1)))
      (local.set $at (i32.add (local.get $at) (local.get $step)))
      (br $again)))
  (func $nested (export "nested") (param $n i32)
    (local $i i32) (local $j i32)
    (loop $outer
      (local.set $j (i32.const 0))
      (loop $inner
        (if (i32.eq (i32.add (i32.mul (local.get $i) (i32.const 10)) (local.get $j)) (local.get $n))
          (then (call $walk (i32.const 65536) (i32.const 0))))
        (br_if $inner (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (i32.const 10))))
      (br_if $outer (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10)))))
  (func (export "turns") (result i32) (global.get $turns) (global.set $turns (i32.const 0))))

(assert_trap (invoke "walk" (i32.const 0) (i32.const 4)) "out of bounds memory access")
(assert_return (invoke "turns") (i32.const 16384))
(assert_trap (invoke "walk" (i32.const 65526) (i32.const 3)) "out of bounds memory access")
(assert_return (invoke "turns") (i32.const 3))
(assert_trap (invoke "nested" (i32.const 57)) "out of bounds memory access")
(assert_return (invoke "nested" (i32.const 100)))
(assert_return (invoke "turns") (i32.const 0))
