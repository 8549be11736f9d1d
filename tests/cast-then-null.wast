;; A null that a cast lets pass traps at the access to it, not at the cast, however often the function was called.
(module
  (type $base (sub (struct (field i32))))
  (type $derived (sub $base (struct (field i32) (field i64))))
  (table $any 3 anyref)
  (elem (table $any) (i32.const 0) anyref (item (struct.new_default $derived)) (item (struct.new_default $base)))
  (func (export "get") (param i32) (result i64)
    (struct.get $derived 1 (ref.cast (ref null $derived) (table.get $any (local.get 0))))))
(assert_return (invoke "get" (i32.const 0)) (i64.const 0))
(assert_trap (invoke "get" (i32.const 1)) "cast failure")
(assert_trap (invoke "get" (i32.const 2)) "null structure reference")
(assert_return (invoke "get" (i32.const 0)) (i64.const 0))
(assert_trap (invoke "get" (i32.const 2)) "null structure reference")
