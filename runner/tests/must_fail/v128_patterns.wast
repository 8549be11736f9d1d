;; fails 10: expected [v128 f32x4 0x3f800000
;; fails 12: expected [v128 f32x4 nan:canonical
;; fails 14: expected [v128 f32x4 nan:arithmetic
;; fails 16: expected [v128 f64x2 0x3ff0000000000000
;; fails 18: expected [v128 f64x2 nan:canonical
;; fails 19: expected [v128 f64x2 nan:arithmetic
;; One lane is not what is expected: another sign of zero, a payload, a signalling NaN.
(module
  (func (export "id") (param v128) (result v128) (local.get 0)))
(assert_return (invoke "id" (v128.const f32x4 1 1 0 1))
  (v128.const f32x4 1 1 -0 1))
(assert_return (invoke "id" (v128.const f32x4 nan -nan nan nan:0x400001))
  (v128.const f32x4 nan:canonical nan:canonical nan:canonical nan:canonical))
(assert_return (invoke "id" (v128.const f32x4 nan:0x200000 nan:0x400001 nan -nan))
  (v128.const f32x4 nan:arithmetic nan:arithmetic nan:arithmetic nan:arithmetic))
(assert_return (invoke "id" (v128.const f64x2 1 0))
  (v128.const f64x2 1 -0))
(assert_return (invoke "id" (v128.const f64x2 nan nan:0x8000000000001)) (v128.const f64x2 nan:canonical nan:canonical))
(assert_return (invoke "id" (v128.const f64x2 nan:0x4000000000000 nan)) (v128.const f64x2 nan:arithmetic nan:arithmetic))
