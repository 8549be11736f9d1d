;; A small module: a function that the host calls, and two functions that call the host n times.
(module
  (type $binary (func (param i32 i32) (result i32)))
  (import "host" "typed" (func $typed (type $binary)))
  (import "host" "untyped" (func $untyped (type $binary)))
  (memory (export "memory") 1)
  (data (i32.const 16) "a small module")
  (table funcref (elem $typed $add))
  (func $add (export "add") (type $binary) (i32.add (local.get 0) (local.get 1)))
  (func (export "typed") (param $n i32) (result i64)
    (local $sum i32)
    (loop $next
      (local.set $sum (call $typed (local.get $sum) (local.get $n)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))
  (func (export "untyped") (param $n i32) (result i64)
    (local $sum i32)
    (loop $next
      (local.set $sum (call $untyped (local.get $sum) (local.get $n)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum))))
