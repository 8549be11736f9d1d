;; `array.copy` looks at both references before it looks at a range, and at the target's range before the source's.
(module
  (type $bytes (array (mut i8)))
  (func $of (param $present i32) (result (ref null $bytes))
    (if (result (ref null $bytes)) (local.get $present)
      (then (array.new_default $bytes (i32.const 4)))
      (else (ref.null $bytes))))
  (func (export "run") (param $from i32) (param $to i32) (param $dst i32) (param $src i32)
    (array.copy $bytes $bytes
      (call $of (local.get $to)) (local.get $dst) (call $of (local.get $from)) (local.get $src) (i32.const 1))))

(assert_return (invoke "run" (i32.const 1) (i32.const 1) (i32.const 3) (i32.const 3)))
(assert_trap (invoke "run" (i32.const 0) (i32.const 1) (i32.const 4) (i32.const 0)) "null array reference")
(assert_trap (invoke "run" (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 4)) "null array reference")
(assert_trap (invoke "run" (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 4)) "null array reference")
(assert_trap (invoke "run" (i32.const 1) (i32.const 1) (i32.const 4) (i32.const 4)) "out of bounds array access")
(assert_trap (invoke "run" (i32.const 1) (i32.const 1) (i32.const 0) (i32.const 4)) "out of bounds array access")
