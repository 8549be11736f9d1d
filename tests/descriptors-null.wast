;;! features: 3.0, custom-descriptors
;; A null descriptor traps at the instruction that takes it, before the value is looked at, whether that value is null
;; or of another type. A null struct has no descriptor to get.

(module $m
  (rec
    (type $a (descriptor $a.desc) (struct (field i32)))
    (type $a.desc (describes $a) (struct))
  )

  (func $none (result (ref null (exact $a.desc))) (ref.null none))
  (func $some (result (ref null (exact $a.desc))) (struct.new $a.desc))
  (func $value (result (ref (exact $a))) (struct.new_desc $a (i32.const 1) (call $some)))

  (func $new (export "new") (result anyref) (struct.new_desc $a (i32.const 1) (call $none)))
  (func $new-default (export "new-default") (result anyref) (struct.new_default_desc $a (call $none)))
  (func $cast (export "cast") (result anyref) (ref.cast_desc_eq (ref $a) (call $value) (call $none)))
  (func $cast-null (export "cast-null") (result anyref)
    (ref.cast_desc_eq (ref null (exact $a)) (ref.null none) (call $none)))
  (func $cast-i31 (export "cast-i31") (result anyref)
    (ref.cast_desc_eq (ref null $a) (ref.i31 (i32.const 1)) (call $none)))
  (func $branch (export "branch") (result anyref)
    (br_on_cast_desc_eq 0 anyref (ref $a) (call $value) (call $none)))
  (func $branch-fail (export "branch-fail") (result anyref)
    (br_on_cast_desc_eq_fail 0 anyref (ref null $a) (ref.null none) (call $none)))
  (func $get (export "get") (param (ref null $a)) (result anyref) (ref.get_desc $a (local.get 0)))
  (func $get-exact (export "get-exact") (result anyref) (ref.get_desc $a (ref.null (exact $a))))
  (func $deep (export "deep") (param i32) (result anyref)
    (if (result anyref) (local.get 0)
      (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
      (else (call $new))))

  ;; The struct is not allocated before the trap: fields are evaluated first, then the descriptor.
  (global $made (mut i32) (i32.const 0))
  (func $count (result i32) (global.set $made (i32.add (global.get $made) (i32.const 1))) (global.get $made))
  (func $order (export "order") (result anyref) (struct.new_desc $a (call $count) (call $none)))
  (func (export "made") (result i32) (global.get $made))
)

(assert_trap (invoke "new") "null descriptor reference")
(assert_trap (invoke "new-default") "null descriptor reference")
(assert_trap (invoke "cast") "null descriptor reference")
(assert_trap (invoke "cast-null") "null descriptor reference")
(assert_trap (invoke "cast-i31") "null descriptor reference")
(assert_trap (invoke "branch") "null descriptor reference")
(assert_trap (invoke "branch-fail") "null descriptor reference")
(assert_trap (invoke "get" (ref.null none)) "null reference")
(assert_trap (invoke "get-exact") "null reference")
(assert_trap (invoke "deep" (i32.const 3)) "null descriptor reference")
(assert_trap (invoke "order") "null descriptor reference")
(assert_return (invoke "made") (i32.const 1))

;; The same in constant expressions of globals, tables and segments.
(assert_trap
  (module
    (rec (type $a (descriptor $d) (struct)) (type $d (describes $a) (struct)))
    (global (ref null $a) (struct.new_default_desc $a (ref.null (exact $d)))))
  "null descriptor reference")
(assert_trap
  (module
    (rec (type $a (descriptor $d) (struct)) (type $d (describes $a) (struct)))
    (table 1 (ref $a) (struct.new_desc $a (ref.null none))))
  "null descriptor reference")
(assert_trap
  (module
    (rec (type $a (descriptor $d) (struct)) (type $d (describes $a) (struct)))
    (elem (ref null $a) (struct.new_desc $a (ref.null none))))
  "null descriptor reference")
