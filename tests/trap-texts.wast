;;! features: 1.0
;; A script may name a trap by the beginning of its official text, or by the words of another engine.

(module
  (memory 1)
  (func (export "stop") unreachable)
  (func (export "load") (drop (i32.load (i32.const 65533))))
  (func $deeper (export "deeper") (call $deeper)))

;; An empty text is any trap.
(assert_trap (invoke "stop") "")
(assert_trap (invoke "stop") "unreach")
(assert_trap (invoke "stop") "unreachable executed")
(assert_trap (invoke "stop") "wasm `unreachable` instruction executed")
(assert_trap (invoke "load") "memory access out of bounds")
(assert_trap (invoke "load") "out of bounds")
(assert_exhaustion (invoke "deeper") "")
