;; fails 8: the runner does not execute `assert_suspension`
;; fails 9: components are not supported
;; fails 10: the runner does not execute `script`
;; fails 11: the runner does not execute `input`
;; fails 12: the runner does not execute `output`
;; fails 13: the runner does not execute `output`
(module $M (func (export "f")))
(assert_suspension (invoke "f") "unhandled")
(component)
(script $s (module) (input "x.wast"))
(input $s "x.wast")
(output $s "x.js")
(output)
(assert_return (invoke $M "f"))
