;; Objects: an array of 1,000 structs of two types below a third is walked n times, with casts, reads and writes.
(module
  (type $shape (sub (struct (field $id i32) (field $area (mut i64)))))
  (type $square (sub $shape (struct (field $id i32) (field $area (mut i64)) (field $side i64))))
  (type $oblong (sub $shape (struct (field $id i32) (field $area (mut i64)) (field $width i64) (field $height i64))))
  (type $shapes (array (mut (ref null $shape))))
  (func $fill (result (ref $shapes))
    (local $shapes (ref $shapes)) (local $i i32)
    (local.set $shapes (array.new_default $shapes (i32.const 1000)))
    (loop $next
      (array.set $shapes (local.get $shapes) (local.get $i)
        (if (result (ref $shape)) (i32.and (i32.mul (local.get $i) (i32.const 0x9e3779b1)) (i32.const 64))
          (then
            (struct.new $square (local.get $i) (i64.const 0) (i64.extend_i32_u (local.get $i))))
          (else
            (struct.new $oblong (local.get $i) (i64.const 0) (i64.extend_i32_u (local.get $i)) (i64.const 3)))))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
    (local.get $shapes))
  (func $measure (param $shape (ref $shape)) (result i64)
    (local $oblong (ref $oblong))
    (block $square (result (ref $square))
      (local.set $oblong (ref.cast (ref $oblong) (br_on_cast $square (ref $shape) (ref $square) (local.get $shape))))
      (return
        (i64.mul (struct.get $oblong $width (local.get $oblong)) (struct.get $oblong $height (local.get $oblong)))))
    (struct.get $square $side))
  (func (export "run") (param $n i32) (result i64)
    (local $shapes (ref $shapes)) (local $shape (ref $shape)) (local $i i32) (local $sum i64)
    (local.set $shapes (call $fill))
    (loop $round
      (local.set $i (i32.const 0))
      (loop $next
        (local.set $shape (ref.as_non_null (array.get $shapes (local.get $shapes) (local.get $i))))
        (struct.set $shape $area (local.get $shape)
          (i64.add (struct.get $shape $area (local.get $shape)) (call $measure (local.get $shape))))
        (local.set $sum (i64.xor (local.get $sum) (struct.get $shape $area (local.get $shape))))
        (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (array.len (local.get $shapes)))))
      (br_if $round (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))
