;; fails 16: expected a suspension "unhandled", got [i32 1]
;; fails 17: expected a suspension "unhandled", got trap
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
(assert_suspension (invoke "one") "unhandled")
(assert_suspension (invoke "divide" (i32.const 0)) "unhandled")
