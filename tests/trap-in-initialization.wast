;; A segment that does not fit is a trap without a frame. Earlier segments stay written, later ones are not written.

(module $Shared
  (memory (export "memory") 1)
  (table (export "table") 4 funcref)
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))
(register "shared" $Shared)

(assert_trap
  (module
    (import "shared" "memory" (memory 1))
    (data (i32.const 0) "first")
    (data (i32.const 65534) "abc")
    (data (i32.const 10) "third"))
  "out of bounds memory access")
(assert_return (invoke $Shared "load" (i32.const 0)) (i32.const 102))
(assert_return (invoke $Shared "load" (i32.const 65534)) (i32.const 0))
(assert_return (invoke $Shared "load" (i32.const 10)) (i32.const 0))

(assert_trap
  (module
    (import "shared" "table" (table 4 funcref))
    (func $one (result i32) (i32.const 1))
    (elem (i32.const 0) $one)
    (elem (i32.const 3) $one $one))
  "out of bounds table access")
(assert_return (invoke $Shared "call" (i32.const 0)) (i32.const 1))
(assert_trap (invoke $Shared "call" (i32.const 3)) "uninitialized element")

;; Element segments come before data segments.
(assert_trap
  (module
    (import "shared" "memory" (memory 1))
    (import "shared" "table" (table 4 funcref))
    (func $two (result i32) (i32.const 2))
    (data (i32.const 20) "x")
    (elem (i32.const 4) $two))
  "out of bounds table access")
(assert_return (invoke $Shared "load" (i32.const 20)) (i32.const 0))
(assert_trap
  (module
    (import "shared" "memory" (memory 1))
    (import "shared" "table" (table 4 funcref))
    (func $three (result i32) (i32.const 3))
    (data (i32.const 65536) "x")
    (elem (i32.const 1) $three))
  "out of bounds memory access")
(assert_return (invoke $Shared "call" (i32.const 1)) (i32.const 3))

;; An empty segment fits at the end, but not past it.
(module (memory 1) (data (i32.const 65536) ""))
(assert_trap (module (memory 1) (data (i32.const 65537) "")) "out of bounds memory access")
(module (table 1 funcref) (elem (i32.const 1) func))
(assert_trap (module (table 1 funcref) (elem (i32.const 2) func)) "out of bounds table access")
