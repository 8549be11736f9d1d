;; An imported memory is the exporter's memory: writes, growth and bounds are visible on both sides, even during a call.

(module $Owner
  (memory (export "memory") 1 4)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "size") (result i32) (memory.size)))
(register "owner" $Owner)

(module $Guest
  (import "owner" "memory" (memory 1 4))
  (import "owner" "grow" (func $grow (param i32) (result i32)))
  (data (i32.const 8) "\2a")
  (func (export "grow-and-store") (param i32 i32) (result i32)
    (drop (call $grow (i32.const 1)))
    (i32.store (local.get 0) (local.get 1))
    (memory.size)))

(assert_return (invoke $Owner "load" (i32.const 8)) (i32.const 42))
(assert_return (invoke $Guest "grow-and-store" (i32.const 131068) (i32.const 7)) (i32.const 2))
(assert_return (invoke $Owner "load" (i32.const 131068)) (i32.const 7))
(assert_return (invoke $Owner "grow" (i32.const 3)) (i32.const -1))
(assert_return (invoke $Owner "grow" (i32.const 2)) (i32.const 2))
(assert_return (invoke $Owner "size") (i32.const 4))

;; Linking checks the current size, not the declared one.
(module (import "owner" "memory" (memory 4 4)))
(assert_unlinkable (module (import "owner" "memory" (memory 5))) "incompatible import type")
(assert_unlinkable (module (import "owner" "memory" (memory 1 3))) "incompatible import type")
