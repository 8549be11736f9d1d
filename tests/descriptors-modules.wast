;;! features: 3.0, custom-descriptors
;; Across modules: types with descriptors and exact types are equal if their recursive groups are, wherever they are
;; declared. An import must have exactly the requested type, and the descriptor clauses are part of a type.

(module $lib
  (rec
    (type $a (sub (descriptor $a.desc) (struct (field i32))))
    (type $a.desc (sub (describes $a) (struct (field (mut i32)))))
  )
  (rec
    (type $b (sub $a (descriptor $b.desc) (struct (field i32))))
    (type $b.desc (sub $a.desc (describes $b) (struct (field (mut i32)))))
  )
  (global $class (export "class") (ref (exact $a.desc)) (struct.new $a.desc (i32.const 7)))
  (global (export "base") (ref $a.desc) (global.get $class))
  (global (export "nullable") (ref null (exact $a.desc)) (global.get $class))
  (global (export "variable") (mut (ref null (exact $a))) (ref.null none))
  (table (export "table") 2 (ref null (exact $a)))
  (table (export "base-table") 2 (ref null $a))
  (func (export "make") (param i32) (result (ref (exact $a))) (struct.new_desc $a (local.get 0) (global.get $class)))
  (func (export "make-sub") (param i32) (result (ref $a))
    (struct.new_desc $b (local.get 0) (struct.new $b.desc (i32.const 8))))
  (func $check (export "check") (param (ref null $a)) (result i32)
    (struct.get $a 0 (ref.cast_desc_eq (ref (exact $a)) (local.get 0) (global.get $class))))
  (type $f (sub (func (result i32))))
  (type $g (sub $f (func (result i32))))
  (func (export "f") (type $f) (i32.const 1))
  (func (export "g") (type $g) (i32.const 2))
)
(register "lib" $lib)

;; The same types at other indices.
(module $user
  (type (func (param f64)))
  (rec
    (type $a (sub (descriptor $a.desc) (struct (field i32))))
    (type $a.desc (sub (describes $a) (struct (field (mut i32)))))
  )
  (type $f (sub (func (result i32))))
  (import "lib" "class" (global $class (ref (exact $a.desc))))
  (import "lib" "class" (global (ref $a.desc)))
  (import "lib" "class" (global (ref null (exact $a.desc))))
  (import "lib" "class" (global anyref))
  (import "lib" "variable" (global $variable (mut (ref null (exact $a)))))
  (import "lib" "table" (table $table 2 (ref null (exact $a))))
  (import "lib" "make" (func $make (param i32) (result (ref (exact $a)))))
  (import "lib" "make-sub" (func $make-sub (param i32) (result (ref $a))))
  (import "lib" "check" (func $check (param (ref null $a)) (result i32)))
  (import "lib" "f" (func $f (exact (type $f))))
  (import "lib" "g" (func $g (type $f)))
  (elem declare func $f $g)

  (global $own (ref (exact $a)) (struct.new_desc $a (i32.const 5) (global.get $class)))
  (func (export "own") (result i32) (call $check (global.get $own)))
  (func (export "theirs") (result i32)
    (struct.get $a 0 (ref.cast_desc_eq (ref $a) (call $make (i32.const 6)) (global.get $class))))
  (func $other (export "other-descriptor") (result i32)
    (call $check (struct.new_desc $a (i32.const 5) (struct.new $a.desc (i32.const 7)))))
  (func (export "sub") (result i32) (call $check (call $make-sub (i32.const 1))))
  (func (export "sub-tag") (result i32)
    (struct.get $a.desc 0 (ref.get_desc $a (call $make-sub (i32.const 1)))))
  (func (export "sub-is-exact") (result i32) (ref.test (ref (exact $a)) (call $make-sub (i32.const 1))))

  (func (export "through-table") (result i32)
    (table.set $table (i32.const 1) (call $make (i32.const 21)))
    (global.set $variable (table.get $table (i32.const 1)))
    (call $check (global.get $variable)))
  (func (export "shared-descriptor") (result i32 i32)
    (struct.set $a.desc 0 (ref.get_desc $a (global.get $own)) (i32.const 99))
    (struct.get $a.desc 0 (ref.get_desc $a (call $make (i32.const 1))))
    (ref.eq (ref.get_desc $a (call $make (i32.const 1))) (global.get $class)))

  (global $exactly (ref (exact $f)) (ref.func $f))
  (func (export "functions") (result i32 i32 i32)
    (call_ref $f (global.get $exactly))
    (ref.test (ref (exact $f)) (ref.func $f))
    (ref.test (ref (exact $f)) (ref.func $g)))
)

