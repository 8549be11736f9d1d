;;! features: 3.0
;; fails 8: expected [ref.exn], got [ref.null any
;; fails 9: expected [ref.exn], got [ref.extern 1]
(module
  (func (export "null") (result anyref) (ref.null any))
  (func (export "extern") (param externref) (result externref) (local.get 0)))

(assert_return (invoke "null") (ref.exn))
(assert_return (invoke "extern" (ref.extern 1)) (ref.exn))
