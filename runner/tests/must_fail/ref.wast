;;! features: 3.0
;; fails 7: expected [ref], got [ref.func
;; fails 8: expected [ref], got [i32 1]
(module
  (func $f (export "self") (result funcref) (ref.func $f))
  (func (export "one") (result i32) (i32.const 1)))
(assert_return (invoke "self") (ref))
(assert_return (invoke "one") (ref))
