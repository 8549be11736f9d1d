;; fails 3: expected trap "unreachable", got success
;; fails 4: the text is malformed
(assert_trap (module $M quote "(func)") "unreachable")
(assert_trap (module quote "(fun)") "unreachable")
