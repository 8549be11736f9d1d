;; fails 5: there is none
;; fails 6: there is none
;; fails 9: malformed
;; fails 10: invalid
(assert_invalid_custom (module quote "(func)") "x")
(assert_invalid_custom
  (module (func (param i32) (@metadata.code.branch_hint "\01") (if (local.get 0) (then))))
  "x")
(assert_invalid_custom (module quote "(fun)") "x")
(assert_invalid_custom (module quote "(func (@metadata.code.branch_hint \"\\01\") i32.eqz)") "x")
