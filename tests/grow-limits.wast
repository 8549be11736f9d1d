;;! features: 2.0
;; Memories and tables grow to their maximum, not past it, by zero, and not by more than is possible.

(module $Bounded
  (memory 1 3)
  (table $t 1 3 externref)
  (func (export "memory.grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "memory.size") (result i32) (memory.size))
  (func (export "table.grow") (param i32) (result i32) (table.grow $t (ref.null extern) (local.get 0)))
  (func (export "table.size") (result i32) (table.size $t)))

(assert_return (invoke "memory.grow" (i32.const 0)) (i32.const 1))
(assert_return (invoke "memory.grow" (i32.const 3)) (i32.const -1))
(assert_return (invoke "memory.grow" (i32.const -1)) (i32.const -1))
(assert_return (invoke "memory.grow" (i32.const 65535)) (i32.const -1))
(assert_return (invoke "memory.size") (i32.const 1))
(assert_return (invoke "memory.grow" (i32.const 2)) (i32.const 1))
(assert_return (invoke "memory.grow" (i32.const 0)) (i32.const 3))
(assert_return (invoke "memory.grow" (i32.const 1)) (i32.const -1))
(assert_return (invoke "memory.size") (i32.const 3))
(assert_return (invoke "table.grow" (i32.const 0)) (i32.const 1))
(assert_return (invoke "table.grow" (i32.const -1)) (i32.const -1))
(assert_return (invoke "table.grow" (i32.const 2)) (i32.const 1))
(assert_return (invoke "table.grow" (i32.const 1)) (i32.const -1))
(assert_return (invoke "table.size") (i32.const 3))

(module $Unbounded
  (memory 0)
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))

(assert_return (invoke "grow" (i32.const 65537)) (i32.const -1))
(assert_return (invoke "grow" (i32.const 1)) (i32.const 0))
(assert_return (invoke "store" (i32.const 0) (i32.const 5)))
(assert_return (invoke "grow" (i32.const 100)) (i32.const 1))
(assert_return (invoke "load" (i32.const 0)) (i32.const 5))
(assert_return (invoke "load" (i32.const 6619135)) (i32.const 0))
(assert_trap (invoke "load" (i32.const 6619136)) "out of bounds memory access")

(assert_invalid (module (memory 65537)) "memory size must be at most 65536 pages (4GiB)")
(assert_invalid (module (memory 2 1)) "size minimum must not be greater than maximum")
