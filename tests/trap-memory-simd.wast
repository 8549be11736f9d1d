;; Vector loads and stores across the end of the memory: whole, extended, splatted, zero-filled, single lanes.

(module $M
  (memory 1)
  (func (export "load") (param i32) (result v128) (v128.load (local.get 0)))
  (func (export "load8x8_s") (param i32) (result v128) (v128.load8x8_s (local.get 0)))
  (func (export "load32_splat") (param i32) (result v128) (v128.load32_splat (local.get 0)))
  (func (export "load64_zero") (param i32) (result v128) (v128.load64_zero (local.get 0)))
  (func (export "load16_lane") (param i32) (result v128)
    (v128.load16_lane 7 (local.get 0) (v128.const i64x2 1 2)))
  (func (export "store") (param i32) (v128.store (local.get 0) (v128.const i64x2 -1 -1)))
  (func (export "store8_lane") (param i32) (v128.store8_lane offset=1 3 (local.get 0) (v128.const i64x2 -1 -1)))
  (func (export "sunk") (param i32) (result v128) (i32x4.add (v128.load (local.get 0)) (v128.const i64x2 1 1)))
  (func (export "last") (result i64) (i64.load (i32.const 65528))))

(assert_return (invoke "load" (i32.const 65520)) (v128.const i64x2 0 0))
(assert_trap (invoke "load" (i32.const 65521)) "out of bounds memory access")
(assert_trap (invoke "load8x8_s" (i32.const 65529)) "out of bounds memory access")
(assert_trap (invoke "load32_splat" (i32.const 65533)) "out of bounds memory access")
(assert_trap (invoke "load64_zero" (i32.const 65529)) "out of bounds memory access")
(assert_trap (invoke "load16_lane" (i32.const 65535)) "out of bounds memory access")
(assert_trap (invoke "store" (i32.const 65521)) "out of bounds memory access")
(assert_return (invoke "last") (i64.const 0))
(assert_trap (invoke "store8_lane" (i32.const 65535)) "out of bounds memory access")
(assert_trap (invoke "store8_lane" (i32.const -1)) "out of bounds memory access")
;; An unaligned vector operand does not trap, even if an instruction with a memory operand would need alignment.
(assert_return (invoke "sunk" (i32.const 65519)) (v128.const i64x2 1 1))
(assert_trap (invoke "sunk" (i32.const 65527)) "out of bounds memory access")
