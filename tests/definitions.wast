;; A module definition runs nothing and allocates nothing. Each of its instances has its own state. Only `register`
;; makes a name importable.

(module definition $Counter
  (global $n (mut i32) (i32.const 0))
  (func (export "next") (result i32)
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (global.get $n)))
(module definition (memory 65536 65536))
(module definition (func $start unreachable) (start $start))

(module instance $a $Counter)
(module instance $b $Counter)
(assert_return (invoke $a "next") (i32.const 1))
(assert_return (invoke $a "next") (i32.const 2))
(assert_return (invoke $b "next") (i32.const 1))
(assert_unlinkable (module (import "a" "next" (func (result i32)))) "unknown import")
(register "a" $a)
(module (import "a" "next" (func $next (result i32))) (func (export "twice") (result i32) (drop (call $next)) (call $next)))
(assert_return (invoke "twice") (i32.const 4))
(assert_return (invoke $a "next") (i32.const 5))
