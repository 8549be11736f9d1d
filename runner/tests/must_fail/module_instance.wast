;; fails 16: there is no module $N
;; fails 19: expected [i32 2], got [i32 1]
(module $M
  (func (export "one") (result i32) (i32.const 1))
  (func (export "two") (result i32 i32) (i32.const 1) (i32.const 2))
  (func (export "id-f32") (param f32) (result f32) (local.get 0))
  (func (export "id-f64") (param f64) (result f64) (local.get 0))
  (func (export "id-v128") (param v128) (result v128) (local.get 0))
  (func (export "id-extern") (param externref) (result externref) (local.get 0))
  (func (export "null-func") (result funcref) (ref.null func))
  (func $f (export "self") (result funcref) (ref.func $f))
  (func (export "nothing"))
  (func (export "divide") (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
  (func $r (export "forever") (call $r))
  (global (export "g") i32 (i32.const 7)))
(module instance $I $N)
(module definition $Two (func (export "one") (result i32) (i32.const 2)))
(module instance $M)
(assert_return (invoke "one") (i32.const 2))
