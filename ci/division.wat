;; A division by zero below six frames of `down`. The gate runs it in a program with a compiler and in one without.
(module $division
  (func $divide (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1)))
  (func $down (export "down") (param $n i32) (param $by i32) (result i32)
    (if (result i32) (local.get $n)
      (then (call $down (i32.sub (local.get $n) (i32.const 1)) (local.get $by)))
      (else (call $divide (i32.const 10) (local.get $by))))))
