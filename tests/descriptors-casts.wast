;;! features: 3.0, custom-descriptors
;; Casts by descriptor accept only structs made with that descriptor. Null counts as the target type says.
;; `i31`, arrays, host values and structs without a descriptor are never of the type, whatever their
;; bits are.

(module $m
  (rec
    (type $a (sub (descriptor $a.desc) (struct (field $x i32))))
    (type $a.desc (sub (describes $a) (struct (field $tag i32))))
    (type $b (sub $a (descriptor $b.desc) (struct (field i32) (field $y i64))))
    (type $b.desc (sub $a.desc (describes $b) (struct (field i32) (field i32))))
  )
  (type $plain (struct (field i32)))
  (type $bytes (array i8))

  ;; The first object of the heap.
  (global $one (ref (exact $a.desc)) (struct.new $a.desc (i32.const 1)))
  (global $two (ref (exact $a.desc)) (struct.new $a.desc (i32.const 2)))
  (global $sub (ref (exact $b.desc)) (struct.new $b.desc (i32.const 3) (i32.const 4)))
  (global $values (mut anyref) (ref.null any))

  (table $values 10 anyref)
  (elem (table $values) (i32.const 1) anyref
    (struct.new_desc $a (i32.const 11) (global.get $one))
    (struct.new_desc $a (i32.const 12) (global.get $two))
    (struct.new_desc $b (i32.const 13) (i64.const -1) (global.get $sub))
    (struct.new_default_desc $a (global.get $one))
    (struct.new $plain (i32.const 14))
    (ref.i31 (i32.const 15))
    (array.new_default $bytes (i32.const 16))
    (global.get $one))
  (func (export "host") (param externref)
    (table.set $values (i32.const 9) (any.convert_extern (local.get 0))))

  (func $one (export "one") (param i32) (result i32)
    (block $yes (result (ref null $a))
      (drop (br_on_cast_desc_eq $yes anyref (ref null $a) (table.get $values (local.get 0)) (global.get $one)))
      (return (i32.const 0)))
    (drop)
    (i32.const 1))
  (func $exact-two (export "exact-two") (param i32) (result i32)
    (block $yes (result (ref (exact $a)))
      (drop (br_on_cast_desc_eq $yes anyref (ref (exact $a)) (table.get $values (local.get 0)) (global.get $two)))
      (return (i32.const -1)))
    (struct.get $a $x))
  (func (export "one-fail") (param i32) (result i32)
    (block $no (result anyref)
      (br_on_cast_desc_eq_fail $no anyref (ref $a) (table.get $values (local.get 0)) (global.get $one))
      (return (struct.get $a $x)))
    (drop)
    (i32.const -1))
  (func (export "cast") (param i32) (result i32)
    (struct.get $a $x
      (ref.cast_desc_eq (ref (exact $a)) (table.get $values (local.get 0)) (global.get $one))))
  (func (export "cast-null") (param i32) (result i32)
    (ref.is_null (ref.cast_desc_eq (ref null $a) (table.get $values (local.get 0)) (global.get $one))))
  ;; If the descriptor is known only by its supertype, so is the result.
  (func $upcast (export "upcast") (param i32) (param $d (ref null $a.desc)) (result i32)
    (struct.get $a $x (ref.cast_desc_eq (ref $a) (table.get $values (local.get 0)) (local.get $d))))
  (func (export "upcast-sub") (param i32) (result i32) (call $upcast (local.get 0) (global.get $sub)))
  (func (export "downcast") (param i32) (result i64)
    (struct.get $b $y (ref.cast_desc_eq (ref $b) (table.get $values (local.get 0)) (global.get $sub))))

  ;; An array whose length is stored where a struct has its descriptor.
  (func (export "length") (param $length i32) (result i32)
    (block $no (result anyref)
      (drop (br_on_cast_desc_eq_fail $no anyref (ref $a)
        (array.new_default $bytes (local.get $length)) (global.get $one)))
      (return (i32.const 1)))
    (drop)
    (i32.const 0))

  (func (export "tag") (param i32) (result i32)
    (struct.get $a.desc $tag (ref.get_desc $a (ref.cast (ref $a) (table.get $values (local.get 0))))))
  (func (export "same") (param i32 i32) (result i32)
    (ref.eq
      (ref.get_desc $a (ref.cast (ref $a) (table.get $values (local.get 0))))
      (ref.get_desc $a (ref.cast (ref $a) (table.get $values (local.get 1))))))
)

