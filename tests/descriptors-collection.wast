;;! features: 3.0, custom-descriptors
;; Descriptors and garbage collection: a struct keeps its descriptor alive and refers to its new location; a
;; descriptor that many structs share stays one object. Covers small structs, structs too large for inline allocation,
;; chains of descriptors, and a descriptor that is an operand while its struct is allocated.

(module $m
  (rec
    (type $a (descriptor $a.desc) (struct (field $next (mut (ref null $a))) (field $x i64)))
    (type $a.desc (describes $a) (descriptor $a.meta) (struct (field $tag (mut i32)) (field $name (ref $bytes))))
    (type $a.meta (describes $a.desc) (struct (field $id i32)))
    (type $bytes (array i8))
    (type $large (descriptor $large.desc) (struct
      (field v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128)
      (field v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128)
      (field v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128)
      (field v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128)
      (field $self (mut anyref))))
    (type $large.desc (describes $large) (struct (field $tag i32)))
  )
  (global $head (mut (ref null $a)) (ref.null none))

  (func $meta (param i32) (result (ref (exact $a.meta))) (struct.new $a.meta (local.get 0)))
  (func $desc (param $tag i32) (result (ref (exact $a.desc)))
    (struct.new_desc $a.desc
      (local.get $tag)
      (array.new $bytes (local.get $tag) (i32.const 5))
      (call $meta (i32.add (local.get $tag) (i32.const 1000)))))
  ;; More garbage than the initial heap can hold.
  (func $waste (param $count i32)
    (loop $again
      (drop (call $desc (local.get $count)))
      (drop (array.new_default $bytes (i32.const 900)))
      (br_if $again (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))

  ;; A list of structs, each with a descriptor that nothing else refers to.
  (func (export "list") (param $count i32)
    (loop $again
      (global.set $head
        (struct.new_desc $a
          (global.get $head)
          (i64.extend_i32_u (local.get $count))
          (call $desc (local.get $count))))
      (br_if $again (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))
  (func (export "waste") (param i32) (call $waste (local.get 0)))
  ;; Counts the structs of the list whose three descriptors are still the original ones.
  (func (export "right") (result i32)
    (local $at (ref null $a)) (local $desc (ref null $a.desc)) (local $right i32)
    (local.set $at (global.get $head))
    (loop $again
      (local.set $desc (ref.get_desc $a (local.get $at)))
      (local.set $right (i32.add (local.get $right)
        (i32.and
          (i32.and
            (i64.eq (struct.get $a $x (local.get $at))
              (i64.extend_i32_u (struct.get $a.desc $tag (local.get $desc))))
            (i32.eq (i32.and (i32.const 0xff) (struct.get $a.desc $tag (local.get $desc)))
              (array.get_u $bytes (struct.get $a.desc $name (local.get $desc)) (i32.const 4))))
          (i32.eq
            (i32.add (struct.get $a.desc $tag (local.get $desc)) (i32.const 1000))
            (struct.get $a.meta $id (ref.get_desc $a.desc (local.get $desc)))))))
      (local.set $at (struct.get $a $next (local.get $at)))
      (br_if $again (i32.eqz (ref.is_null (local.get $at)))))
    (local.get $right))

  ;; Two structs share one descriptor. After collections they still do, and a third struct still differs.
  (func (export "shared") (param $waste i32) (result i32 i32 i32)
    (local $one (ref null $a)) (local $two (ref null $a)) (local $desc (ref null (exact $a.desc)))
    (local.set $desc (call $desc (i32.const 3)))
    (local.set $one (struct.new_default_desc $a (local.get $desc)))
    (call $waste (local.get $waste))
    (local.set $two (struct.new_default_desc $a (local.get $desc)))
    (call $waste (local.get $waste))
    (ref.eq (ref.get_desc $a (local.get $one)) (ref.get_desc $a (local.get $two)))
    (ref.is_null (ref.cast_desc_eq (ref null $a) (local.get $two) (local.get $desc)))
    (block $no (result anyref)
      (drop (br_on_cast_desc_eq_fail $no (ref null $a) (ref $a)
        (struct.new_default_desc $a (call $desc (i32.const 3))) (local.get $desc)))
      (ref.null any))
    (ref.is_null))

  ;; The descriptor is an operand while another object and then the struct are allocated.
  (func (export "operand") (param $waste i32) (result i32)
    (local $made (ref null $large))
    (local.set $made
      (struct.new_default_desc $large
        (block (result (ref (exact $large.desc)))
          (struct.new $large.desc (i32.const 77))
          (call $waste (local.get $waste)))))
    (struct.set $large $self (local.get $made) (local.get $made))
    (call $waste (local.get $waste))
    (struct.get $large.desc $tag (ref.get_desc $large (ref.cast (ref $large) (struct.get $large $self (local.get $made))))))
)

(assert_return (invoke "list" (i32.const 300)))
(assert_return (invoke "right") (i32.const 300))
(assert_return (invoke "waste" (i32.const 2000)))
(assert_return (invoke "right") (i32.const 300))
(assert_return (invoke "shared" (i32.const 1200)) (i32.const 1) (i32.const 0) (i32.const 0))
(assert_return (invoke "operand" (i32.const 1200)) (i32.const 77))
(assert_return (invoke "right") (i32.const 300))

;; In constant expressions: later allocations move earlier objects.
(module
  (rec (type $a (descriptor $d) (struct (field (ref $bytes)))) (type $d (describes $a) (struct (field i32 (ref $bytes))))
    (type $bytes (array i8)))
  (global $a (ref (exact $a))
    (struct.new_desc $a
      (array.new $bytes (i32.const 1) (i32.const 9))
      (struct.new $d (i32.const 5) (array.new $bytes (i32.const 2) (i32.const 300000)))))
  (global $more (ref $bytes) (array.new $bytes (i32.const 3) (i32.const 300000)))
  (func (export "get") (result i32 i32 i32 i32)
    (struct.get $d 0 (ref.get_desc $a (global.get $a)))
    (array.get_u $bytes (struct.get $d 1 (ref.get_desc $a (global.get $a))) (i32.const 299999))
    (array.get_u $bytes (struct.get $a 0 (global.get $a)) (i32.const 8))
    (array.get_u $bytes (global.get $more) (i32.const 299999)))
)
(assert_return (invoke "get") (i32.const 5) (i32.const 2) (i32.const 1) (i32.const 3))
