;; A start function that traps in a callee, in an imported function, below a host frame, and deep in a recursion.

(module $Lib
  (memory 1)
  (func $read (export "read") (param i32) (result i32) (i32.load (local.get 0))))
(register "lib" $Lib)

(assert_trap
  (module
    (func $down (param i32)
      (if (i32.eqz (local.get 0)) (then (unreachable)))
      (call $down (i32.sub (local.get 0) (i32.const 1))))
    (func $start (call $down (i32.const 5)))
    (start $start))
  "unreachable")

(assert_trap
  (module
    (import "lib" "read" (func $read (param i32) (result i32)))
    (func $start (drop (call $read (i32.const 65533))))
    (start $start))
  "out of bounds memory access")

(assert_trap
  (module
    (import "host" "call" (func $host-call (param funcref)))
    (elem declare func $boom)
    (func $boom (drop (i32.trunc_f32_s (f32.const nan))))
    (func $start (call $host-call (ref.func $boom)))
    (start $start))
  "invalid conversion to integer")

;; An imported function can be the start function itself: then the importing module has no frame.
(module $Boom (func (export "boom") unreachable))
(register "boom" $Boom)
(assert_trap (module (import "boom" "boom" (func $boom)) (start $boom)) "unreachable")
