;;! features: 3.0
;; fails 9: expected [ref.null func], got [ref.null extern]
;; fails 10: expected [ref.null any], got [ref.null func]
;; fails 11: expected [ref.null extern], got [ref.null any]
(module
  (func (export "extern") (result externref) (ref.null extern))
  (func (export "func") (result funcref) (ref.null func))
  (func (export "any") (result anyref) (ref.null any)))
(assert_return (invoke "extern") (ref.null func))
(assert_return (invoke "func") (ref.null any))
(assert_return (invoke "any") (ref.null extern))
