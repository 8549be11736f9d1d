;; fails 5: the text was accepted
;; fails 6: there is none
;; fails 7: malformed without it
;; fails 8: the text was accepted
(assert_malformed_custom (module quote "(@custom \"good\") (func)") "x")
(assert_malformed_custom (module quote "(fun)") "x")
(assert_malformed_custom (module quote "(@custom 4) (fun)") "x")
(assert_malformed_custom (module (func)) "x")
