;;! features: 1.0
;; What scripts of before 2020, and those of other engines, say otherwise than the official ones.

(module
  (func (export "add-f32") (param f32) (result f32) (f32.add (local.get 0) (f32.const 1)))
  (func (export "add-f64") (param f64) (result f64) (f64.add (local.get 0) (f64.const 1)))
  (func (export "stop") unreachable)
  (func (export "load") (drop (i32.load (i32.const 65533))))
  (func $deeper (export "deeper") (call $deeper))
  (memory 1))

(assert_return_canonical_nan (invoke "add-f32" (f32.const nan)))
(assert_return_canonical_nan (invoke "add-f64" (f64.const nan)))
(assert_return_arithmetic_nan (invoke "add-f32" (f32.const nan:0x200000)))
(assert_return_arithmetic_nan (invoke "add-f64" (f64.const nan:0x4000000000000)))

;; An empty text is any trap.
(assert_trap (invoke "stop") "")
(assert_trap (invoke "stop") "unreach")
(assert_trap (invoke "stop") "unreachable executed")
(assert_trap (invoke "stop") "wasm `unreachable` instruction executed")
(assert_trap (invoke "load") "memory access out of bounds")
(assert_trap (invoke "load") "out of bounds")
(assert_exhaustion (invoke "deeper") "")
