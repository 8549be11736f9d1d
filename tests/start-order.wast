;; Instantiation order: globals, element segments, data segments, then the start function, which may call imports and
;; can be called again afterwards.

(module $M
  (import "spectest" "print_i32" (func $print (param i32)))
  (import "spectest" "global_i32" (global $g i32))
  (global $from-global i32 (global.get $g))
  (global $runs (export "runs") (mut i32) (i32.const 0))
  (memory 1)
  (table 1 funcref)
  (elem (i32.const 0) $in-table)
  (data (i32.const 0) "\07")
  (func $in-table (result i32) (i32.load8_u (i32.const 0)))
  (func $start (export "start")
    (call $print (call_indirect (result i32) (i32.const 0)))
    (global.set $runs (i32.add (global.get $runs) (i32.add (global.get $from-global) (call_indirect (result i32) (i32.const 0))))))
  (start $start))

(assert_return (get "runs") (i32.const 673))
(assert_return (invoke "start"))
(assert_return (get "runs") (i32.const 1346))
