;; The greatest common divisor, by Euclid. `compile.rs` and `run.rs` take it from one process to another.
(module $gcd
  (func (export "gcd") (param $a i64) (param $b i64) (result i64)
    (local $rest i64)
    (loop $again
      (if (i64.eqz (local.get $b)) (then (return (local.get $a))))
      (local.set $rest (i64.rem_u (local.get $a) (local.get $b)))
      (local.set $a (local.get $b))
      (local.set $b (local.get $rest))
      (br $again))
    (unreachable)))
