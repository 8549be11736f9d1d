;; wasm -> host -> wasm -> trap: the trace has the WebAssembly frames on both sides, but no host frames.

(module $M
  (import "host" "call" (func $host-call (param funcref)))
  (memory 1)
  (elem declare func $boom $middle)
  (func $boom (export "boom") (i32.store (i32.const -1) (i32.const 0)))
  (func $through (export "through") nop (call $host-call (ref.func $boom)))
  (func $middle (call $through))
  (func $twice (export "twice") (call $host-call (ref.func $middle)))
  (func $down (export "down") (param i32)
    (if (local.get 0)
      (then (call $down (i32.sub (local.get 0) (i32.const 1))))
      (else (call $twice)))))

(assert_trap (invoke "boom") "out of bounds memory access")
(assert_trap (invoke "through") "out of bounds memory access")
(assert_trap (invoke "twice") "out of bounds memory access")
(assert_trap (invoke "down" (i32.const 5)) "out of bounds memory access")
(assert_trap (invoke "down" (i32.const 50)) "out of bounds memory access")
