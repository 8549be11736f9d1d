;; Custom annotations: well-formed ones do not change a module, and a wrong one is not a wrong module.

(module
  (@custom "first" "contents")
  (@custom "second" (after func) "more")
  (func (export "hinted") (param i32) (result i32)
    (local.get 0)
    (@metadata.code.branch_hint "\00")
    (if (result i32) (then (i32.const 1)) (else (i32.const 2)))))
(assert_return (invoke "hinted" (i32.const 0)) (i32.const 2))
(assert_return (invoke "hinted" (i32.const 5)) (i32.const 1))

(module quote "")
(module quote "(@custom \"alone\")")

(assert_malformed_custom (module quote "(@custom)") "@custom annotation: missing section name")
(assert_malformed_custom (module quote "(func (@custom \"inside\"))") "misplaced @custom annotation")

(assert_invalid_custom
  (module (func (param i32) (drop (@metadata.code.branch_hint "\01") (i32.eqz (local.get 0)))))
  "@metadata.code.branch_hint annotation: invalid target")
