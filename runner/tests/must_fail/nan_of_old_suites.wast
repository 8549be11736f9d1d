;; fails 9: expected [either (f32 nan:canonical) (f64 nan:canonical)], got [f32
;; fails 10: expected [either (f32 nan:canonical) (f64 nan:canonical)], got [f64
;; fails 11: expected [either (f32 nan:arithmetic) (f64 nan:arithmetic)], got [f32
;; fails 12: expected [either (f32 nan:arithmetic) (f64 nan:arithmetic)], got [i32 1]
;; fails 13: the instance exports nothing named
(module
  (func (export "f32") (param f32) (result f32) (local.get 0)) (func (export "f64") (param f64) (result f64) (local.get 0))
  (func (export "i32") (result i32) (i32.const 1)))
(assert_return_canonical_nan (invoke "f32" (f32.const nan:0x400001)))
(assert_return_canonical_nan (invoke "f64" (f64.const 0)))
(assert_return_arithmetic_nan (invoke "f32" (f32.const nan:0x200000)))
(assert_return_arithmetic_nan (invoke "i32"))
(assert_return_canonical_nan (invoke "nothing"))
(assert_return_canonical_nan (invoke "f64" (f64.const -nan)))
