;; `call_indirect` through a null entry: never written, and later overwritten with null.

(module $M
  (type $thunk (func))
  (table $t 4 funcref)
  (elem (i32.const 1) $nothing $chain)
  (func $nothing)
  (func $clear (export "clear") (table.set $t (i32.const 1) (ref.null func)))
  (func $call (export "call") (param i32) (call_indirect (type $thunk) (local.get 0)))
  (func $chain
    (call $call (i32.const 1))
    (call $call (i32.const 3))))

(assert_trap (invoke "call" (i32.const 0)) "uninitialized element")
(assert_return (invoke "call" (i32.const 1)))
(assert_trap (invoke "call" (i32.const 2)) "uninitialized element")
(assert_return (invoke "clear"))
(assert_trap (invoke "call" (i32.const 1)) "uninitialized element")
(assert_trap (invoke "call" (i32.const 2)) "uninitialized element")
