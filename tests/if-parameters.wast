;;! features: 2.0
;; Operands below the parameters of an `if` survive both arms.

(module
  (func (export "block") (param i64 i32) (result i64)
    (local.get 0) (i64.const 1) (local.get 1)
    if (param i64) drop block end else drop end)
  (func (export "set") (param i64 i32) (result i64)
    (local.get 0) (i64.const 1) (local.get 1)
    if (param i64) drop (local.set 0 (i64.const 2)) else drop end)
  (func (export "branch") (param i64 i32) (result i64)
    (local.get 0) (i64.const 1) (local.get 1)
    if (param i64) drop (br_if 0 (local.get 1)) else drop end)
  ;; Leaves other numbers where an engine may keep values.
  (func (export "other") (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (i64.add (local.get 0) (i64.add (local.get 2) (i64.add (local.get 3) (i64.mul (local.get 5) (local.get 7)))))))

(invoke "other"
  (i64.const 91) (i64.const 92) (i64.const 93) (i64.const 94) (i64.const 95) (i64.const 96) (i64.const 97) (i64.const 98))
;; A different number each time, so that a leftover of an earlier call is not taken for the right one.
(assert_return (invoke "block" (i64.const 10) (i32.const 0)) (i64.const 10))
(assert_return (invoke "block" (i64.const 11) (i32.const 1)) (i64.const 11))
(assert_return (invoke "set" (i64.const 12) (i32.const 0)) (i64.const 12))
(assert_return (invoke "set" (i64.const 13) (i32.const 1)) (i64.const 13))
(assert_return (invoke "branch" (i64.const 14) (i32.const 0)) (i64.const 14))
(assert_return (invoke "branch" (i64.const 15) (i32.const 1)) (i64.const 15))
