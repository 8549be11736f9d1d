;; An imported table is the exporter's table: entries, growth and nulls, with functions of three instances.

(module $Owner
  (type $f (func (result i32)))
  (table $t (export "table") 2 6 funcref)
  (func $mine (result i32) (i32.const 1))
  (elem (i32.const 0) $mine)
  (func (export "call") (param i32) (result i32) (call_indirect (type $f) (local.get 0)))
  (func (export "size") (result i32) (table.size $t)))
(register "owner" $Owner)

(module $Guest
  (import "owner" "table" (table $t 2 6 funcref))
  (global $state (mut i32) (i32.const 10))
  (func $theirs (export "theirs") (result i32)
    (global.set $state (i32.add (global.get $state) (i32.const 1)))
    (global.get $state))
  (func (export "grow") (param i32) (result i32) (table.grow $t (ref.func $theirs) (local.get 0)))
  (func (export "copy") (table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 3)))
  (func (export "clear") (param i32) (table.set $t (local.get 0) (ref.null func))))

(assert_return (invoke $Owner "call" (i32.const 0)) (i32.const 1))
(assert_trap (invoke $Owner "call" (i32.const 1)) "uninitialized element")
(assert_return (invoke $Guest "grow" (i32.const 2)) (i32.const 2))
(assert_return (invoke $Owner "size") (i32.const 4))
(assert_return (invoke $Owner "call" (i32.const 3)) (i32.const 11))
(assert_return (invoke $Guest "copy"))
(assert_return (invoke $Owner "call" (i32.const 1)) (i32.const 1))
(assert_trap (invoke $Owner "call" (i32.const 2)) "uninitialized element")
(assert_return (invoke $Owner "call" (i32.const 3)) (i32.const 12))
(assert_return (invoke $Guest "theirs") (i32.const 13))
(assert_return (invoke $Guest "grow" (i32.const 3)) (i32.const -1))
(assert_return (invoke $Guest "clear" (i32.const 0)))
(assert_trap (invoke $Owner "call" (i32.const 0)) "uninitialized element")
