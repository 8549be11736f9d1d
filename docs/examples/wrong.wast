;; A script with two mistakes, for the documents: a wrong expectation, and a trap of another kind.

(module $shop
  (func (export "total") (param $price i32) (param $count i32) (result i32)
    (i32.mul (local.get $price) (local.get $count)))
  (func $share (param $total i32) (param $people i32) (result i32)
    (i32.div_u (local.get $total) (local.get $people)))
  (func (export "split") (param $total i32) (param $people i32) (result i32)
    (call $share (local.get $total) (local.get $people))))

(assert_return (invoke "total" (i32.const 6) (i32.const 7)) (i32.const 42))
(assert_return (invoke "total" (i32.const 6) (i32.const 8)) (i32.const 42))
(assert_trap (invoke "split" (i32.const 9) (i32.const 0)) "integer overflow")
