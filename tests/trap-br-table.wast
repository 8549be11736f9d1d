;; A jump table whose arms and default each trap in a different way.

(module $M
  (memory 1)
  (table 1 funcref)
  (func $dispatch (export "dispatch") (param i32) (result i32)
    (block $default
      (block $four
        (block $three
          (block $two
            (block $one
              (block $zero
                (br_table $zero $one $two $three $four $default (local.get 0)))
              (unreachable))
            (return (i32.div_s (i32.const 1) (i32.const 0))))
          (return (i32.load (i32.const -1))))
        (call_indirect (i32.const 0))
        (return (i32.const 0)))
      (return (i32.const 4)))
    (i32.trunc_f64_u (f64.const -1)))
  (func $outer (export "outer") (param i32) (result i32)
    (block (result i32)
      (br_table 0 0 (call $dispatch (local.get 0)) (local.get 0)))))

(assert_trap (invoke "dispatch" (i32.const 0)) "unreachable")
(assert_trap (invoke "dispatch" (i32.const 1)) "integer divide by zero")
(assert_trap (invoke "dispatch" (i32.const 2)) "out of bounds memory access")
(assert_trap (invoke "dispatch" (i32.const 3)) "uninitialized element")
(assert_return (invoke "dispatch" (i32.const 4)) (i32.const 4))
(assert_trap (invoke "dispatch" (i32.const 5)) "integer overflow")
(assert_trap (invoke "dispatch" (i32.const -1)) "integer overflow")
(assert_trap (invoke "outer" (i32.const 2)) "out of bounds memory access")
(assert_return (invoke "outer" (i32.const 4)) (i32.const 4))
