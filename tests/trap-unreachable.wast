;; `unreachable` at depth 1, at several positions in a function: the offset is that of the executed instruction.

(module $M
  (func $bare (export "bare") unreachable)
  (func $in-block (export "in-block") (block nop unreachable))
  (func $in-arm (export "in-arm") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (unreachable))
      (else (if (result i32) (i32.eqz (local.get 0)) (then nop unreachable) (else (i32.const 1))))))
  (func $after-loop (export "after-loop") (param i32)
    (loop $again (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    unreachable)
  (func $second (export "second") (param i32)
    (if (local.get 0) (then (return)))
    unreachable
    unreachable))

(assert_trap (invoke "bare") "unreachable")
(assert_trap (invoke "in-block") "unreachable")
(assert_trap (invoke "in-arm" (i32.const 1)) "unreachable")
(assert_trap (invoke "in-arm" (i32.const 0)) "unreachable")
(assert_trap (invoke "after-loop" (i32.const 3)) "unreachable")
(assert_trap (invoke "second" (i32.const 0)) "unreachable")
(assert_return (invoke "second" (i32.const 1)))
