;;! features: 2.0, threads
;; fails 7: in the thread, 10:3: assert_return: expected [i32 2], got [i32 1]
;; Nobody waits for the thread.
(module $Mem (memory (export "shared") 1 1 shared))
(module $M (func (export "one") (result i32) (i32.const 1)))
(assert_return (invoke $M "one") (i32.const 1))
(thread $t (shared (module $Mem))
  (register "mem" $Mem)
  (module (memory (import "mem" "shared") 1 1 shared) (func (export "one") (result i32) (i32.const 1)))
  (assert_return (invoke "one") (i32.const 2)))
(assert_return (invoke $M "one") (i32.const 1))
