;; Garbage collection after a tail call to a function with fewer arguments than its caller: the second frame lies in the
;; argument area of the first, above the stack pointer of the frame that called it.
;;! features: 3.0

(module
  (type $s (struct (field i32)))
  (func $allocate (param $count i32)
    (loop $again
      (drop (struct.new $s (local.get $count)))
      (local.tee $count (i32.sub (local.get $count) (i32.const 1)))
      (br_if $again)))
  (func $many (param i32 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    (return_call $allocate (local.get 0)))
  (func (export "keep") (param $count i32) (result i32)
    (local $kept (ref null $s))
    (local.set $kept (struct.new $s (i32.const 7)))
    (call $many (local.get $count)
      (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0))
    (struct.get $s 0 (local.get $kept))))

(assert_return (invoke "keep" (i32.const 100000)) (i32.const 7))
