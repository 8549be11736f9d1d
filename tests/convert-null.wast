;; `any.convert_extern` and `extern.convert_any` accept subtypes, and a null stays a null.
;;! features: 3.0

(module
  (func (export "to-any") (result anyref) (any.convert_extern (ref.null noextern)))
  (func (export "to-extern") (result externref) (extern.convert_any (ref.null none)))
  (func (export "back") (result externref)
    (extern.convert_any (any.convert_extern (ref.null noextern)))))

(assert_return (invoke "to-any") (ref.null any))
(assert_return (invoke "to-extern") (ref.null extern))
(assert_return (invoke "back") (ref.null extern))
