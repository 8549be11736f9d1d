;; A table grows by more elements than any machine has room for: the instruction says so with -1. An engine that fails
;; in another way lacks the memory for it.
(module
  (table $t i64 0 funcref)
  (func (export "grow") (result i64) (table.grow $t (ref.null func) (i64.const 0x0100_0000_0000_0000)))
  (func (export "size") (result i64) (table.size $t)))

(assert_return (invoke "grow") (i64.const -1))
(assert_return (invoke "size") (i64.const 0))
