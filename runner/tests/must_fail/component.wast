;; fails 8: components are not supported
;; fails 9: components are not supported
;; fails 10: components are not supported
;; fails 11: components are not supported
;; fails 12: components are not supported
;; fails 13: components are not supported
(module)
(component definition $c)
(component instance $i $c)
(component (the syntax of a later version))
(assert_invalid (component) "")
(assert_unlinkable (component (import "f" (func))) "")
(assert_malformed (component quote "(") "")
(module)
