;; fails 8: this runner does not execute `assert_suspension` yet
;; fails 9: components are not supported
;; fails 10: this runner does not execute `script` yet
;; fails 11: this runner does not execute `input` yet
;; fails 12: this runner does not execute `output` yet
;; fails 13: this runner does not execute `output` yet
(module (func (export "f")))
(assert_suspension (invoke "f") "unhandled")
(component)
(script $s (module) (input "x.wast"))
(input $s "x.wast")
(output $s "x.js")
(output)
(assert_return (invoke "f"))
