;; What fuel and epochs look at: straight code, loops, calls and ends that nothing reaches.
(module
  (memory 1)
  (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func (export "loops") (param i32) (result i32)
    (loop $outer
      (loop $inner
        (local.set 0 (call $leaf (local.get 0)))
        (br_if $inner (i32.lt_s (local.get 0) (i32.const 100))))
      (br_if $outer (i32.load (local.get 0))))
    (local.get 0))
  (func (export "stops") (param i32) i32.const 1 drop unreachable)
  (func (export "loop_values") (param i64) (result i64)
    (local.get 0) (loop (param i64) (result i64) (i64.const 1) (i64.sub) (br_if 1 (i32.wrap_i64 (local.get 0))))))
