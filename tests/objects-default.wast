;;! features: 3.0
;; Default structs are zero where the heap is used again: earlier collections have left other bytes there. The smaller
;; types are made by compiled code, the largest by the runtime.

(module
  (type $empty (struct))
  (type $small (struct (field i32)))
  (type $mixed (struct (field i8) (field i64) (field (ref null $empty)) (field i16) (field f64) (field v128) (field
    i8)))
  (type $largest_in_place (struct (field i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
    i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
    i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
    i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
    i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)))
  (type $wide (struct (field i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
    i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
    i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
    i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
    i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
    i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
    i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
    i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)))
  (type $bytes (array (mut i8)))

  ;; Makes 4 MiB of garbage without a zero byte.
  (func $litter (local $n i32)
    (loop $next
      (drop (array.new $bytes (i32.const -1) (i32.const 4088)))
      (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1024)))))

  ;; Returns the bits that are set in any field.
  (func $bits (result i64)
    (local $small (ref $small)) (local $mixed (ref $mixed)) (local $largest (ref $largest_in_place))
    (local $wide (ref $wide))
    (local.set $small (struct.new_default $small))
    (drop (struct.new_default $empty))
    (local.set $mixed (struct.new_default $mixed))
    (local.set $largest (struct.new_default $largest_in_place))
    (local.set $wide (struct.new_default $wide))
    (i64.extend_i32_u (struct.get $small 0 (local.get $small)))
    (i64.or (i64.extend_i32_u (struct.get_u $mixed 0 (local.get $mixed))))
    (i64.or (struct.get $mixed 1 (local.get $mixed)))
    (i64.or (i64.extend_i32_u (i32.eqz (ref.is_null (struct.get $mixed 2 (local.get $mixed))))))
    (i64.or (i64.extend_i32_u (struct.get_u $mixed 3 (local.get $mixed))))
    (i64.or (i64.reinterpret_f64 (struct.get $mixed 4 (local.get $mixed))))
    (i64.or (i64.extend_i32_u (v128.any_true (struct.get $mixed 5 (local.get $mixed)))))
    (i64.or (i64.extend_i32_u (struct.get_u $mixed 6 (local.get $mixed))))
    (i64.or (struct.get $largest_in_place 0 (local.get $largest)))
    (i64.or (struct.get $largest_in_place 1 (local.get $largest)))
    (i64.or (struct.get $largest_in_place 63 (local.get $largest)))
    (i64.or (struct.get $largest_in_place 125 (local.get $largest)))
    (i64.or (struct.get $largest_in_place 126 (local.get $largest)))
    (i64.or (struct.get $wide 0 (local.get $wide)))
    (i64.or (struct.get $wide 1 (local.get $wide)))
    (i64.or (struct.get $wide 100 (local.get $wide)))
    (i64.or (struct.get $wide 198 (local.get $wide)))
    (i64.or (struct.get $wide 199 (local.get $wide))))

  (func (export "dirty") (result i64) (local $bits i64) (local $n i32)
    (loop $next
      (call $litter)
      (local.set $bits (i64.or (local.get $bits) (call $bits)))
      (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 10))))
    (local.get $bits)))

(assert_return (invoke "dirty") (i64.const 0))
