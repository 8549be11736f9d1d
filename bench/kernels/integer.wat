;; Integer arithmetic: a xorshift generator whose values are mixed by multiplication, rotation and population count.
(module
  (func (export "run") (param $n i32) (result i64)
    (local $x i64) (local $mix i64)
    (local.set $x (i64.const 0x9e3779b97f4a7c15))
    (loop $next
      (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
      (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
      (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
      (local.set $mix
        (i64.add
          (i64.rotl (i64.mul (i64.xor (local.get $mix) (local.get $x)) (i64.const 0xc2b2ae3d27d4eb4f)) (i64.const 31))
          (i64.popcnt (local.get $x))))
      (local.set $mix
        (i64.add
          (local.get $mix)
          (i64.extend_i32_u
            (i32.div_u (i32.wrap_i64 (local.get $x)) (i32.or (i32.wrap_i64 (local.get $mix)) (i32.const 1))))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $mix)))