;; The value of a reference to the first object of a heap that has not been collected yet.
(assert_return (invoke "length" (i32.const 262144)) (i32.const 0))
(assert_return (invoke "host" (ref.extern 262144)))

(assert_return (invoke "one" (i32.const 0)) (i32.const 1))
(assert_return (invoke "one" (i32.const 1)) (i32.const 1))
(assert_return (invoke "one" (i32.const 2)) (i32.const 0))
(assert_return (invoke "one" (i32.const 3)) (i32.const 0))
(assert_return (invoke "one" (i32.const 4)) (i32.const 1))
(assert_return (invoke "one" (i32.const 5)) (i32.const 0))
(assert_return (invoke "one" (i32.const 6)) (i32.const 0))
(assert_return (invoke "one" (i32.const 7)) (i32.const 0))
(assert_return (invoke "one" (i32.const 8)) (i32.const 0))
(assert_return (invoke "one" (i32.const 9)) (i32.const 0))

(assert_return (invoke "exact-two" (i32.const 0)) (i32.const -1))
(assert_return (invoke "exact-two" (i32.const 1)) (i32.const -1))
(assert_return (invoke "exact-two" (i32.const 2)) (i32.const 12))
(assert_return (invoke "exact-two" (i32.const 3)) (i32.const -1))

(assert_return (invoke "one-fail" (i32.const 0)) (i32.const -1))
(assert_return (invoke "one-fail" (i32.const 1)) (i32.const 11))
(assert_return (invoke "one-fail" (i32.const 2)) (i32.const -1))
(assert_return (invoke "one-fail" (i32.const 4)) (i32.const 0))
(assert_return (invoke "one-fail" (i32.const 9)) (i32.const -1))

(assert_return (invoke "cast" (i32.const 1)) (i32.const 11))
(assert_trap (invoke "cast" (i32.const 0)) "descriptor cast failure")
(assert_trap (invoke "cast" (i32.const 2)) "descriptor cast failure")
(assert_trap (invoke "cast" (i32.const 3)) "descriptor cast failure")
(assert_trap (invoke "cast" (i32.const 5)) "descriptor cast failure")
(assert_trap (invoke "cast" (i32.const 6)) "descriptor cast failure")
(assert_trap (invoke "cast" (i32.const 7)) "descriptor cast failure")
(assert_trap (invoke "cast" (i32.const 8)) "descriptor cast failure")
(assert_trap (invoke "cast" (i32.const 9)) "descriptor cast failure")
(assert_return (invoke "cast-null" (i32.const 0)) (i32.const 1))
(assert_return (invoke "cast-null" (i32.const 1)) (i32.const 0))
(assert_trap (invoke "cast-null" (i32.const 2)) "descriptor cast failure")

(assert_return (invoke "upcast-sub" (i32.const 3)) (i32.const 13))
(assert_trap (invoke "upcast-sub" (i32.const 1)) "descriptor cast failure")
(assert_return (invoke "downcast" (i32.const 3)) (i64.const -1))
(assert_trap (invoke "downcast" (i32.const 2)) "descriptor cast failure")

(assert_return (invoke "tag" (i32.const 1)) (i32.const 1))
(assert_return (invoke "tag" (i32.const 2)) (i32.const 2))
(assert_return (invoke "tag" (i32.const 3)) (i32.const 3))
(assert_return (invoke "same" (i32.const 1) (i32.const 4)) (i32.const 1))
(assert_return (invoke "same" (i32.const 1) (i32.const 2)) (i32.const 0))
