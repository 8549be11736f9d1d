;; Arithmetic in constant expressions, in globals and segment offsets, wraps.
;;! features: 2.0, extended-const
(module
  (import "spectest" "global_i32" (global $six i32))  ;; 666
  (global (export "narrow") i32
    (i32.mul (i32.add (global.get $six) (i32.const 1)) (i32.sub (i32.const 3) (i32.const 5))))
  (global (export "wraps") i32 (i32.add (i32.const 0x7fff_ffff) (i32.const 1)))
  (global (export "wide") i64
    (i64.sub (i64.mul (i64.const 0x1_0000_0000) (i64.const 0x1_0000_0000)) (i64.add (i64.const 1) (i64.const 2))))
  (memory 1)
  (data (i32.sub (i32.const 65536) (i32.const 2)) "ab")
  (table 4 funcref)
  (elem (i32.add (i32.const 1) (i32.const 2)) $f)
  (func $f (result i32) (i32.load8_u (i32.const 65535)))
  (func (export "last") (result i32) (call_indirect (result i32) (i32.const 3)))
)
(assert_return (get "narrow") (i32.const -1334))
(assert_return (get "wraps") (i32.const -0x8000_0000))
(assert_return (get "wide") (i64.const -3))
(assert_return (invoke "last") (i32.const 98))
(assert_trap
  (module (memory 1) (data (i32.add (i32.const 65535) (i32.const 1)) "x"))
  "out of bounds memory access")
(assert_invalid (module (global i32 (i32.add (i32.const 1) (i64.const 1)))) "type mismatch")
(assert_invalid (module (global i32 (i32.div_u (i32.const 1) (i32.const 1)))) "constant expression required")
