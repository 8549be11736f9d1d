;;! features: 1.0
;; The suites of before 2020 have assertions of their own for NaNs, which do not say the type of the result.

(module
  (func (export "add-f32") (param f32) (result f32) (f32.add (local.get 0) (f32.const 1)))
  (func (export "add-f64") (param f64) (result f64) (f64.add (local.get 0) (f64.const 1))))

(assert_return_canonical_nan (invoke "add-f32" (f32.const nan)))
(assert_return_canonical_nan (invoke "add-f64" (f64.const nan)))
(assert_return_arithmetic_nan (invoke "add-f32" (f32.const nan:0x200000)))
(assert_return_arithmetic_nan (invoke "add-f64" (f64.const nan:0x4000000000000)))
