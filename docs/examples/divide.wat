(module $divide
  (func $checked (param i32 i32) (result i32)
    (i32.div_u (local.get 0) (local.get 1)))
  (func (export "divide") (param i32 i32) (result i32)
    (call $checked (local.get 0) (local.get 1))))
