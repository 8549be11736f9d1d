;; An instantiation that fails after linking keeps its writes to imports, and its functions in an imported table still
;; work. One that fails to link has written nothing.

(module $Host
  (type $f (func (result i32)))
  (memory (export "memory") 1)
  (table (export "table") 3 funcref)
  (global (export "global") (mut i32) (i32.const 0))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "call") (param i32) (result i32) (call_indirect (type $f) (local.get 0))))
(register "host-module" $Host)

(assert_trap
  (module
    (import "host-module" "memory" (memory 1))
    (import "host-module" "table" (table 3 funcref))
    (import "host-module" "global" (global $g (mut i32)))
    (global $own (mut i32) (i32.const 40))
    (elem (i32.const 2) $survivor)
    (data (i32.const 5) "\05")
    (func $survivor (result i32)
      (global.set $own (i32.add (global.get $own) (i32.const 1)))
      (global.get $own))
    (func $start (global.set $g (i32.const 9)) (unreachable))
    (start $start))
  "unreachable")

(assert_return (get $Host "global") (i32.const 9))
(assert_return (invoke $Host "load" (i32.const 5)) (i32.const 5))
(assert_return (invoke $Host "call" (i32.const 2)) (i32.const 41))
(assert_return (invoke $Host "call" (i32.const 2)) (i32.const 42))

(assert_unlinkable
  (module
    (import "host-module" "memory" (memory 1))
    (import "host-module" "absent" (func))
    (data (i32.const 5) "\07"))
  "unknown import")
(assert_return (invoke $Host "load" (i32.const 5)) (i32.const 5))
