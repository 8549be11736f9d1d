;; fails 3: expected a link error, got success
(module definition $D (import "spectest" "print" (func)))
(assert_unlinkable (module instance $D) "unknown import")
