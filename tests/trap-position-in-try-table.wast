;; Inside of a `try_table`, the offset of a trap is still that of its instruction, and that of a caller its call.
(module
  (import "host" "call" (func $call (param funcref)))
  (func $trap unreachable)
  (elem declare func $trap)
  (func (export "null")
    (block $handler
      (try_table (catch_all $handler)
        (throw_ref (ref.null exn)))))
  (func (export "host")
    (block $handler
      (try_table (catch_all $handler)
        (call $call (ref.func $trap)))))
  (func (export "call")
    (block $handler
      (try_table (catch_all $handler)
        (call $trap)))))
(assert_trap (invoke "null") "null exception reference")
(assert_trap (invoke "host") "unreachable")
(assert_trap (invoke "call") "unreachable")
