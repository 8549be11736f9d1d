;; A comparison as the condition of a `select` keeps its meaning, and the operands keep their order.

(module $M
  (func (export "eqz") (param i32) (result i32)
    (select (i32.const 1) (local.get 0) (i32.eqz (local.get 0))))
  (func (export "eqz-swapped") (param i32) (result i32)
    (select (local.get 0) (i32.const 1) (i32.eqz (local.get 0))))
  (func (export "eqz-64") (param i64) (result i64)
    (select (i64.const 1) (local.get 0) (i64.eqz (local.get 0))))
  (func (export "ne") (param i32) (result i32)
    (select (i32.const 1) (local.get 0) (i32.ne (local.get 0) (i32.const 0))))
  (func (export "eqz-twice") (param i32) (result i32)
    (select (i32.const 1) (local.get 0) (i32.eqz (i32.eqz (local.get 0))))))

(assert_return (invoke "eqz" (i32.const 5)) (i32.const 5))
(assert_return (invoke "eqz" (i32.const 0)) (i32.const 1))
(assert_return (invoke "eqz-swapped" (i32.const 5)) (i32.const 1))
(assert_return (invoke "eqz-swapped" (i32.const 0)) (i32.const 0))
(assert_return (invoke "eqz-64" (i64.const 5)) (i64.const 5))
(assert_return (invoke "eqz-64" (i64.const 0)) (i64.const 1))
(assert_return (invoke "ne" (i32.const 5)) (i32.const 1))
(assert_return (invoke "ne" (i32.const 0)) (i32.const 0))
(assert_return (invoke "eqz-twice" (i32.const 5)) (i32.const 1))
(assert_return (invoke "eqz-twice" (i32.const 0)) (i32.const 0))
