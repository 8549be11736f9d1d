;; Each module fails to link, but for the other reason.
;; fails 4: expected link error "incompatible import type", got link error: unknown import
;; fails 5: expected link error "unknown import", got link error: incompatible import type
(assert_unlinkable (module (import "spectest" "nothing" (func))) "incompatible import type")
(assert_unlinkable (module (import "spectest" "print_i32" (func))) "unknown import")
