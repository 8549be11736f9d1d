;; fails 3: got success
;; fails 4: the text is malformed
(assert_unlinkable (module $M quote "(func)") "unknown import")
(assert_unlinkable (module quote "(fun)") "unknown import")
