;;! features: 2.0, memory64, multi-memory
;; Growth, size and bulk operations of 64-bit memories, and copies between 32-bit and 64-bit memories, whose length
;; operand has 32 bits.

(module $M
  (memory $wide (export "wide") i64 1 3)
  (memory $narrow (export "narrow") 1 3)
  (data $passive "0123456789")
  (data (memory $wide) (i64.const 65530) "tail")
  (func (export "size") (result i64) (memory.size $wide))
  (func (export "grow") (param i64) (result i64) (memory.grow $wide (local.get 0)))
  (func (export "fill") (param i64 i32 i64) (memory.fill $wide (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param i64 i32 i32) (memory.init $wide $passive (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i64 i64 i64) (memory.copy $wide $wide (local.get 0) (local.get 1) (local.get 2)))
  (func (export "narrow-to-wide") (param i64 i32 i32)
    (memory.copy $wide $narrow (local.get 0) (local.get 1) (local.get 2)))
  (func (export "wide-to-narrow") (param i32 i64 i32)
    (memory.copy $narrow $wide (local.get 0) (local.get 1) (local.get 2)))
  (func (export "wide8") (param i64) (result i32) (i32.load8_u $wide (local.get 0)))
  (func (export "narrow8") (param i32) (result i32) (i32.load8_u $narrow (local.get 0))))

(assert_return (invoke "wide8" (i64.const 65533)) (i32.const 108))
(assert_return (invoke "size") (i64.const 1))
(assert_return (invoke "grow" (i64.const 3)) (i64.const -1))
(assert_return (invoke "grow" (i64.const -1)) (i64.const -1))
(assert_return (invoke "grow" (i64.const 0x1_0000_0000)) (i64.const -1))
(assert_return (invoke "grow" (i64.const 0x1_0000_0000_0000)) (i64.const -1))
(assert_return (invoke "grow" (i64.const 1)) (i64.const 1))
(assert_return (invoke "size") (i64.const 2))

(assert_return (invoke "fill" (i64.const 131068) (i32.const 0x155) (i64.const 4)))
(assert_return (invoke "wide8" (i64.const 131071)) (i32.const 0x55))
(assert_trap (invoke "fill" (i64.const 131068) (i32.const 1) (i64.const 5)) "out of bounds memory access")
(assert_trap (invoke "fill" (i64.const 8) (i32.const 1) (i64.const -8)) "out of bounds memory access")
(assert_trap (invoke "fill" (i64.const 0x1_0000_0000) (i32.const 1) (i64.const 0)) "out of bounds memory access")
(assert_return (invoke "fill" (i64.const 131072) (i32.const 1) (i64.const 0)))

(assert_return (invoke "init" (i64.const 0) (i32.const 2) (i32.const 8)))
(assert_return (invoke "wide8" (i64.const 7)) (i32.const 57))
(assert_trap (invoke "init" (i64.const 0x1_0000_0000) (i32.const 0) (i32.const 1)) "out of bounds memory access")
(assert_trap (invoke "init" (i64.const 0) (i32.const 2) (i32.const 9)) "out of bounds memory access")

(assert_return (invoke "copy" (i64.const 1) (i64.const 0) (i64.const 8)))
(assert_return (invoke "wide8" (i64.const 8)) (i32.const 57))
(assert_trap (invoke "copy" (i64.const 0) (i64.const -1) (i64.const 2)) "out of bounds memory access")
(assert_trap (invoke "copy" (i64.const -1) (i64.const 0) (i64.const 2)) "out of bounds memory access")

(assert_return (invoke "wide-to-narrow" (i32.const 65526) (i64.const 0) (i32.const 10)))
(assert_return (invoke "narrow8" (i32.const 65534)) (i32.const 57))
(assert_trap (invoke "wide-to-narrow" (i32.const 65527) (i64.const 0) (i32.const 10)) "out of bounds memory access")
(assert_trap (invoke "wide-to-narrow" (i32.const 0) (i64.const 0x1_0000_0000) (i32.const 1))
  "out of bounds memory access")
;; As a 32-bit length, -1 is 4 GiB less one byte.
(assert_trap (invoke "wide-to-narrow" (i32.const 0) (i64.const 0) (i32.const -1)) "out of bounds memory access")
(assert_return (invoke "narrow-to-wide" (i64.const 131062) (i32.const 65526) (i32.const 10)))
(assert_return (invoke "wide8" (i64.const 131070)) (i32.const 57))
(assert_trap (invoke "narrow-to-wide" (i64.const -1) (i32.const 0) (i32.const 1)) "out of bounds memory access")

;; A 32-bit and a 64-bit memory do not match in imports, whatever their sizes.
(register "m" $M)
(module (import "m" "wide" (memory i64 2 3)) (import "m" "narrow" (memory 1 3)))
(assert_unlinkable (module (import "m" "wide" (memory 1 3))) "incompatible import type")
(assert_unlinkable (module (import "m" "narrow" (memory i64 1 3))) "incompatible import type")
(assert_unlinkable (module (import "m" "wide" (memory i64 3))) "incompatible import type")

;; An active segment's offset has 64 bits.
(assert_trap (module (memory i64 1) (data (i64.const 0x1_0000_0000) "x")) "out of bounds memory access")
(assert_trap (module (memory i64 1) (data (i64.const -1) "x")) "out of bounds memory access")
