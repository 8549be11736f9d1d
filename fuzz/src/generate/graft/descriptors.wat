;; Descriptors for the graft. This module is merged into each generated module with the feature, after `heap.wat`.
(module
  (rec
    (type $item (sub (descriptor $kind)
      (struct (field $value (mut i32)) (field $next (mut (ref null $item))))))
    (type $kind (sub (describes $item) (struct (field $name i32))))
    (type $special (sub $item (descriptor $special.kind)
      (struct (field (mut i32)) (field (mut (ref null $item))) (field $long i64))))
    (type $special.kind (sub $kind (describes $special) (struct (field i32) (field $more anyref)))))
  (type $describe (func (param i32 anyref) (result i64)))

  (global $one (ref (exact $kind)) (struct.new $kind (i32.const 1)))
  (global $two (ref (exact $kind)) (struct.new $kind (i32.const 2)))
  (global $special (ref (exact $special.kind)) (struct.new $special.kind (i32.const 3) (ref.i31 (i32.const 4))))
  (global $last (export "graft:item") (mut (ref null $item)) (ref.null $item))

  ;; Makes an item of a kind that depends on the seed, keeps it, and tests the descriptors of the item and of `any`.
  ;; Some seeds trap.
  (func $describe (type $describe) (param $seed i32) (param $any anyref) (result i64)
    (local $kind (ref null (exact $kind))) (local $sum i64) (local $item (ref null $item))
    (block $made
      (block $special (block $new (block $two (block $one (block $null
        (br_table $one $two $new $special $one $two $new $null (i32.and (local.get $seed) (i32.const 7))))
        (local.set $kind (ref.null (exact $kind))) (br $made))
        (local.set $kind (global.get $one)) (br $made))
        (local.set $kind (global.get $two)) (br $made))
        (local.set $kind (struct.new $kind (local.get $seed))) (br $made))
      (global.set $last (struct.new_desc $special
        (local.get $seed) (global.get $last) (i64.const -7) (global.get $special))))
    (if (i32.ne (i32.and (local.get $seed) (i32.const 7)) (i32.const 3))
      (then (global.set $last (struct.new_desc $item (local.get $seed) (global.get $last) (local.get $kind)))))
    (local.set $item (global.get $last))
    (local.set $sum (i64.extend_i32_s
      (struct.get $kind $name (ref.get_desc $item (ref.as_non_null (local.get $item))))))

    (block $no
      (block $yes (result (ref null $item))
        (drop (br_on_cast_desc_eq $yes anyref (ref null $item) (local.get $item) (global.get $one)))
        (br $no))
      (local.set $item)
      (local.set $sum (i64.add (local.get $sum) (i64.const 100))))
    (block $other (result anyref)
      (br_on_cast_desc_eq_fail $other anyref (ref $special) (local.get $item) (global.get $special))
      (struct.get $special $long)
      (local.set $sum (i64.mul (local.get $sum)))
      (local.get $any))
    (drop)
    ;; The first cast succeeds, since the item has its own descriptor. The second one nearly always fails.
    (local.set $item (ref.cast_desc_eq (ref null $item)
      (local.get $item) (ref.get_desc $item (ref.as_non_null (local.get $item)))))
    (if (i32.and (local.get $seed) (i32.const 16))
      (then (local.set $item (ref.cast_desc_eq (ref null $item) (local.get $any) (global.get $two)))))
    (local.get $sum)))
