;; fails 7: expected [ref.func 1], got [ref.func #1]
;; fails 8: expected [ref.func 0], got [ref.null func]
;; fails 9: expected function 3 of the instance: usage error: there is no function 3
;; fails 10: expected
;; fails 11: a result names a function by its index, not as $g
(module (func $f (export "f") (result funcref) (ref.func $f)) (func (export "null") (result funcref) (ref.null func)) (func))
(assert_return (invoke "f") (ref.func 1))
(assert_return (invoke "null") (ref.func 0))
(assert_return (invoke "f") (ref.func 3))
(assert_return (invoke "f") (ref.func 2))
(assert_return (invoke "f") (ref.func $g))
(assert_return (invoke "f") (ref.func 0))
