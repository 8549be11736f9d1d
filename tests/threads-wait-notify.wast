;;! features: 2.0, threads
;; Threads of a script are operating-system threads, each with its own store. They share one module's memories and wait
;; for each other without a timeout, in any order.

(module $Mem (memory (export "shared") 1 1 shared))

(thread $Odd (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 1 shared)
    (func (export "play") (param $rounds i32) (result i32)
      (loop $again
        (block $mine
          (loop $try
            (br_if $mine (i32.and (i32.atomic.load (i32.const 0)) (i32.const 1)))
            (drop (memory.atomic.wait32 (i32.const 0) (i32.atomic.load (i32.const 0)) (i64.const 10_000_000)))
            (br $try)))
        (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
        (drop (memory.atomic.notify (i32.const 0) (i32.const -1)))
        (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
      (i32.atomic.load (i32.const 8))))
  (assert_return (invoke "play" (i32.const 50)) (i32.const 7)))

(thread $Sleeper (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 1 shared)
    (func (export "sleep") (result i32)
      (local $result i32)
      ;; Woken, or too late to wait.
      (local.set $result (memory.atomic.wait64 (i32.const 16) (i64.const 0) (i64.const -1)))
      (i32.lt_u (local.get $result) (i32.const 2)))
    (func (export "trap") (drop (i32.atomic.load (i32.const 1)))))
  (assert_return (invoke "sleep") (i32.const 1))
  ;; A trap on another thread is caught there.
  (assert_trap (invoke "trap") "unaligned atomic")
  (assert_trap (module (func $f unreachable) (start $f)) "unreachable"))

(register "mem" $Mem)
(module $Even
  (memory (import "mem" "shared") 1 1 shared)
  (func (export "play") (param $rounds i32)
    (i32.atomic.store (i32.const 8) (i32.const 7))
    (loop $again
      (block $mine
        (loop $try
          (br_if $mine (i32.eqz (i32.and (i32.atomic.load (i32.const 0)) (i32.const 1))))
          (drop (memory.atomic.wait32 (i32.const 0) (i32.atomic.load (i32.const 0)) (i64.const 10_000_000)))
          (br $try)))
      (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
      (drop (memory.atomic.notify (i32.const 0) (i32.const -1)))
      (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))
  (func (export "wake")
    (i64.atomic.store (i32.const 16) (i64.const 1))
    (drop (memory.atomic.notify (i32.const 16) (i32.const -1))))
  (func (export "trap") (drop (memory.atomic.wait32 offset=2 (i32.const 0) (i32.const 0) (i64.const -1))))
  (func (export "score") (result i32) (i32.atomic.load (i32.const 0))))

(invoke $Even "play" (i32.const 50))
(invoke $Even "wake")
(wait $Odd)
(wait $Sleeper)
(assert_return (invoke $Even "score") (i32.const 100))
(assert_trap (invoke $Even "trap") "unaligned atomic")
