;;! features: 2.0, threads
;; Two threads hand over to each other and wait without a timeout: a lost wake-up hangs the script. Each waits for the
;; value that it read, so a change in between is a mismatch and not a sleep.

(module $Mem (memory (export "shared") 1 1 shared))

(thread $Other (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 1 shared)
    (func (export "take-turns") (param $rounds i32)
      (loop $again
        (block $mine
          (loop $try
            (br_if $mine (i32.eq (i32.atomic.load (i32.const 64)) (i32.const 1)))
            (drop (memory.atomic.wait32 (i32.const 64) (i32.const 0) (i64.const -1)))
            (br $try)))
        (i32.atomic.store (i32.const 64) (i32.const 0))
        (drop (memory.atomic.notify (i32.const 64) (i32.const 1)))
        (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))))
  (assert_return (invoke "take-turns" (i32.const 200))))

(register "mem" $Mem)
(module
  (memory (import "mem" "shared") 1 1 shared)
  (func (export "take-turns") (param $rounds i32)
    (loop $again
      (block $mine
        (loop $try
          (br_if $mine (i32.eq (i32.atomic.load (i32.const 64)) (i32.const 0)))
          (drop (memory.atomic.wait32 (i32.const 64) (i32.const 1) (i64.const -1)))
          (br $try)))
      (i32.atomic.store (i32.const 64) (i32.const 1))
      (drop (memory.atomic.notify (i32.const 64) (i32.const 1)))
      (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))))
(assert_return (invoke "take-turns" (i32.const 200)))
;; No directive waits for this thread; the end of the script does.
