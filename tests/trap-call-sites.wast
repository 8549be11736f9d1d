;; One callee, called from many places in one function: the caller's offset tells which, even if code is merged.

(module $M
  (func $check (param i32) (if (local.get 0) (then (unreachable))))
  (func $sites (export "sites") (param $n i32)
    (call $check (i32.eq (local.get $n) (i32.const 0)))
    (call $check (i32.eq (local.get $n) (i32.const 1)))
    (block
      (br_if 0 (i32.eq (local.get $n) (i32.const 4)))
      (call $check (i32.eq (local.get $n) (i32.const 2))))
    (if (i32.eq (local.get $n) (i32.const 3))
      (then (call $check (i32.const 1)))
      (else (call $check (i32.const 1)))))
  (func $many (export "many") (param $n i32)
    (call $sites (local.get $n)) (call $sites (local.get $n)) (call $sites (local.get $n))))

(assert_trap (invoke "sites" (i32.const 0)) "unreachable")
(assert_trap (invoke "sites" (i32.const 1)) "unreachable")
(assert_trap (invoke "sites" (i32.const 2)) "unreachable")
(assert_trap (invoke "sites" (i32.const 3)) "unreachable")
(assert_trap (invoke "sites" (i32.const 4)) "unreachable")
(assert_trap (invoke "many" (i32.const 2)) "unreachable")
