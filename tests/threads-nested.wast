;;! features: 2.0, threads
;; A thread lends on what was lent to it, to any depth, and lends memories of its own beside it.

(module $Mem (memory (export "shared") 1 1 shared))

(thread $Outer (shared (module $Mem))
  (thread $Middle (shared (module $Mem))
    (thread $Inner (shared (module $Mem))
      (register "mem" $Mem)
      (module
        (memory (import "mem" "shared") 1 1 shared)
        (func (export "write") (i32.atomic.store (i32.const 0) (i32.const 1))))
      (invoke "write"))
    (wait $Inner)
    (register "mem" $Mem)
    (module
      (memory (import "mem" "shared") 1 1 shared)
      (func (export "write") (i32.atomic.store (i32.const 4) (i32.const 2))))
    (invoke "write"))
  (wait $Middle)
  (module $Own (memory (export "own") 1 1 shared))
  (thread $Other (shared (module $Own))
    (register "own" $Own)
    (module
      (memory (import "own" "own") 1 1 shared)
      (func (export "write") (i32.atomic.store (i32.const 0) (i32.const 3))))
    (invoke "write"))
  (wait $Other)
  (register "mem" $Mem)
  (register "own" $Own)
  (module
    (memory (import "mem" "shared") 1 1 shared)
    (func (export "sum") (result i32)
      (i32.add (i32.atomic.load (i32.const 0)) (i32.atomic.load (i32.const 4)))))
  (assert_return (invoke "sum") (i32.const 3))
  (module
    (memory (import "own" "own") 1 1 shared)
    (func (export "read") (result i32) (i32.atomic.load (i32.const 0))))
  (assert_return (invoke "read") (i32.const 3)))
(wait $Outer)

(register "mem" $Mem)
(module
  (memory (import "mem" "shared") 1 1 shared)
  (func (export "both") (result i32 i32) (i32.atomic.load (i32.const 0)) (i32.atomic.load (i32.const 4))))
(assert_return (invoke "both") (i32.const 1) (i32.const 2))
