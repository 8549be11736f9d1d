;; The least integer divided by -1 overflows; its remainder is 0 and does not.

(module $M
  (func (export "i32.div_s") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "i64.div_s") (param i64 i64) (result i64) (i64.div_s (local.get 0) (local.get 1)))
  (func (export "i32.rem_s") (param i32 i32) (result i32) (i32.rem_s (local.get 0) (local.get 1)))
  (func (export "i64.rem_s") (param i64 i64) (result i64) (i64.rem_s (local.get 0) (local.get 1)))
  (func (export "constant") (result i32) (i32.div_s (i32.const 0x80000000) (i32.const -1)))
  (func (export "by-minus-one") (param i64) (result i64) (i64.div_s (local.get 0) (i64.const -1)))
  (func $down (export "down") (param $n i32) (result i64)
    (if (i32.eqz (local.get $n))
      (then (return (i64.div_s (i64.const 0x8000000000000000) (i64.extend_i32_s (i32.sub (local.get $n) (i32.const 1)))))))
    (i64.mul (call $down (i32.sub (local.get $n) (i32.const 1))) (i64.const 3))))

(assert_trap (invoke "i32.div_s" (i32.const 0x80000000) (i32.const -1)) "integer overflow")
(assert_return (invoke "i32.div_s" (i32.const 0x80000001) (i32.const -1)) (i32.const 0x7fffffff))
(assert_trap (invoke "i64.div_s" (i64.const 0x8000000000000000) (i64.const -1)) "integer overflow")
(assert_return (invoke "i32.rem_s" (i32.const 0x80000000) (i32.const -1)) (i32.const 0))
(assert_return (invoke "i64.rem_s" (i64.const 0x8000000000000000) (i64.const -1)) (i64.const 0))
(assert_trap (invoke "constant") "integer overflow")
(assert_trap (invoke "by-minus-one" (i64.const 0x8000000000000000)) "integer overflow")
(assert_return (invoke "by-minus-one" (i64.const 5)) (i64.const -5))
(assert_trap (invoke "down" (i32.const 5)) "integer overflow")
(assert_trap (invoke "down" (i32.const 50)) "integer overflow")
