;; Lists: one of 20,000 cells lives as long as the run, while n lists of 100 cells come and go. Each of them replaces a
;; cell of the long one, so that old objects refer to new ones.
(module
  (type $cell (struct (field $value (mut i64)) (field $next (mut (ref null $cell)))))
  (func $list (param $length i32) (result (ref null $cell))
    (local $list (ref null $cell))
    (loop $next
      (local.set $list (struct.new $cell (i64.extend_i32_u (local.get $length)) (local.get $list)))
      (br_if $next (local.tee $length (i32.sub (local.get $length) (i32.const 1)))))
    (local.get $list))
  (func $sum (param $list (ref null $cell)) (result i64)
    (local $sum i64)
    (block $end
      (loop $next
        (br_if $end (ref.is_null (local.get $list)))
        (local.set $sum (i64.add (local.get $sum) (struct.get $cell $value (local.get $list))))
        (local.set $list (struct.get $cell $next (local.get $list)))
        (br $next)))
    (local.get $sum))
  (func (export "run") (param $n i32) (result i64)
    (local $long (ref null $cell)) (local $at (ref null $cell)) (local $new (ref null $cell)) (local $sum i64)
    (local.set $long (call $list (i32.const 20000)))
    (local.set $at (local.get $long))
    (loop $next
      (local.set $new (call $list (i32.const 100)))
      (local.set $sum (i64.add (local.get $sum) (call $sum (local.get $new))))
      ;; The first new cell takes the place of the one after $at.
      (struct.set $cell $next (local.get $new)
        (struct.get $cell $next (ref.as_non_null (struct.get $cell $next (local.get $at)))))
      (struct.set $cell $next (local.get $at) (local.get $new))
      (local.set $at (local.get $new))
      (if (ref.is_null (struct.get $cell $next (local.get $at)))
        (then (local.set $at (local.get $long))))
      (if (ref.is_null (struct.get $cell $next (ref.as_non_null (struct.get $cell $next (local.get $at)))))
        (then (local.set $at (local.get $long))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.add (local.get $sum) (call $sum (local.get $long)))))