(assert_return (invoke "own") (i32.const 5))
(assert_return (invoke "theirs") (i32.const 6))
(assert_trap (invoke "other-descriptor") "descriptor cast failure")
(assert_trap (invoke "sub") "descriptor cast failure")
(assert_return (invoke "sub-tag") (i32.const 8))
(assert_return (invoke "sub-is-exact") (i32.const 0))
(assert_return (invoke "through-table") (i32.const 21))
(assert_return (invoke "shared-descriptor") (i32.const 99) (i32.const 1))
(assert_return (invoke "functions") (i32.const 1) (i32.const 1) (i32.const 0))
(assert_return (invoke $lib "make" (i32.const 1)) (ref.struct))

;; An import of an exact type does not accept an inexact one.
(assert_unlinkable
  (module
    (rec
      (type $a (sub (descriptor $a.desc) (struct (field i32))))
      (type $a.desc (sub (describes $a) (struct (field (mut i32))))))
    (import "lib" "base" (global (ref (exact $a.desc)))))
  "incompatible import type")
(assert_unlinkable
  (module
    (rec
      (type $a (sub (descriptor $a.desc) (struct (field i32))))
      (type $a.desc (sub (describes $a) (struct (field (mut i32))))))
    (import "lib" "nullable" (global (ref (exact $a.desc)))))
  "incompatible import type")
;; A mutable global and a table must have exactly the imported type.
(assert_unlinkable
  (module
    (rec
      (type $a (sub (descriptor $a.desc) (struct (field i32))))
      (type $a.desc (sub (describes $a) (struct (field (mut i32))))))
    (import "lib" "variable" (global (mut (ref null $a)))))
  "incompatible import type")
(assert_unlinkable
  (module
    (rec
      (type $a (sub (descriptor $a.desc) (struct (field i32))))
      (type $a.desc (sub (describes $a) (struct (field (mut i32))))))
    (import "lib" "table" (table 2 (ref null $a))))
  "incompatible import type")
(assert_unlinkable
  (module
    (rec
      (type $a (sub (descriptor $a.desc) (struct (field i32))))
      (type $a.desc (sub (describes $a) (struct (field (mut i32))))))
    (import "lib" "base-table" (table 2 (ref null (exact $a)))))
  "incompatible import type")
;; A function of a subtype is not of the exact type.
(assert_unlinkable
  (module
    (type $f (sub (func (result i32))))
    (import "lib" "g" (func (exact (type $f)))))
  "incompatible import type")
(module
  (type $f (sub (func (result i32))))
  (type $g (sub $f (func (result i32))))
  (import "lib" "g" (func (exact (type $g))))
  (import "lib" "g" (func (type $f))))
;; Without the clauses it is another type.
(assert_unlinkable
  (module
    (rec
      (type $a (sub (struct (field i32))))
      (type $a.desc (sub (struct (field (mut i32))))))
    (import "lib" "class" (global (ref $a.desc))))
  "incompatible import type")
(assert_unlinkable
  (module
    (rec
      (type $a (sub (struct (field i32))))
      (type $a.desc (sub (struct (field (mut i32))))))
    (import "lib" "check" (func (param (ref null $a)) (result i32))))
  "incompatible import type")
;; With another descriptor it is another type as well.
(assert_unlinkable
  (module
    (rec
      (type $other (sub (descriptor $a.desc) (struct (field i64))))
      (type $a.desc (sub (describes $other) (struct (field (mut i32))))))
    (import "lib" "class" (global (ref $a.desc))))
  "incompatible import type")
