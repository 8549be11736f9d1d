;; A start function that traps: the frames are those of the instantiation, and earlier effects stay.

(module $Effects
  (memory (export "memory") 1)
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))
(register "effects" $Effects)

(assert_trap
  (module
    (func $start unreachable)
    (start $start))
  "unreachable")

(assert_trap
  (module
    (import "effects" "memory" (memory 1))
    (data (i32.const 10) "A")
    (func $write (i32.store8 (i32.const 11) (i32.const 66)))
    (func $start
      (call $write)
      (drop (i32.div_u (i32.const 1) (i32.const 0)))
      (i32.store8 (i32.const 12) (i32.const 67)))
    (start $start))
  "integer divide by zero")

(assert_return (invoke $Effects "load" (i32.const 10)) (i32.const 65))
(assert_return (invoke $Effects "load" (i32.const 11)) (i32.const 66))
(assert_return (invoke $Effects "load" (i32.const 12)) (i32.const 0))
