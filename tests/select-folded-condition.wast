;; The condition of a `select` keeps its meaning where a compiler can see a comparison through a `nop` or another `select`.

(module
  (func (export "nop") (param i32) (result i32)
    i32.const 0 i32.const 1 local.get 0 i32.eqz nop select)
  (func (export "selected") (param i32) (result i32)
    i32.const 0 i32.const 1 local.get 0 i32.eqz i32.const 5 i32.const 1 select select)
  (func (export "block") (param i32) (result i32)
    i32.const 0 i32.const 1 (block (result i32) local.get 0 i32.eqz) select))

(assert_return (invoke "nop" (i32.const 1)) (i32.const 1))
(assert_return (invoke "nop" (i32.const 0)) (i32.const 0))
(assert_return (invoke "selected" (i32.const 1)) (i32.const 1))
(assert_return (invoke "selected" (i32.const 0)) (i32.const 0))
(assert_return (invoke "block" (i32.const 1)) (i32.const 1))
(assert_return (invoke "block" (i32.const 0)) (i32.const 0))
