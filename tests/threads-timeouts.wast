;;! features: 2.0, threads
;; A timeout has 64 bits, and a wait compares as many bits as its name says.

(module $Mem (memory (export "shared") 1 1 shared))

(thread $Sleeper (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 1 shared)
    ;; The low half of the timeout is a millisecond.
    (func (export "sleep") (result i32)
      (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.add (i64.const 0x10_0000_0000) (i64.const 1_000_000)))))
  (assert_return (invoke "sleep") (i32.const 0)))

(register "mem" $Mem)
(module
  (memory (import "mem" "shared") 1 1 shared)
  (data (i32.const 16) "\00\00\00\00\01\00\00\00")
  (func (export "nap") (result i32) (memory.atomic.wait32 (i32.const 64) (i32.const 0) (i64.const 100_000_000)))
  (func (export "wait64") (param i64 i64) (result i32)
    (memory.atomic.wait64 (i32.const 16) (local.get 0) (local.get 1)))
  ;; The number of threads that it wakes, after many tries at most.
  (func (export "wake") (result i32) (local $woken i32) (local $tries i32)
    (local.set $tries (i32.const 500))
    (loop $again
      (local.set $woken (memory.atomic.notify (i32.const 0) (i32.const 1)))
      (drop (memory.atomic.wait32 (i32.const 64) (i32.const 0) (i64.const 1_000_000)))
      (local.set $tries (i32.sub (local.get $tries) (i32.const 1)))
      (br_if $again (i32.and (i32.eqz (local.get $woken)) (local.get $tries))))
    (local.get $woken)))

(assert_return (invoke "wait64" (i64.const 0) (i64.const -1)) (i32.const 1))
(assert_return (invoke "wait64" (i64.const 0x2_0000_0000) (i64.const -1)) (i32.const 1))
(assert_return (invoke "wait64" (i64.const 0x1_0000_0001) (i64.const -1)) (i32.const 1))
(assert_return (invoke "wait64" (i64.const 0x1_0000_0000) (i64.const 0)) (i32.const 2))
(assert_return (invoke "wait64" (i64.const 0x1_0000_0000) (i64.const 1)) (i32.const 2))
(assert_return (invoke "nap") (i32.const 2))
(assert_return (invoke "wake") (i32.const 1))
(wait $Sleeper)
