;; Bulk memory instructions check the whole range before they write; a dropped segment has length 0.

(module $M
  (memory 1)
  (data $passive "0123456789")
  (data $active (i32.const 0) "xyz")
  (func $fill (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 0x55) (local.get 1)))
  (func $copy (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func $init (export "init") (param i32 i32 i32) (memory.init $passive (local.get 0) (local.get 1) (local.get 2)))
  (func $init-active (export "init-active") (param i32) (memory.init $active (i32.const 0) (i32.const 0) (local.get 0)))
  (func $drop (export "drop") (data.drop $passive))
  (func $wrapped (export "wrapped") (param i32) nop (call $fill (local.get 0) (i32.const 2)))
  (func (export "load8") (param i32) (result i32) (i32.load8_u (local.get 0))))

;; The destination ends outside.
(assert_trap (invoke "fill" (i32.const 65530) (i32.const 7)) "out of bounds memory access")
(assert_trap (invoke "fill" (i32.const -1) (i32.const -1)) "out of bounds memory access")
(assert_return (invoke "load8" (i32.const 65530)) (i32.const 0))
(assert_return (invoke "fill" (i32.const 65536) (i32.const 0)))
(assert_trap (invoke "fill" (i32.const 65537) (i32.const 0)) "out of bounds memory access")
(assert_trap (invoke "wrapped" (i32.const 65535)) "out of bounds memory access")

;; Source or destination of a copy ends outside.
(assert_trap (invoke "copy" (i32.const 65534) (i32.const 0) (i32.const 3)) "out of bounds memory access")
(assert_trap (invoke "copy" (i32.const 0) (i32.const 65534) (i32.const 3)) "out of bounds memory access")
(assert_return (invoke "load8" (i32.const 0)) (i32.const 120))
(assert_return (invoke "copy" (i32.const 65536) (i32.const 65536) (i32.const 0)))

;; The segment ends outside, then the memory.
(assert_trap (invoke "init" (i32.const 0) (i32.const 5) (i32.const 6)) "out of bounds memory access")
(assert_trap (invoke "init" (i32.const 65530) (i32.const 0) (i32.const 7)) "out of bounds memory access")
(assert_trap (invoke "init" (i32.const 0) (i32.const -1) (i32.const 2)) "out of bounds memory access")
(assert_return (invoke "init" (i32.const 100) (i32.const 9) (i32.const 1)))
(assert_return (invoke "load8" (i32.const 100)) (i32.const 57))

;; An active segment is dropped after use.
(assert_return (invoke "init-active" (i32.const 0)))
(assert_trap (invoke "init-active" (i32.const 1)) "out of bounds memory access")
(assert_return (invoke "drop"))
(assert_return (invoke "drop"))
(assert_return (invoke "init" (i32.const 0) (i32.const 0) (i32.const 0)))
(assert_trap (invoke "init" (i32.const 0) (i32.const 0) (i32.const 1)) "out of bounds memory access")
