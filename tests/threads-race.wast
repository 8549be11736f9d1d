;;! features: 2.0, threads
;; Two threads race for a word of memory. Either may come last, so lanes may differ in what the memory holds, and in
;; what the script reads from it.

(module $Mem (memory (export "shared") 1 1 shared))

(thread $One (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 1 shared)
    (func (export "write") (param $times i32)
      (loop $again
        (i32.atomic.store (i32.const 0) (i32.const 1))
        (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))
  (invoke "write" (i32.const 1000)))
(thread $Two (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 1 shared)
    (func (export "write") (param $times i32)
      (loop $again
        (i32.atomic.store (i32.const 0) (i32.const 2))
        (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))
  (invoke "write" (i32.const 1000)))
(wait $One)
(wait $Two)

(register "mem" $Mem)
(module
  (memory (import "mem" "shared") 1 1 shared)
  (func (export "read") (result i32) (i32.atomic.load (i32.const 0))))
(invoke "read")
(assert_return (invoke "read") (either (i32.const 1) (i32.const 2)))
