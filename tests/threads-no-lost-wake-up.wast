;;! features: 2.0, threads
;; Waits without end on both sides of a hand-over: a wake-up that is lost hangs the script. The value that is waited for
;; is the one that was read, so that a change in between is a mismatch, not a sleep.

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
;; Nobody waits for the thread here: the end of the script does.
