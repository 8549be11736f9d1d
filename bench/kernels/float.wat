;; Floating point: points of the plane that stay bounded under z -> z^2 + c, n rows of 64, up to 100 steps each.
(module
  (func $steps (param $cr f64) (param $ci f64) (result i32)
    (local $r f64) (local $i f64) (local $rr f64) (local $ii f64) (local $step i32)
    (loop $next (result i32)
      (local.set $rr (f64.mul (local.get $r) (local.get $r)))
      (local.set $ii (f64.mul (local.get $i) (local.get $i)))
      (if (f64.gt (f64.add (local.get $rr) (local.get $ii)) (f64.const 4)) (then (return (local.get $step))))
      (local.set $i
        (f64.add (f64.mul (f64.mul (f64.const 2) (local.get $r)) (local.get $i)) (local.get $ci)))
      (local.set $r (f64.add (f64.sub (local.get $rr) (local.get $ii)) (local.get $cr)))
      (local.set $step (i32.add (local.get $step) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $step) (i32.const 100)))
      (local.get $step)))

  (func (export "run") (param $n i32) (result i64)
    (local $row i32) (local $column i32) (local $sum i64)
    (loop $rows
      (local.set $column (i32.const 64))
      (loop $columns
        (local.set $sum
          (i64.add
            (local.get $sum)
            (i64.extend_i32_u
              (call $steps
                (f64.sub
                  (f64.div (f64.mul (f64.convert_i32_u (local.get $column)) (f64.const 3)) (f64.const 64))
                  (f64.const 2))
                (f64.sub
                  (f64.div
                    (f64.mul (f64.convert_i32_u (local.get $row)) (f64.const 2))
                    (f64.convert_i32_u (local.get $n)))
                  (f64.const 1))))))
        (br_if $columns (local.tee $column (i32.sub (local.get $column) (i32.const 1)))))
      (br_if $rows
        (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 1))) (local.get $n))))
    (local.get $sum)))
