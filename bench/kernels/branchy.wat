;; Branches: a machine of six instructions that interprets a program of sixteen, n steps, with jumps that depend on
;; pseudo-random bits.
(module
  (memory 1)
  (data (i32.const 0) "\00\01\02\05\03\00\04\05\01\02\02\05\04\03\00\05")
  (func (export "run") (param $n i32) (result i64)
    (local $pc i32) (local $a i32) (local $b i32) (local $seed i32)
    (local.set $seed (i32.const 1))
    (loop $next
      (block $done
        (block $jump
          (block $swap
            (block $double
              (block $subtract
                (block $add
                  (block $random
                    (br_table $random $add $subtract $double $swap $jump (i32.load8_u (local.get $pc))))
                  (local.set $seed
                    (i32.add (i32.mul (local.get $seed) (i32.const 1664525)) (i32.const 1013904223)))
                  (local.set $a (i32.shr_u (local.get $seed) (i32.const 8)))
                  (br $done))
                (local.set $b (i32.add (local.get $b) (local.get $a)))
                (br $done))
              (if (i32.gt_u (local.get $a) (local.get $b))
                (then (local.set $a (i32.sub (local.get $a) (local.get $b))))
                (else (local.set $b (i32.sub (local.get $b) (local.get $a)))))
              (br $done))
            (local.set $b (i32.shl (local.get $b) (i32.const 1)))
            (br $done))
          (local.set $a (i32.xor (local.get $a) (local.get $b)))
          (local.set $b (i32.xor (local.get $a) (local.get $b)))
          (br $done))
        (if (i32.and (local.get $a) (i32.const 16))
          (then (local.set $pc (i32.add (local.get $pc) (i32.and (local.get $a) (i32.const 7)))))))
      (local.set $pc (i32.and (i32.add (local.get $pc) (i32.const 1)) (i32.const 15)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.or
      (i64.extend_i32_u (local.get $a))
      (i64.shl (i64.extend_i32_u (local.get $b)) (i64.const 32)))))
