;;! features: 2.0, wide-arithmetic
;; Carries and borrows between the halves of 128 bits, and signed and unsigned products, also with operands that are
;; constants for the compiler.

(module
  (func (export "add") (param i64 i64 i64 i64) (result i64 i64)
    (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func (export "sub") (param i64 i64 i64 i64) (result i64 i64)
    (i64.sub128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func (export "mul_s") (param i64 i64) (result i64 i64) (i64.mul_wide_s (local.get 0) (local.get 1)))
  (func (export "mul_u") (param i64 i64) (result i64 i64) (i64.mul_wide_u (local.get 0) (local.get 1)))
  (func (export "high") (param i64) (result i64)
    (local $high i64)
    (i64.mul_wide_u (local.get 0) (i64.const 10))
    (local.set $high) (drop) (local.get $high))
  (func (export "known") (result i64 i64)
    (i64.sub128 (i64.const 0) (i64.const 0) (i64.const 1) (i64.const 0))))

(assert_return (invoke "add" (i64.const -1) (i64.const 5) (i64.const 1) (i64.const 7)) (i64.const 0) (i64.const 13))
(assert_return (invoke "add" (i64.const -1) (i64.const -1) (i64.const -1) (i64.const -1)) (i64.const -2) (i64.const -1))
(assert_return (invoke "sub" (i64.const 0) (i64.const 5) (i64.const 1) (i64.const 7)) (i64.const -1) (i64.const -3))
(assert_return (invoke "sub" (i64.const 3) (i64.const 0) (i64.const 3) (i64.const 0)) (i64.const 0) (i64.const 0))
(assert_return (invoke "mul_s" (i64.const -2) (i64.const 3)) (i64.const -6) (i64.const -1))
(assert_return (invoke "mul_u" (i64.const -2) (i64.const 3)) (i64.const -6) (i64.const 2))
(assert_return (invoke "mul_s" (i64.const 0x8000_0000_0000_0000) (i64.const 0x8000_0000_0000_0000))
  (i64.const 0) (i64.const 0x4000_0000_0000_0000))
(assert_return (invoke "mul_s" (i64.const 0x8000_0000_0000_0000) (i64.const -1))
  (i64.const 0x8000_0000_0000_0000) (i64.const 0))
(assert_return (invoke "mul_u" (i64.const -1) (i64.const -1)) (i64.const 1) (i64.const -2))
(assert_return (invoke "high" (i64.const -1)) (i64.const 9))
(assert_return (invoke "known") (i64.const -1) (i64.const -1))
