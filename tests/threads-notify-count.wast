;;! features: 2.0, threads
;; Three threads wait for one word. A notification wakes as many as it says: none for 0, then one after the other.

(module $Mem (memory (export "shared") 1 1 shared))

(thread $One (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 1 shared)
    (func (export "sleep") (result i32) (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))
  (assert_return (invoke "sleep") (i32.const 0)))
(thread $Two (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 1 shared)
    (func (export "sleep") (result i32) (memory.atomic.wait64 (i32.const 0) (i64.const 0) (i64.const -1))))
  (assert_return (invoke "sleep") (i32.const 0)))
(thread $Three (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 1 shared)
    (func (export "sleep") (result i32) (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 60_000_000_000))))
  (assert_return (invoke "sleep") (i32.const 0)))

(register "mem" $Mem)
(module
  (memory (import "mem" "shared") 1 1 shared)
  ;; Nobody notifies this address: a timeout, after which the others wait already.
  (func (export "nap") (result i32) (memory.atomic.wait32 (i32.const 64) (i32.const 0) (i64.const 100_000_000)))
  (func (export "wake-none") (result i32) (memory.atomic.notify (i32.const 0) (i32.const 0)))
  (func (export "wake-other") (result i32) (memory.atomic.notify (i32.const 4) (i32.const -1)))
  ;; The most threads that one notification wakes, until three are awake.
  (func (export "wake-each") (result i32) (local $woken i32) (local $sum i32) (local $most i32)
    (loop $again
      (local.set $woken (memory.atomic.notify (i32.const 0) (i32.const 1)))
      (if (i32.gt_u (local.get $woken) (local.get $most)) (then (local.set $most (local.get $woken))))
      (local.set $sum (i32.add (local.get $sum) (local.get $woken)))
      (br_if $again (i32.lt_u (local.get $sum) (i32.const 3))))
    (local.get $most)))

(assert_return (invoke "nap") (i32.const 2))
(assert_return (invoke "wake-none") (i32.const 0))
(assert_return (invoke "wake-other") (i32.const 0))
(assert_return (invoke "wake-each") (i32.const 1))
(wait $One)
(wait $Two)
(wait $Three)
