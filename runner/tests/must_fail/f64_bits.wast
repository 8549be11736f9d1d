;; fails 3: expected [f64 1.0
(module (func (export "id") (param f64) (result f64) (local.get 0)))
(assert_return (invoke "id" (f64.const 0x1.0000000000001p+0)) (f64.const 1))
