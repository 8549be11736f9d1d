;; Objects for the graft: their types, globals and a table that keep them between calls, and functions that make and
;; read them. This module is merged into each generated module with the feature, after the base.
(module
  (rec
    (type $node (sub (struct
      (field $value (mut i32)) (field $next (mut (ref null $node))) (field $any (mut anyref)) (field $long (mut i64)))))
    (type $wide (sub final $node (struct
      (field $value (mut i32)) (field $next (mut (ref null $node))) (field $any (mut anyref)) (field $long (mut i64))
      (field $float (mut f64)) (field $byte (mut i8)) (field $short (mut i16)) (field $nodes (mut (ref null $nodes))))))
    (type $nodes (array (mut (ref null $node))))
    (type $bytes (array (mut i8)))
    (type $longs (array (mut i64))))

  (type $build (func (param i32 i32) (result (ref null $node))))
  (type $digest (func (param anyref i32) (result i64)))

  (table $table (export "graft:nodes") 4 4 (ref null $node))
  (global $root (export "graft:root") (mut (ref null $node)) (ref.null $node))
  (global $kept (export "graft:kept") (mut anyref) (ref.i31 (i32.const 7)))
  (global $first (export "graft:first") (ref $node)
    (struct.new $node (i32.const 1) (ref.null $node) (array.new $bytes (i32.const -2) (i32.const 3)) (i64.const 4)))

  (elem $segment (ref null $node)
    (item (global.get $first))
    (item (ref.null $node))
    (item (struct.new_default $wide))
    (item (struct.new $node (i32.const 5) (ref.null $node) (ref.i31 (i32.const 6)) (i64.const 7))))

  ;; Makes a graph of up to `count` objects that depends on the seed, with shared parts and cycles.
  (func $build (type $build) (param $seed i32) (param $count i32) (result (ref null $node))
    (local $head (ref null $node)) (local $other (ref null $node)) (local $nodes (ref null $nodes))
    (loop $more
      (if (i32.eqz (local.get $count)) (then (return (local.get $head))))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (local.set $seed (i32.add (i32.mul (local.get $seed) (i32.const 1103515245)) (i32.const 12345)))
      (block $cycle (block $array (block $wide (block $node
        (br_table $node $wide $array $cycle (i32.and (i32.shr_u (local.get $seed) (i32.const 16)) (i32.const 3))))
        (local.set $head (struct.new $node
          (local.get $seed) (local.get $head) (ref.i31 (local.get $seed)) (i64.extend_i32_s (local.get $seed))))
        (br $more))
        (local.set $head (struct.new $wide
          (local.get $seed) (local.get $head) (local.get $other) (i64.const -1)
          (f64.convert_i32_s (local.get $seed)) (local.get $seed) (local.get $seed) (local.get $nodes)))
        (br $more))
        (local.set $other (local.get $head))
        (local.set $nodes (array.new $nodes (local.get $head)
          (i32.and (i32.shr_u (local.get $seed) (i32.const 20)) (i32.const 3))))
        (br $more))
      (if (i32.eqz (ref.is_null (local.get $head)))
        (then (struct.set $node $any (local.get $head)
          (array.new_fixed $nodes 2 (local.get $other) (local.get $head)))))
      (br $more))
    (unreachable))

  ;; Returns a number that depends on everything that a reference reaches in `depth` steps.
  (func $digest (type $digest) (param $any anyref) (param $depth i32) (result i64)
    (local $node (ref null $node)) (local $wide (ref null $wide)) (local $nodes (ref null $nodes))
    (local $bytes (ref null $bytes)) (local $sum i64) (local $k i32)
    (if (i32.eqz (local.get $depth)) (then (return (i64.const 1))))
    (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
    (block $null
      (block $i31 (result (ref i31))
        (block $node (result (ref $node))
          (block $nodes (result (ref $nodes))
            (block $bytes (result (ref $bytes))
              (drop
                (br_on_cast $bytes (ref any) (ref $bytes)
                  (br_on_cast $nodes (ref any) (ref $nodes)
                    (br_on_cast $node (ref any) (ref $node)
                      (br_on_cast $i31 (ref any) (ref i31)
                        (br_on_null $null (local.get $any)))))))
              (return (i64.add (i64.const 5) (i64.extend_i32_u
                (ref.test (ref array) (any.convert_extern (extern.convert_any (local.get $any))))))))
            (local.set $bytes)
            (local.set $sum (i64.const 11))
            (loop $more
              (if (i32.ge_u (local.get $k) (array.len (local.get $bytes))) (then (return (local.get $sum))))
              (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31))
                (i64.extend_i32_s (array.get_s $bytes (local.get $bytes) (local.get $k)))))
              (local.set $k (i32.add (local.get $k) (i32.const 1)))
              (br $more))
            (unreachable))
          (local.set $nodes)
          (local.set $sum (i64.const 13))
          (loop $more
            (if (i32.ge_u (local.get $k) (array.len (local.get $nodes))) (then (return (local.get $sum))))
            (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 37))
              (call $digest (array.get $nodes (local.get $nodes) (local.get $k)) (local.get $depth))))
            (local.set $k (i32.add (local.get $k) (i32.const 1)))
            (br $more))
          (unreachable))
        (local.set $node)
        (local.set $sum (i64.add
          (i64.mul (call $digest (struct.get $node $next (local.get $node)) (local.get $depth)) (i64.const 41))
          (call $digest (struct.get $node $any (local.get $node)) (local.get $depth))))
        (local.set $sum (i64.xor (local.get $sum) (i64.rotl
          (i64.extend_i32_s (struct.get $node $value (local.get $node))) (struct.get $node $long (local.get $node)))))
        (if (ref.test (ref $wide) (local.get $node)) (then
          (local.set $wide (ref.cast (ref null $wide) (local.get $node)))
          (local.set $sum (i64.add (local.get $sum)
            (i64.reinterpret_f64 (struct.get $wide $float (local.get $wide)))))
          (local.set $sum (i64.sub (local.get $sum) (i64.extend_i32_u (i32.add
            (struct.get_s $wide $byte (local.get $wide)) (struct.get_u $wide $short (local.get $wide))))))
          (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 43))
            (call $digest (struct.get $wide $nodes (local.get $wide)) (local.get $depth))))))
        (return (local.get $sum)))
      (i64.mul (i64.extend_i32_s (i31.get_s)) (i64.const 3))
      (return))
    (i64.const 2)))
