;;! features: 2.0
;; The condition of a `select` keeps its meaning where it is the operand that another `select` always chooses, or where
;; something is dropped between the condition and the `select`.

(module
  (func (export "second") (param i32 i64) (result i32)
    i32.const 0 i32.const 1
    (i64.gt_s (i64.const -1) (local.get 1)) (i32.eqz (local.get 0)) i32.const 0 select
    select)
  (func (export "first") (param i32 i64) (result i32)
    i32.const 0 i32.const 1
    (i32.eqz (local.get 0)) (i64.gt_s (i64.const -1) (local.get 1)) i32.const 1 select
    select)
  (func (export "dropped") (param i32) (result i32)
    i32.const 0 i32.const 1 (i32.eqz (local.get 0)) local.get 0 drop select)
  (func (export "64") (param i32 i64) (result i32)
    i32.const 0 i32.const 1
    (i64.gt_s (i64.const -1) (local.get 1)) (i64.eqz (i64.extend_i32_u (local.get 0))) i32.const 0 select
    select))

(assert_return (invoke "second" (i32.const 1) (i64.const 0)) (i32.const 1))
(assert_return (invoke "second" (i32.const 0) (i64.const 0)) (i32.const 0))
(assert_return (invoke "first" (i32.const 1) (i64.const 0)) (i32.const 1))
(assert_return (invoke "first" (i32.const 0) (i64.const 0)) (i32.const 0))
(assert_return (invoke "dropped" (i32.const 1)) (i32.const 1))
(assert_return (invoke "dropped" (i32.const 0)) (i32.const 0))
(assert_return (invoke "64" (i32.const 1) (i64.const 0)) (i32.const 1))
(assert_return (invoke "64" (i32.const 0) (i64.const 0)) (i32.const 0))
