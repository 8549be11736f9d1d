;; Every scalar store at the first address out of bounds, with operands that other instructions compute. A store that
;; traps writes nothing, not even the bytes that are in bounds.

(module $M
  (memory (export "memory") 1)
  (func (export "i32.store") (param i32) (i32.store (local.get 0) (i32.const -1)))
  (func (export "i32.store8") (param i32) (i32.store8 (local.get 0) (i32.const -1)))
  (func (export "i32.store16") (param i32) (i32.store16 (local.get 0) (i32.const -1)))
  (func (export "i64.store") (param i32) (i64.store (local.get 0) (i64.add (i64.const -2) (i64.const 1))))
  (func (export "i64.store8") (param i32) (i64.store8 (local.get 0) (i64.const -1)))
  (func (export "i64.store16") (param i32) (i64.store16 (local.get 0) (i64.const -1)))
  (func (export "i64.store32") (param i32) (i64.store32 (local.get 0) (i64.const -1)))
  (func (export "f32.store") (param i32) (f32.store (local.get 0) (f32.neg (f32.const nan))))
  (func (export "f64.store") (param i32) (f64.store (local.get 0) (f64.const -1)))
  (func (export "last") (result i64) (i64.load (i32.const 65528))))

(assert_trap (invoke "i32.store" (i32.const 65533)) "out of bounds memory access")
(assert_trap (invoke "i32.store8" (i32.const 65536)) "out of bounds memory access")
(assert_trap (invoke "i32.store16" (i32.const 65535)) "out of bounds memory access")
(assert_trap (invoke "i64.store" (i32.const 65529)) "out of bounds memory access")
(assert_trap (invoke "i64.store8" (i32.const 65536)) "out of bounds memory access")
(assert_trap (invoke "i64.store16" (i32.const 65535)) "out of bounds memory access")
(assert_trap (invoke "i64.store32" (i32.const 65533)) "out of bounds memory access")
(assert_trap (invoke "f32.store" (i32.const 65533)) "out of bounds memory access")
(assert_trap (invoke "f64.store" (i32.const 65529)) "out of bounds memory access")
(assert_return (invoke "last") (i64.const 0))

(assert_return (invoke "i32.store8" (i32.const 65535)))
(assert_return (invoke "last") (i64.const 0xff00000000000000))
(assert_return (invoke "i64.store" (i32.const 65528)))
(assert_return (invoke "last") (i64.const -1))
