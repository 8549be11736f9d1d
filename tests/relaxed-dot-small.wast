;; The relaxed dot products of small numbers, where every implementation has the same result.
(module
  (func (export "dot") (param v128 v128) (result v128)
    (i16x8.relaxed_dot_i8x16_i7x16_s (local.get 0) (local.get 1)))
  (func (export "add") (param v128 v128 v128) (result v128)
    (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get 0) (local.get 1) (local.get 2))))
(assert_return (invoke "dot" (v128.const i8x16 1 -2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    (v128.const i8x16 1 1 1 1 1 1 1 1 2 2 2 2 2 2 2 2))
  (v128.const i16x8 -1 7 11 15 38 46 54 62))
(assert_return (invoke "add" (v128.const i8x16 1 -2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    (v128.const i8x16 1 1 1 1 1 1 1 1 2 2 2 2 2 2 2 2) (v128.const i32x4 100 -26 0 1))
  (v128.const i32x4 106 0 84 117))
