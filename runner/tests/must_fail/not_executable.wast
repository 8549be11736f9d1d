;; fails 4: this runner does not execute `assert_suspension` yet
;; fails 5: components are not supported
(module (func (export "f")))
(assert_suspension (invoke "f") "unhandled")
(component)
