;; Memory-bound: n reads and writes all over 8 MiB, in an order that no cache predicts.
(module
  (memory 128)
  (func (export "run") (param $n i32) (result i64)
    (local $random i32) (local $at i32) (local $sum i64)
    (loop $next
      (local.set $random
        (i32.add (i32.mul (local.get $random) (i32.const 1664525)) (i32.const 1013904223)))
      (local.set $at (i32.and (i32.shr_u (local.get $random) (i32.const 8)) (i32.const 0x7fffe0)))
      (local.set $sum
        (i64.add
          (local.get $sum)
          (i64.xor (i64.load offset=8 (local.get $at)) (i64.extend_i32_u (local.get $random)))))
      (i64.store offset=8 (local.get $at) (local.get $sum))
      (i32.store8 offset=19 (local.get $at) (local.get $n))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))
