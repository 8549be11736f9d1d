;; Indirect calls: n calls of one of four functions through a table, in an order that is hard to predict.
(module
  (type $step (func (param i64) (result i64)))
  (table funcref (elem $add $multiply $shift $negate))
  (func $add (type $step) (i64.add (local.get 0) (i64.const 0x1234567)))
  (func $multiply (type $step) (i64.mul (local.get 0) (i64.const 0x5851f42d4c957f2d)))
  (func $shift (type $step) (i64.xor (local.get 0) (i64.shr_u (local.get 0) (i64.const 9))))
  (func $negate (type $step) (i64.sub (i64.const -3) (local.get 0)))
  (func (export "run") (param $n i32) (result i64)
    (local $x i64)
    (loop $next
      (local.set $x
        (call_indirect (type $step)
          (local.get $x)
          (i32.shr_u (i32.mul (local.get $n) (i32.const 0x9e3779b1)) (i32.const 30))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x)))
