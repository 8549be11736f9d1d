;; Recursion through the host ends in the same trap: host frames are on the same stack.

(module $M
  (import "host" "call" (func $host-call (param funcref)))
  (elem declare func $again)
  (func $again (export "again") (call $host-call (ref.func $again)))
  (func (export "fine") (result i32) (i32.const 1)))

(assert_exhaustion (invoke "again") "call stack exhausted")
(assert_return (invoke "fine") (i32.const 1))
