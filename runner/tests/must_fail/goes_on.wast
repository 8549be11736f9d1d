;; fails 4: expected [i32 2], got [i32 1]
;; fails 6: expected the module to be accepted
;; follows 7: follows from line 6: the instance is missing
(module (func (export "one") (result i32) (i32.const 1))) (assert_return (invoke "one") (i32.const 2))
(assert_return (invoke "one") (i32.const 1))
(module (func (result i32)))
(assert_return (invoke "one") (i32.const 1))
